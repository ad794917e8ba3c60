"""The benchmark of hostile requests."""

from dataclasses import replace

import pytest

from tests.bench.hostile import Round, Took, compared, measure
from tests.bench.hostile_requests import Targets, kinds
from tests.bench.test_bench import check, options

QUIET = [Round(10, 0.1), Round(12, 1.2), Round(11, 0.1)]
ASKED = {("a wrong token", 401): 30, ("a wrong token", 429): 10}
HOSTILE = [Round(14, 0.3, ASKED), Round(20, 1.4, ASKED), Round(15, 0.2, ASKED)]
TOOK = Took(QUIET, HOSTILE, peak_mib=250)


def slower(rounds: list[Round], times: float) -> list[Round]:
    return [replace(each, run_seconds=each.run_seconds * times) for each in rounds]


def test_medians_are_compared_and_answers_are_counted() -> None:
    results = compared(TOOK)
    check(results)
    assert TOOK.times == 15 / 11
    assert [row["too_many"] for row in results.rows] == [10, 10, 10]
    assert [row["requests"] for row in results.rows] == [40, 40, 40]


@pytest.mark.parametrize(
    "took",
    [
        TOOK,
        replace(TOOK, hostile=slower(HOSTILE, 1.2)),  # the median took 1.64 times as long
        replace(TOOK, hostile=[*HOSTILE, Round(90, 9)]),
    ],
)
def test_what_noise_may_explain_does_not_fail(took: Took) -> None:
    assert took.faults() == []


@pytest.mark.parametrize(
    ("took", "fault"),
    [
        (replace(TOOK, hostile=slower(HOSTILE, 1.3)), "times as long"),
        (replace(TOOK, peak_mib=401.0), "401 MiB"),
        (replace(TOOK, hostile=[replace(each, health_seconds=1.1) for each in HOSTILE]), "health"),
        (replace(TOOK, hostile=[Round(14, 0.3, {("odd bytes", 500): 1})]), "1 hostile request"),
        (replace(TOOK, hostile=[Round(14, 0.3, {("odd bytes", 0): 1})]), "1 hostile request"),
    ],
)
def test_what_no_noise_explains_fails(took: Took, fault: str) -> None:
    [found] = took.faults()
    assert fault in found


@pytest.mark.stack
def test_hostile_requests_are_answered_beside_a_run() -> None:
    words = ["--profiles", "3000", "--times", "1", "--latency", "1", "--per-second", "30"]
    words.append("--contributor")
    took = measure(options("hostile", *words))
    [hostile] = took.hostile
    targets = Targets("", "a.b.c", "a.b.c", "", "", "", addresses=1)
    assert {kind for kind, _ in hostile.answers} == set(kinds(targets))
    assert hostile.with_status(0, 500) == 0
    vendor_busy = 503  # with the run itself
    assert hostile.with_status(200, 400, 401, 403, 404, vendor_busy) == hostile.requests
    assert 0 < took.peak_mib < 400
