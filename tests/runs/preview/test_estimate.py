"""How long a run takes is told from the limits alone."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.model import Limits, Rate
from shared.runs.preview.estimate import estimate

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TO_MIDNIGHT = 12 * 3600 + 5


def limits(**more: object) -> Limits:
    given_ = {"profiles_per_batch": 500, "bytes_per_batch": 1_000_000, "concurrency": 8} | more
    return Limits(**given_)  # type: ignore[arg-type] # fields by name


def seconds(of: Limits, requests: int, used: int = 0) -> int:
    return estimate(of, requests, used, NOON).seconds


def test_where_no_rate_binds_it_is_the_requests_under_way_at_once() -> None:
    assert seconds(limits(), 2000) == pytest.approx(2000 * 2 / 8, rel=0.01)


def test_a_rate_binds_where_it_is_slower() -> None:
    a_minute = limits(rates=(Rate(100, 60, of="POST /imports"), Rate(5, 1)))
    assert seconds(a_minute, 4000) == pytest.approx(40 * 60, rel=0.03)


def test_nothing_to_send_takes_no_time() -> None:
    assert seconds(limits(requests_per_day=1), 0, used=1) == 0


@pytest.mark.parametrize(
    ("requests", "used", "waits"),
    [
        (100, 0, 0),
        (100, 1, TO_MIDNIGHT),
        (50, 100, TO_MIDNIGHT),
        (200, 0, TO_MIDNIGHT),
        (201, 0, TO_MIDNIGHT + 86_400),
        (301, 50, TO_MIDNIGHT + 2 * 86_400),
        (50, 999, TO_MIDNIGHT),
    ],
)
def test_what_is_more_than_a_day_allows_waits_for_the_next(
    requests: int, used: int, waits: int
) -> None:
    of = limits(requests_per_day=100)
    assert waits <= seconds(of, requests, used) <= waits + 60
    assert any("left today" in str(each) for each in estimate(of, requests, used, NOON).assumptions)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 500), st.integers(0, 600))
def test_more_requests_never_take_less_time(few: int, more: int, day: int, used: int) -> None:
    of = limits(requests_per_day=day, rates=(Rate(4, 1),))
    assert seconds(of, few, used) <= seconds(of, few + more, used)
