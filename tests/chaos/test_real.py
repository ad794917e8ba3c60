"""One plan of chaos over the real local stack, and what `make chaos` rests on."""

import random
import re
from pathlib import Path

import pytest

from local.processes import ROOT
from tests.chaos.real import endure
from tests.chaos.real_plan import RATES, draw

SEED = 7
SPAN = 10.0  # seconds of trouble; `make chaos` takes more


@pytest.mark.stack
def test_what_is_sent_survives_hosts_storage_and_vendors_in_trouble(tmp_path: Path) -> None:
    journal = endure(SEED, tmp_path / "chaos", SPAN)

    assert journal.breaks >= 3, journal.lines
    assert any("has landed" in line for line in journal.lines), journal.lines


def test_a_seed_gives_the_same_plan_each_time_and_everything_happens_in_it() -> None:
    plans = [draw(random.Random(SEED), SPAN, exports=5, segments=2) for _ in range(2)]  # noqa: S311 - nothing secret

    assert [blow.told for blow in plans[0]] == [blow.told for blow in plans[1]]
    assert {blow.kind for blow in plans[0]} == RATES.keys()
    assert "delivery=lost" in " ".join(blow.told for blow in plans[0])


def test_the_product_reads_the_time_of_day_where_chaos_can_change_it() -> None:
    reads = re.compile(r"\b(datetime\.now|utcnow|date\.today|time\.time)\b")
    files = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]

    found = [path.relative_to(ROOT).as_posix() for path in files if reads.search(path.read_text())]

    assert found == ["shared/domain/clock.py"]
