"""When exports are due: by the refresh schedule of the system, or by one of their own."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from shared.domain.message import say

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_DAYS: tuple[Day, ...] = Day.__args__  # type: ignore[attr-defined] # typing has no public name for it

_LONGEST_GAP = timedelta(days=33)
"""Between two days that a schedule names lie 31 days at most; the rest is for time zones."""

_INSTANT = timedelta(microseconds=1)
_EVER = datetime.min.replace(tzinfo=UTC)

_zones = cache(
    available_timezones
)  # it looks through folders, and exports are read by the thousand


def _known_zone(name: str) -> str:
    if name not in _zones():
        raise ValueError(say("This is no IANA time zone; one looks like Europe/Stockholm."))
    return name


def _wall_clock(at: Any) -> time:
    """Return a time, or the one that a text is: pydantic would take seconds since midnight, too."""
    if isinstance(at, str) and re.fullmatch(_TIME, at):
        return time.fromisoformat(at)
    if isinstance(at, time) and at.tzinfo is None:
        return at
    raise ValueError(
        say(
            "Give a time of day such as 06:30, without an offset; time_zone says where it is meant."
        )
    )


type WallClock = Annotated[
    time,
    BeforeValidator(_wall_clock),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME}$", "examples": ["06:30"]}),
]


def _day_of_month(day: Any) -> Any:
    # Else pydantic would tell of the same mistake once for each member of the union.
    if day == "last" or (type(day) is int and 1 <= day <= 31):
        return day
    raise ValueError(say("Give a day from 1 to 31, or last."))


type DayOfMonth = Annotated[
    Annotated[int, Field(ge=1, le=31)] | Literal["last"], BeforeValidator(_day_of_month)
]


class Schedule(BaseModel, frozen=True):
    """Instants: times of day on some days, in a time zone."""

    times: list[WallClock] = Field(default=[], max_length=4, description="Up to four times of day.")
    days: list[Day] = Field(
        default=[], max_length=7, description="On these days; every day when empty."
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    def last_due(self, after: datetime, until: datetime) -> datetime | None:
        """Return the newest instant (UTC) in `after` < instant <= `until` that the schedule names.

        Only the newest: instants that were missed are made up for once, not many times.
        """
        due = [i for i in self._instants(after, until) if after < i <= until]
        return max(due, default=None)

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first instant (UTC) after `after` that the schedule names; None if it has no times."""
        instants = self._instants(after, after + _LONGEST_GAP)
        return next((instant for instant in instants if instant > after), None)

    def names(self, at: datetime) -> bool:
        """Say whether an instant is one of those that the schedule names."""
        return self.last_due(at - _INSTANT, at) is not None

    def _instants(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield, in order, all instants of a time and some around it."""
        zone = ZoneInfo(self.time_zone)
        # Looking back further finds nothing newer, however long the app was down.
        first = max(after, until - _LONGEST_GAP).astimezone(zone).date()
        for day in _days_between(first, until.astimezone(zone).date()):
            if self._is_on(day):
                yield from (_instant(day, at, zone) for at in sorted(self.times))

    def _is_on(self, day: date) -> bool:
        return not self.days or _DAYS[day.weekday()] in self.days


class RefreshSchedule(Schedule, frozen=True):
    """When every export that follows the refresh runs. Off until an administrator sets times."""


class OwnSchedule(Schedule, frozen=True):
    """When one export runs: every day, on days of the week, or on a day of the month."""

    times: list[WallClock] = Field(
        min_length=1, max_length=4, description="Up to four times of day."
    )
    day_of_month: DayOfMonth | None = Field(
        default=None,
        description="On this day of every month, or on the last. In a month that is too short for "
        "the day, on its last one.",
    )

    @field_validator("day_of_month")
    @classmethod
    def _one_kind_of_days(cls, day: DayOfMonth | None, info: ValidationInfo) -> DayOfMonth | None:
        if day is not None and info.data.get("days"):
            raise ValueError(say("Give days of the week or a day of the month, not both."))
        return day

    def _is_on(self, day: date) -> bool:
        if self.day_of_month is None:
            return super()._is_on(day)
        _, last = monthrange(day.year, day.month)
        return day.day == (last if self.day_of_month == "last" else min(self.day_of_month, last))


@dataclass(frozen=True, slots=True)
class Plan:
    """The instants at which an export, or the refresh, is due: those of a schedule after `since`."""

    schedule: Schedule
    since: datetime = _EVER

    def next_due(self, after: datetime) -> datetime | None:
        """Return the first instant after `after`, as `Schedule.next_due`."""
        return self.schedule.next_due(max(after, self.since))

    def newest(self, first: datetime, until: datetime) -> datetime | None:
        """Return the newest instant up to `until`, or None if `first`, where to begin, is none of them."""
        if first <= self.since or not self.schedule.names(first):
            return None
        return self.schedule.last_due(first - _INSTANT, until)


class Follows(StrEnum):
    """What decides when an export is due."""

    SYSTEM = "system"  # the refresh schedule
    OWN = "own"
    OFF = "off"  # nothing: it runs when a file lands, unless that is off too, and on demand


type Followed = Annotated[Follows, Field(strict=False)]  # JSON has only its text


class ExportSchedule(BaseModel, frozen=True):
    """When an export is due."""

    follows: Followed = Follows.SYSTEM
    own: OwnSchedule | None = Field(
        default=None, validate_default=True, description="Given if it follows its own."
    )

    @field_validator("own")
    @classmethod
    def _given_where_followed(
        cls, own: OwnSchedule | None, info: ValidationInfo
    ) -> OwnSchedule | None:
        follows = info.data.get("follows")
        if follows is Follows.OWN and own is None:
            raise ValueError(say("Say when the export runs."))
        if own is not None and follows in (Follows.SYSTEM, Follows.OFF):
            raise ValueError(say("Leave this out unless the export follows its own schedule."))
        return own

    def last_due(
        self, system: Schedule | None, after: datetime, until: datetime
    ) -> datetime | None:
        """Return the newest instant (UTC) in `after` < instant <= `until`, as `Schedule.last_due`.

        `system` is the refresh schedule; None while there is none.
        """
        schedule = {Follows.SYSTEM: system, Follows.OWN: self.own, Follows.OFF: None}[self.follows]
        return schedule.last_due(after, until) if schedule else None


def _days_between(first: date, last: date) -> Iterator[date]:
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) of a wall-clock time.

    One that exists twice means its first occurrence; for one that the clock change leaves out it is
    the first instant after the gap, found minute by minute.
    """
    wall = datetime.combine(day, at)
    while True:
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            return instant
        wall += timedelta(minutes=1)
