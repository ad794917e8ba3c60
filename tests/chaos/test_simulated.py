"""Chaos on a clock that jumps, for a few seeds; `python -m tests.chaos.simulated` runs more of them."""

import logging
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.chaos.simulated import Report, main, simulate
from tests.chaos.simulated_defects import DEFECTS
from tests.chaos.simulated_plan import Kind

SEEDS = (*range(10), 96, 139)  # the last ones each found something that the others had not
RATES = (
    "502 of what had arrived",
    "answers of storage lost",
    "crashes",
    "events dropped",
    "events late",
    "events twice",
    "looks at jobs that failed",
    "messages lost",
    "messages to two hosts",
    "operations that arrived in an outage",
    "operations that failed in an outage",
    "pauses",
    "preparers stalled",
    "resets of what had arrived",
    "runs",
    "slices stalled",
    "storage stopped while jobs are looked at",
    "ticks on two hosts",
    "vendors' 429",
    "vendors' 5xx",
    "vendors' resets",
    "writes",
)


@pytest.fixture(scope="module")
def reports() -> Sequence[Report]:
    """What each seed found, without the warnings of the app about whatever goes wrong."""
    logging.disable()
    try:
        return [simulate(seed) for seed in SEEDS]
    finally:
        logging.disable(logging.NOTSET)


def test_nothing_is_lost_or_left_over_and_next_to_nothing_sent_twice(
    reports: Sequence[Report],
) -> None:
    broken = [str(report) for report in reports if report.broken]
    assert not broken, "\n".join(broken)


def test_the_seeds_meet_every_kind_of_trouble(reports: Sequence[Report]) -> None:
    met = sum((report.met for report in reports), Counter[str]())
    assert [kind for kind in (*Kind, *RATES) if not met[kind]] == []
    destinations = {vendor for report in reports for vendor, _ in report.plan.accounts}
    assert destinations == {"mailchimp", "activecampaign", "constant_contact"}


@pytest.mark.parametrize(
    ("defect", "first", "seen"),
    [
        ("unfenced", 3, "its checkpoint was written after it was over"),
        ("overtaking", 2, "writes again after"),
        ("cancels-unseen", 3, "after it was canceled"),
        ("parts-are-wholes", 0, "turned away, by the vendor"),
        ("one-layout", 132, "not quiet after"),
        ("answers-dropped", 2, "was written again by its slice"),
        ("polls-drop", 4, "was written again by its slice"),
        ("unrecorded", 7, "batches of a slice that was broken off were written again"),
        ("jobs-unseen", 17, "its job was there to be found"),
    ],
)
def test_a_product_that_is_broken_on_purpose_is_found(defect: str, first: int, seen: str) -> None:
    """Some seed in ten finds it; `first` is one that did, so that this is quick."""
    logging.disable()
    try:
        found = (simulate(seed, DEFECTS[defect]).broken for seed in range(first, first + 10))
        assert any(seen in each for broken in found for each in broken)
    finally:
        logging.disable(logging.NOTSET)


def test_a_seed_gives_the_same_simulation_every_time(reports: Sequence[Report]) -> None:
    again = simulate(SEEDS[0])
    assert again.log == reports[0].log
    assert again.met == reports[0].met


def test_the_command_counts_what_it_met(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--first", "3", "--seeds", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("1 seeds, 0 failed. Met: ")
    assert "crashes" in told


def test_the_command_stops_at_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "5", "--seconds", "0"]) == 0
    assert capsys.readouterr().out.startswith("0 seeds")
