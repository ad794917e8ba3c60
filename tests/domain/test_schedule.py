"""When the refresh, and an export by a schedule of its own, is due; clock changes included."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.schedule import ExportSchedule, OwnSchedule, Plan, RefreshSchedule


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def schedule(*times: str, zone: str = "UTC", days: tuple[str, ...] = ()) -> RefreshSchedule:
    return RefreshSchedule.model_validate({"times": times, "days": days, "time_zone": zone})


def monthly(day: int | str, *times: str, zone: str = "UTC") -> OwnSchedule:
    given = {"times": times, "day_of_month": day, "time_zone": zone}
    return OwnSchedule.model_validate(given)


STOCKHOLM = "Europe/Stockholm"

DUE = {
    "the minute in which it falls": (
        schedule("06:30"),
        ("2026-11-21T06:29:30", "2026-11-21T06:30:30"),
        "2026-11-21T06:30:00",
    ),
    "its own instant": (
        schedule("06:30"),
        ("2026-11-21T06:29:00", "2026-11-21T06:30:00"),
        "2026-11-21T06:30:00",
    ),
    "not again right after it": (
        schedule("06:30"),
        ("2026-11-21T06:30:00", "2026-11-21T06:31:00"),
        None,
    ),
    "not before it": (schedule("06:30"), ("2026-11-21T06:28:00", "2026-11-21T06:29:59"), None),
    "never without a time": (schedule(), ("2026-11-01T00:00:00", "2026-11-30T00:00:00"), None),
    "a zone east of us, on its next day": (
        schedule("06:30", zone="Asia/Tokyo"),
        ("2026-11-20T21:29:00", "2026-11-20T21:30:00"),
        "2026-11-20T21:30:00",
    ),
    "on a named day": (
        schedule("06:30", days=("saturday",)),
        ("2026-11-21T06:00:00", "2026-11-21T07:00:00"),
        "2026-11-21T06:30:00",
    ),
    "not on another day": (
        schedule("06:30", days=("friday", "sunday")),
        ("2026-11-21T06:00:00", "2026-11-21T07:00:00"),
        None,
    ),
    "the day is that of the time zone": (
        schedule("06:30", zone="Asia/Tokyo", days=("saturday",)),
        ("2026-11-20T21:00:00", "2026-11-20T22:00:00"),
        "2026-11-20T21:30:00",
    ),
    "only the newest of many missed ones": (
        schedule("06:30", "18:00"),
        ("2026-11-01T00:00:00", "2026-11-21T12:00:00"),
        "2026-11-21T06:30:00",
    ),
    "a weekly one that was missed years ago": (
        schedule("06:30", days=("sunday",)),
        ("2020-01-01T00:00:00", "2026-11-21T12:00:00"),
        "2026-11-15T06:30:00",
    ),
    "before the clocks go forward": (
        schedule("01:59", zone=STOCKHOLM),
        ("2026-03-29T00:00:00", "2026-03-29T06:00:00"),
        "2026-03-29T00:59:00",
    ),
    "left out when they go forward: the first instant after the gap": (
        schedule("02:30", zone=STOCKHOLM),
        ("2026-03-29T00:00:00", "2026-03-29T06:00:00"),
        "2026-03-29T01:00:00",
    ),
    "not again at the time that the gap would have had": (
        schedule("02:30", zone=STOCKHOLM),
        ("2026-03-29T01:00:00", "2026-03-29T06:00:00"),
        None,
    ),
    "twice when they go back: the first": (
        schedule("02:30", zone=STOCKHOLM),
        ("2026-10-25T00:00:00", "2026-10-25T06:00:00"),
        "2026-10-25T00:30:00",
    ),
    "twice when they go back: not the second": (
        schedule("02:30", zone=STOCKHOLM),
        ("2026-10-25T00:30:00", "2026-10-25T06:00:00"),
        None,
    ),
    "a gap at midnight": (
        schedule("00:30", zone="Africa/Cairo"),
        ("2026-04-23T12:00:00", "2026-04-24T12:00:00"),
        "2026-04-23T22:00:00",
    ),
    "a day that a zone left out": (
        schedule("10:00", zone="Pacific/Apia", days=("friday",)),
        ("2011-12-30T09:00:00", "2011-12-30T11:00:00"),
        "2011-12-30T10:00:00",
    ),
}


@pytest.mark.parametrize(("at", "between", "due"), DUE.values(), ids=DUE.keys())
def test_a_refresh_is_due(at: RefreshSchedule, between: tuple[str, str], due: str | None) -> None:
    after, until = map(utc, between)
    assert at.last_due(after, until) == (utc(due) if due else None)


@pytest.mark.parametrize(
    "fields",
    [
        {"time_zone": "Europe/Atlantis"},
        {"time_zone": ""},
        {"times": ["01:00", "02:00", "03:00", "04:00", "05:00"]},
        {"times": ["25:00"]},
        {"times": ["06:00+02:00"]},
        {"days": ["Monday"]},
    ],
    ids=str,
)
def test_a_schedule_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RefreshSchedule.model_validate(fields)


zones = st.sampled_from([STOCKHOLM, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0, tzinfo=None))


@settings(max_examples=50, deadline=None)
@given(
    times=st.lists(minutes, min_size=1, max_size=4),
    zone=zones,
    after=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - timezones= gives it one
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=1)),
)
def test_what_is_due_lies_after_the_last_look_and_is_the_newest_scheduled_time(
    times: list[time], zone: str, after: datetime, length: timedelta
) -> None:
    until = after + length
    due = RefreshSchedule(times=times, time_zone=zone).last_due(after, until)

    walls = {wall for wall in walls_of(after, until, zone) if wall.time() in times}
    if due is None:
        assert not walls
        return
    assert after < due <= until
    assert due.tzinfo is UTC
    local = due.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    after_a_gap = (due - timedelta(minutes=1)).astimezone(ZoneInfo(zone)).utcoffset() != (
        due.astimezone(ZoneInfo(zone)).utcoffset()
    )
    assert local.time() in times or after_a_gap
    assert all(wall <= local for wall in walls)


def walls_of(after: datetime, until: datetime, name: str) -> set[datetime]:
    """Return, by walking every minute, the wall times that came for the first time in the interval."""
    zone = ZoneInfo(name)
    at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    walls = set()
    while at <= until:
        local = at.astimezone(zone)
        if not local.fold:
            walls.add(local.replace(tzinfo=None))
        at += timedelta(minutes=1)
    return walls


@settings(max_examples=60, deadline=None)
@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)), zones)
def test_every_day_has_its_daily_refresh_once(day: date, zone: str) -> None:
    daily = schedule("02:30", zone=zone)
    noon = datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
    due = daily.last_due(noon - timedelta(hours=13), noon)
    assert due is not None
    assert daily.last_due(due, noon) is None


MONTHLY = {
    "the day itself": (
        monthly(21, "06:30"),
        ("2026-11-21T06:00:00", "2026-11-21T07:00:00"),
        "2026-11-21T06:30:00",
    ),
    "not another day": (monthly(20, "06:30"), ("2026-11-21T06:00:00", "2026-11-22T07:00:00"), None),
    "the last day": (
        monthly("last", "06:30"),
        ("2026-11-29T00:00:00", "2026-12-01T00:00:00"),
        "2026-11-30T06:30:00",
    ),
    "not the day before the last": (
        monthly("last", "06:30"),
        ("2026-11-29T00:00:00", "2026-11-30T00:00:00"),
        None,
    ),
    "a day that February lacks: its last": (
        monthly(30, "06:30"),
        ("2026-02-01T00:00:00", "2026-03-01T00:00:00"),
        "2026-02-28T06:30:00",
    ),
    "in a leap year": (
        monthly(31, "06:30"),
        ("2028-02-01T00:00:00", "2028-03-01T00:00:00"),
        "2028-02-29T06:30:00",
    ),
    "the day is that of the time zone": (
        monthly(1, "06:30", zone="Asia/Tokyo"),
        ("2026-11-30T21:00:00", "2026-11-30T22:00:00"),
        "2026-11-30T21:30:00",
    ),
    "one that was missed a month ago": (
        monthly(31, "06:30"),
        ("2020-01-01T00:00:00", "2026-03-31T06:29:00"),
        "2026-02-28T06:30:00",
    ),
    "in the hour that a clock change leaves out": (
        monthly("last", "02:30", zone=STOCKHOLM),
        ("2024-03-30T12:00:00", "2024-03-31T12:00:00"),
        "2024-03-31T01:00:00",
    ),
    "in the hour that comes twice: the first": (
        monthly(25, "02:30", zone=STOCKHOLM),
        ("2026-10-25T00:00:00", "2026-10-25T06:00:00"),
        "2026-10-25T00:30:00",
    ),
    "in the hour that comes twice: not the second": (
        monthly(25, "02:30", zone=STOCKHOLM),
        ("2026-10-25T00:30:00", "2026-10-25T06:00:00"),
        None,
    ),
}


@pytest.mark.parametrize(("own", "between", "due"), MONTHLY.values(), ids=MONTHLY.keys())
def test_a_monthly_schedule_is_due(
    own: OwnSchedule, between: tuple[str, str], due: str | None
) -> None:
    after, until = map(utc, between)
    assert own.last_due(after, until) == (utc(due) if due else None)


@settings(max_examples=100, deadline=None)
@given(
    day=st.integers(1, 31) | st.just("last"),
    year=st.integers(2024, 2028),
    month=st.integers(1, 12),
    at=minutes,
    zone=zones,
)
def test_every_month_has_its_day_once(
    day: int | str, year: int, month: int, at: time, zone: str
) -> None:
    own = monthly(day, at.isoformat(), zone=zone)
    last = monthrange(year, month)[1]
    here, instant = ZoneInfo(zone), timedelta(microseconds=1)
    begin = datetime(year, month, 1, tzinfo=here).astimezone(UTC) - instant
    following = date(year, month, last) + timedelta(days=1)
    end = datetime.combine(following, time(), here).astimezone(UTC) - instant

    due = own.last_due(begin, end)

    assert due is not None
    assert due.astimezone(here).day == (last if day == "last" else min(int(day), last))
    assert own.last_due(begin, due - instant) is None


own_schedules = st.builds(
    lambda times, zone, days: OwnSchedule.model_validate(
        {"times": times, "time_zone": zone} | days
    ),
    st.lists(minutes, min_size=1, max_size=4),
    zones,
    st.one_of(
        st.just({}),
        st.lists(st.sampled_from(["monday", "thursday", "sunday"]), min_size=1, max_size=3).map(
            lambda days: {"days": days}
        ),
        (st.integers(1, 31) | st.just("last")).map(lambda day: {"day_of_month": day}),
    ),
)


@settings(max_examples=60, deadline=None)
@given(
    own=own_schedules,
    begin=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - timezones= gives it one
    looks=st.lists(st.timedeltas(timedelta(0), timedelta(days=3)), min_size=1, max_size=30),
)
def test_looking_often_finds_every_instant_once_and_looking_late_the_newest(
    own: OwnSchedule, begin: datetime, looks: list[timedelta]
) -> None:
    """However the time is cut into looks, what they find is in order, and ends with the same."""
    at, found = begin, []
    for look in looks:
        due = own.last_due(at, at + look)
        if due is not None:
            assert at < due <= at + look
            found.append(due)
        at += look
    assert found == sorted(set(found))
    newest = own.last_due(begin, at)
    assert newest == (found[-1] if found else None)


@settings(max_examples=150, deadline=None)
@given(
    own=own_schedules,
    after=st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - timezones= gives it one
)
def test_the_next_instant_is_the_first_that_a_look_finds(own: OwnSchedule, after: datetime) -> None:
    at = own.next_due(after)
    assert at is not None
    assert after < at
    assert own.names(at)
    assert own.last_due(after, at) == at
    assert own.last_due(after, at - timedelta(microseconds=1)) is None


def test_what_has_no_times_has_no_next_instant() -> None:
    assert schedule().next_due(utc("2026-11-21T09:00:00")) is None


@pytest.mark.parametrize(
    ("since", "first", "newest"),
    [
        ("2026-11-21T08:59:59", "2026-11-21T09:00:00", "2026-11-21T18:00:00"),
        ("2026-11-21T09:00:00", "2026-11-21T09:00:00", None),
        ("2026-11-21T12:00:00", "2026-11-21T09:00:00", None),
        ("2026-11-20T00:00:00", "2026-11-21T09:00:01", None),
        ("2026-11-20T00:00:00", "2026-11-21T18:00:00", "2026-11-21T18:00:00"),
    ],
)
def test_a_plan_makes_up_from_an_instant_of_its_own(
    since: str, first: str, newest: str | None
) -> None:
    plan = Plan(schedule("09:00", "18:00"), utc(since))
    until = utc("2026-11-21T20:00:00")
    assert plan.newest(utc(first), until) == (utc(newest) if newest else None)
    assert plan.next_due(utc("2026-11-21T09:00:00")) == utc("2026-11-21T18:00:00")


@pytest.mark.parametrize(
    "fields",
    [
        {"times": []},
        {"times": ["06:00"], "days": ["monday"], "day_of_month": 1},
        {"times": ["06:00"], "day_of_month": 0},
        {"times": ["06:00"], "day_of_month": 32},
        {"times": ["06:00"], "day_of_month": "first"},
        {"times": ["06:00"], "day_of_month": 1.5},
        {"times": ["06:00"], "day_of_month": True},
        {"times": ["06:00"], "time_zone": "Mars"},
    ],
    ids=str,
)
def test_an_own_schedule_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OwnSchedule.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"follows": "own"},
        {"follows": "off", "own": {"times": ["06:00"]}},
        {"follows": "system", "own": {"times": ["06:00"]}},
        {"own": {"times": ["06:00"]}},
        {"follows": "nobody"},
    ],
    ids=str,
)
def test_an_export_has_its_own_schedule_exactly_if_it_follows_it(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ExportSchedule.model_validate(fields)
