"""Which error leads to what, once a slice has met it."""

from datetime import UTC, datetime

import pytest

from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say
from shared.domain.run import RunStatus
from shared.runs.parking import Aborted, Parked, Suspended, after_error
from shared.storage.ports import Missing

WHY = say("Nope.")
EVENING = datetime(2026, 3, 9, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "error", [NeedsAttention(Culprit.LIST, WHY), BadSegment(WHY), BatchRefused("bad", WHY)]
)
def test_what_no_try_changes_ends_the_run(error: Exception) -> None:
    assert after_error(error, 0, EVENING) == Aborted(RunStatus.FAILED_PERMANENT, WHY)


def test_what_is_gone_from_storage_ends_the_run() -> None:
    ended = after_error(Missing("parts/00000.gz"), 0, EVENING)
    assert isinstance(ended, Aborted)
    assert ended.status is RunStatus.FAILED_PERMANENT
    assert "gone from storage" in str(ended.text)


def test_a_connection_that_needs_attention_suspends_the_run() -> None:
    assert after_error(NeedsAttention(Culprit.CONNECTION, WHY), 0, EVENING) == Suspended(WHY)


def test_a_day_that_is_spent_is_waited_out_and_is_no_setback() -> None:
    parked = after_error(DailyQuotaExhausted(WHY), 3, EVENING)
    assert isinstance(parked, Parked)
    assert (parked.status, parked.setbacks) == (RunStatus.QUEUED, None)
    assert 3600 <= parked.delay < 3660


@pytest.mark.parametrize(
    ("error", "setbacks", "delay"),
    [
        (TryLater(WHY), 0, 30),
        (TryLater(WHY), 1, 60),
        (TryLater(WHY), 23, 1800),
        (TryLater(WHY, after=7), 5, 7),
        (RateLimited(WHY, after=1e9), 0, 86400),
    ],
)
def test_a_setback_is_waited_for_as_long_as_was_asked_or_longer_each_time(
    error: Exception, setbacks: int, delay: float
) -> None:
    parked = after_error(error, setbacks, EVENING)
    assert isinstance(parked, Parked)
    assert (parked.status, parked.delay) == (RunStatus.FAILURE, delay)
    assert parked.setbacks == setbacks + 1


def test_the_twenty_fifth_setback_in_a_row_ends_the_run() -> None:
    ended = after_error(TryLater(WHY), 24, EVENING)
    assert isinstance(ended, Aborted)
    assert str(ended.text) == "Given up after 24 tries in a row. Nope."


@pytest.mark.parametrize("error", [AssertionError("lost rows"), KeyError("x"), RuntimeError()])
def test_a_surprise_leads_to_nothing_that_was_thought_of(error: Exception) -> None:
    assert after_error(error, 0, EVENING) is None
