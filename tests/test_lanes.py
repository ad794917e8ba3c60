"""What must not be torn apart when tests run side by side stays together, and in its order."""

from pathlib import Path

import pytest

from tests.lanes import FIRST, SHARED, lane, tell_apart

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("path", [path for paths in SHARED.values() for path in paths])
def test_what_shares_a_lane_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_a_lane_that_begins_first_is_one() -> None:
    assert set(FIRST) <= SHARED.keys()


def test_other_files_are_lanes_of_their_own() -> None:
    assert lane("tests/api/test_runs.py::test_it[a/b]") == "tests/api/test_runs.py"
    assert lane("tests/api/test_runs.py::test_it") != lane("tests/api/test_roles.py::test_it")


def test_tests_of_one_id_are_refused_because_only_one_of_them_would_run(
    request: pytest.FixtureRequest,
) -> None:
    with pytest.raises(pytest.UsageError, match=r"the same id: .*test_tests_of_one_id"):
        tell_apart([request.node, request.node])


def test_traces_are_searched_for_by_the_lane_that_leaves_them_when_nothing_follows() -> None:
    folder = ROOT / "tests/e2e"
    files = sorted(str(path.relative_to(ROOT)) for path in folder.rglob("test_*.py"))
    apart = {path for path in files if lane(f"{path}::test_it") != "e2e"}
    assert apart == {"tests/e2e/test_demo.py", "tests/e2e/test_memory.py"}
    assert all(".left_by(" in (ROOT / path).read_text() for path in apart)  # they look themselves
    assert files[-1] == "tests/e2e/test_zz_traces.py"  # files are collected in this order
