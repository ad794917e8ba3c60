"""Each benchmark does what it should, in a small size; how fast that was is no test's business."""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import BENCHMARKS, FOLDER, run_each
from tests.bench.api import results as results_of_api
from tests.bench.engine import OnDisk
from tests.bench.imports import compared as results_of_imports
from tests.bench.results import Results, write
from tests.docs.pages import ROOT

# Ends of names that tell in what a figure is, or beginnings of those that compare two.
UNITS = re.compile(r"\w+_(seconds|mib|share|ratio)|(times_|operations_per_run)\w*|rate")


def options(bench: str, *words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    BENCHMARKS[bench].add_options(parser)
    return parser.parse_args(words)


def small(bench: str, *words: str) -> Results:
    return BENCHMARKS[bench].run(options(bench, *words))


def figures(results: Results) -> Iterator[tuple[str, Any]]:
    for row in (*results.rows, *results.reference):
        yield from row.items()


def check(results: Results) -> None:
    assert results.rows
    assert results.reference
    floats = [name for name, value in figures(results) if isinstance(value, float)]
    assert floats
    assert [name for name in floats if not UNITS.fullmatch(name)] == []


def test_every_benchmark_is_documented_by_its_command() -> None:
    page = (ROOT / "docs/performance.md").read_text()
    assert set(re.findall(r"python -m tests\.bench (\w+)", page)) == set(BENCHMARKS)


def test_each_writes_what_it_found_into_one_folder_and_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    few = ["--exports", "4", "--profiles", "3", "--accounts", "2"]
    run_each({"changes": ["--rows", "600"], "refresh": few}, tmp_path / "bench")
    said = capfd.readouterr().out
    for name in ("changes", "refresh"):
        file = tmp_path / "bench" / f"{name}.json"
        assert str(file) in said
        found = json.loads(file.read_text())
        assert found["bench"] == name
        assert found["rows"]
        assert found["reference"]
    assert found["options"] == {"exports": 4, "profiles": 3, "accounts": 2}


def test_make_bench_writes_to_a_folder_that_is_documented_and_ignored_by_git() -> None:
    folder = FOLDER.relative_to(ROOT)
    assert f"{folder.parts[0]}/" in (ROOT / ".gitignore").read_text().splitlines()
    assert f"`{folder}/" in (ROOT / "docs/performance.md").read_text()


def test_a_benchmark_that_fails_ends_them_all(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_each({"changes": ["--rows", "many"], "refresh": []}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_file_tells_the_machine_the_options_and_no_digits_that_say_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "new" / "refresh.json"
    results = Results(rows=[{"exports": 3, "cpu_seconds": 1 / 3}], reference=[{"exports": 1}])
    write(file, "refresh", options("refresh", "--exports", "3"), results)
    found = json.loads(file.read_text())
    assert found["machine"].keys() == {"cpu", "cores", "python"}
    assert all(found["machine"].values())
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\+00:00", found["measured_at"])
    assert found["options"]["exports"] == 3
    assert found["rows"] == [{"exports": 3, "cpu_seconds": 0.3333}]
    assert found["reference"] == [{"exports": 1}]


@pytest.mark.parametrize(
    ("bench", "words"),
    [
        ("destinations", ["--rows", "600", "--only", "Mailchimp"]),
        ("changes", ["--rows", "600"]),
        ("formats", ["--rows", "600"]),
        ("dialects", ["--rows", "300", "--times", "1"]),
        ("refresh", ["--exports", "4", "--profiles", "3", "--accounts", "2"]),
        ("telemetry", ["--rows", "600", "--times", "1"]),
        ("weather", ["--rows", "10000"]),
        ("connections", ["--rows", "3000"]),
    ],
)
def test_each_has_figures_with_units_and_a_reference(bench: str, words: Sequence[str]) -> None:
    check(small(bench, *words))


def test_calls_of_the_api_are_compared_with_those_among_few() -> None:
    results = results_of_api({"GET a run": 0.5}, {"GET a run": 1.0})
    check(results)
    assert results.rows == [{"call": "GET a run", "median_seconds": 1.0, "times_few": 2.0}]


def test_steps_of_loading_are_compared_with_the_first() -> None:
    results = results_of_imports({"azure.functions alone": 0.1, "the app": 0.3})
    check(results)
    [app] = results.rows
    assert app["times_azure_functions"] == pytest.approx(3)


def test_the_second_run_is_compared_with_the_first() -> None:
    [second] = small("changes", "--rows", "2000").rows
    assert (second["sent"], second["unchanged"], second["sent_ratio"]) == (20, 1980, 0.01)


async def test_blobs_on_the_disk_let_the_lane_be_renewed_as_those_of_a_network_do(
    tmp_path: Path,
) -> None:
    (tmp_path / "1.csv").write_bytes(b"Email\na@example.com\n")
    blobs = OnDisk(tmp_path / "blobs")
    blobs.drop(tmp_path / "1.csv")

    async def read() -> None:
        _ = [piece async for piece in blobs.stream("Customers/1.csv")]

    for work in (read(), blobs.read_range("Customers/1.csv", '"1"', 0, 5), blobs.write("a", b"")):
        turns: list[bool] = []
        asyncio.get_running_loop().call_soon(turns.append, True)
        await work
        assert turns
