"""A run: its key, its timeline and its ways to end; and the counts of its rows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.message import say
from shared.domain.outcomes import Counts, Outcome
from shared.domain.run import (
    TIMELINE_LENGTH,
    Run,
    RunStatus,
    Trigger,
    TriggerKind,
    split_run_id,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def trigger(
    key: str = "k", at: datetime = NOON, kind: TriggerKind = TriggerKind.ARRIVAL
) -> Trigger:
    return Trigger(kind=kind, key=key, at=at)


def run() -> Run:
    return Run(export_id="export", key=trigger().run_key(), trigger=trigger(), created_at=NOON)


def test_the_same_trigger_makes_the_same_key() -> None:
    assert trigger().run_key() == trigger().run_key()


@pytest.mark.parametrize(
    "other",
    [trigger("other"), trigger(kind=TriggerKind.REFRESH), trigger(at=NOON + timedelta(seconds=1))],
    ids=["another key", "another kind", "another instant"],
)
def test_another_trigger_makes_another_key(other: Trigger) -> None:
    assert other.run_key() != trigger().run_key()


instants = st.datetimes(datetime(2020, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - timezones= gives it one


@settings(deadline=None)
@given(instants, st.timedeltas(timedelta(milliseconds=1), timedelta(days=9000)), st.text())
def test_a_newer_run_sorts_before_an_older_one(at: datetime, later: timedelta, key: str) -> None:
    assert trigger(key, at + later).run_key() < trigger("k", at).run_key()


def test_an_id_says_where_the_run_is_stored() -> None:
    assert split_run_id(run().id) == ("export", run().key)


@pytest.mark.parametrize("text", ["", "export", "export."])
def test_what_is_no_run_id_has_no_key(text: str) -> None:
    assert split_run_id(text)[1] == ""


def test_a_long_timeline_keeps_its_beginning_and_its_newest_events() -> None:
    noted = run()
    for number in range(TIMELINE_LENGTH + 50):
        noted = noted.noting(NOON + timedelta(minutes=number), say("event {number}", number=number))

    texts = [str(event.text) for event in noted.timeline]
    assert texts == ["event 0", *(f"event {number}" for number in range(51, 150))]


def test_a_waiting_run_says_why_and_until_when() -> None:
    until = NOON + timedelta(minutes=5)
    waiting = run().waiting(RunStatus.FAILURE, NOON, until, say("It is busy."))
    assert (waiting.status, str(waiting.reason), waiting.resumes_at) == (
        RunStatus.FAILURE,
        "It is busy.",
        until,
    )
    assert [str(event.text) for event in waiting.timeline] == ["It is busy."]


def test_a_run_that_goes_on_has_no_reason_to_wait_any_more() -> None:
    waiting = run().waiting(RunStatus.FAILURE, NOON, NOON, say("It is busy."))
    going_on = waiting.processing(NOON, say("Going on."))
    assert (going_on.status, going_on.reason, going_on.resumes_at) == (
        RunStatus.PROCESSING,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (RunStatus.SUCCESSFUL, None),
        (RunStatus.FAILED_PERMANENT, "Why."),
        (RunStatus.SKIPPED, "Why."),
    ],
)
def test_a_run_that_is_over_has_a_reason_unless_it_was_successful(
    status: RunStatus, reason: str | None
) -> None:
    waiting = run().waiting(RunStatus.FAILURE, NOON, NOON, say("It is busy."))
    over = waiting.over(status, NOON, say("Why."))
    said = None if over.reason is None else str(over.reason)
    assert (said, over.finished_at, over.resumes_at) == (reason, NOON, None)
    assert str(over.timeline[-1].text) == "Why."
    assert over.status.is_over


def test_three_statuses_are_not_the_end() -> None:
    going_on = {status for status in RunStatus if not status.is_over}
    assert going_on == {RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.FAILURE}


numbers = st.dictionaries(st.sampled_from(Outcome), st.integers(0, 10**6))


@settings(deadline=None)
@given(numbers, numbers)
def test_added_counts_are_the_sum_outcome_by_outcome(
    some: dict[Outcome, int], more: dict[Outcome, int]
) -> None:
    counts = Counts().plus(some).plus(more)
    assert counts.total == sum(some.values()) + sum(more.values())
    assert all(getattr(counts, o) == some.get(o, 0) + more.get(o, 0) for o in Outcome)


def test_there_is_a_count_for_every_outcome_and_for_nothing_else() -> None:
    assert set(Counts.model_fields) == set(Outcome)
