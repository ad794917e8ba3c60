"""When the scheduled refresh is due."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?"
_DAYS: tuple[Day, ...] = Day.__args__  # type: ignore[attr-defined] # typing has no public name for it


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("not an IANA time zone; one looks like Europe/Stockholm")
    return name


def _wall_clock(at: Any) -> time:
    """Return a time, or the one that a text is: pydantic would take seconds since midnight, too."""
    if isinstance(at, str) and re.fullmatch(_TIME, at):
        return time.fromisoformat(at)
    if isinstance(at, time) and at.tzinfo is None:
        return at
    raise ValueError("a time of day such as 06:30, without an offset; time_zone says where it is")


type WallClock = Annotated[
    time,
    BeforeValidator(_wall_clock),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME}$", "examples": ["06:30"]}),
]


class RefreshSchedule(BaseModel, frozen=True):
    """When every export that follows the refresh runs. Off until an administrator sets times."""

    times: list[WallClock] = Field(default=[], max_length=4, description="Up to four times of day.")
    days: list[Day] = Field(
        default=[], max_length=7, description="On these days; every day when empty."
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    def last_due(self, after: datetime, until: datetime) -> datetime | None:
        """Return the newest instant (UTC) in `after` < instant <= `until` that the schedule names.

        Only the newest: refreshes that were missed are made up for once, not many times.
        """
        due = [i for i in self._instants(after, until) if after < i <= until]
        return max(due, default=None)

    def _instants(self, after: datetime, until: datetime) -> Iterator[datetime]:
        zone = ZoneInfo(self.time_zone)
        # Looking back further than a week finds nothing newer, however long the app was down.
        first = max(after, until - timedelta(days=8)).astimezone(zone).date()
        for day in _days_between(first, until.astimezone(zone).date()):
            if not self.days or _DAYS[day.weekday()] in self.days:
                yield from (_instant(day, at, zone) for at in self.times)


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
