"""Schedules."""

from datetime import UTC, datetime

import pytest

from local.host.cron import parse


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("0 * * * * *", "2026-11-22 01:02:03", "2026-11-22 01:03:00"),
        ("0 * * * * *", "2026-11-22 01:02:00", "2026-11-22 01:03:00"),
        ("* * * * * *", "2026-12-31 23:59:59", "2027-01-01 00:00:00"),
        ("* * * * *", "2026-11-22 01:02:03", "2026-11-22 01:03:00"),
        ("0 */20 * * * *", "2026-11-22 01:41:00", "2026-11-22 02:00:00"),
        ("0 5/20 * * * *", "2026-11-22 01:26:00", "2026-11-22 01:45:00"),
        ("30 10,50 1-3 * * *", "2026-11-22 03:50:30", "2026-11-23 01:10:30"),
        ("0 0 9-17/4 * * 1-5", "2026-11-20 17:00:00", "2026-11-23 09:00:00"),  # Friday, Monday
        ("0 0 0 * * 0", "2026-11-22 00:00:00", "2026-11-29 00:00:00"),  # Sundays
        ("0 0 0 13 * 5", "2026-11-14 00:00:00", "2027-08-13 00:00:00"),  # both must match
        ("0 0 0 29 2 *", "2096-03-01 00:00:00", "2104-02-29 00:00:00"),
        ("0 0 0 13 5-5 *", "2026-05-13 00:00:00", "2027-05-13 00:00:00"),
        ("0 0 0 * * 4-4/2", "2026-11-26 00:00:00", "2026-12-03 00:00:00"),
        ("0 0 0 29 2 1", "2072-03-01 00:00:00", "2112-02-29 00:00:00"),  # no Monday in between
        ("0 0 0 31 * *", "2026-12-31 12:00:00", "2027-01-31 00:00:00"),
    ],
)
def test_the_next_occurrence_is_later_than_the_given_instant(
    schedule: str, after: str, expected: str
) -> None:
    assert parse(schedule).next(_at(after)) == _at(expected)


def test_fractions_of_a_second_do_not_skip_an_occurrence() -> None:
    after = _at("2026-11-22 01:02:03.999")
    assert parse("4 * * * * *").next(after) == _at("2026-11-22 01:02:04")


@pytest.mark.parametrize(
    "schedule",
    ["", "* * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "*/0 * * * * *", "5-1 * * * * *",
     "a * * * * *", "* * * * * 7", "1,, * * * * *", "* * * * JAN *", "-1 * * * * *",
     "* * * * * 1-7", "* * * * * 07", "* * * * * SUN", "* * * * * 1#2", "* * * L * *", "* * * ? * *",
     "R * * * * *", "@hourly", "* * * * * * 2027"],
)  # fmt: skip
def test_a_schedule_that_cannot_be_read_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match=r"field|within"):
        parse(schedule)


def test_a_schedule_that_never_occurs_says_so() -> None:
    with pytest.raises(ValueError, match="never"):
        parse("0 0 0 30 2 *").next(_at("2026-11-22 00:00:00"))
