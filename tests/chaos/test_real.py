"""One plan of chaos over the real local stack, and what `make chaos` rests on."""

import json
import random
import re
from pathlib import Path

import pytest

from local.processes import ROOT
from tests.chaos.real import endure
from tests.chaos.real_plan import RATES, draw
from tests.chaos.real_proof import too_often
from tests.chaos.real_writes import begun_between, older_after_newer, writes

SEED = 7
SPAN = 8.0  # seconds of trouble; `make chaos` takes more


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


def test_what_vendors_were_sent_tells_of_overtaking_and_of_batches_after_a_cancel(
    tmp_path: Path,
) -> None:
    file = tmp_path / "mailchimp.jsonl"
    sent = [(1, {"ann": 1, "bob": 1}), (2, {"ann": 2}), (4, {"ann": 2}), (5, {"ann": 1, "li": 1})]
    lines = [
        {
            "at": at,
            "method": "POST",
            "path": "/3.0/lists/a1",
            "body": json.dumps(
                {
                    "members": [
                        {"email_address": address, "merge_fields": {"LNAME": f"Alpha v{version}"}}
                        for address, version in versions.items()
                    ]
                }
            ),
        }
        for at, versions in sent
    ]
    lines.append({"at": 6, "method": "POST", "path": "/3.0/lists/another", "body": "{}"})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    found = writes(file, "mailchimp", 1, "a1")

    assert [write.versions for write in found] == [versions for _, versions in sent]
    assert older_after_newer(found) == ["ann"]
    assert older_after_newer(found[:3]) == []
    # The batch of second 4 was begun in second 2, and the last one came when the run was over.
    assert [begun_between(found, 3, before) for before in (5, 6)] == [0, 1]


def test_only_breaks_and_lost_answers_explain_what_is_sent_again() -> None:
    assert list(too_often(received=3_000, needed=2_000, in_flight=500, lost=500)) == []
    [found] = too_often(received=3_001, needed=2_000, in_flight=500, lost=500)
    assert found.startswith("received 3001 profiles where 2000 were to be sent")


def test_the_product_reads_the_time_of_day_where_chaos_can_change_it() -> None:
    reads = re.compile(r"\b(datetime\.now|utcnow|date\.today|time\.time)\b")
    files = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]

    found = [path.relative_to(ROOT).as_posix() for path in files if reads.search(path.read_text())]

    assert found == ["shared/domain/clock.py"]
