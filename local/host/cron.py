"""NCRONTAB schedules: second, minute, hour, day, month, weekday (0 is Sunday).

As in NCrontab, day and weekday must both match. The five-field form starts at second 0. All
times are UTC. Names of months and weekdays are not read.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_HORIZON = timedelta(days=8 * 366)  # 29 February can be eight years away


@dataclass(frozen=True)
class Schedule:
    """The allowed values of each field."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next(self, after: datetime) -> datetime:
        """Return the first instant of the schedule later than `after`.

        Raises ValueError when there is none, as for 30 February.
        """
        after = after.astimezone(UTC)
        at = after.replace(microsecond=0) + timedelta(seconds=1)
        while at < after + _HORIZON:
            step = self._step(at)
            if step is None:
                return at
            at = step
        raise ValueError("the schedule never occurs")

    def _step(self, at: datetime) -> datetime | None:
        """Return the next instant worth looking at, or None when `at` is in the schedule."""
        midnight = at.replace(hour=0, minute=0, second=0)
        if at.month not in self.months:
            return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        if at.day not in self.days or at.isoweekday() % 7 not in self.weekdays:
            return midnight + timedelta(days=1)
        if at.hour not in self.hours:
            return at.replace(minute=0, second=0) + timedelta(hours=1)
        if at.minute not in self.minutes:
            return at.replace(second=0) + timedelta(minutes=1)
        return None if at.second in self.seconds else at + timedelta(seconds=1)


def parse(text: str) -> Schedule:
    """Read a schedule: `*`, `n`, `a-b`, each with `/step`, and lists of these.

    Raises ValueError saying which field is wrong.
    """
    parts = text.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise ValueError(f"{text!r} has {len(parts)} fields, not 5 or 6")
    return Schedule(*(_field(part, *_RANGES[index]) for index, part in enumerate(parts)))


def _field(text: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(part, low, high))


def _part(text: str, low: int, high: int) -> range:
    span, _, step = text.partition("/")
    try:
        if span == "*":
            first, last = low, high
        else:
            first_text, dash, last_text = span.partition("-")
            first = int(first_text)
            # `5/10` means from 5 to the end in tens, `5` alone means 5
            last = int(last_text) if dash else (high if step else first)
        every = int(step) if step else 1
    except ValueError:
        raise ValueError(f"{text!r} is not a field of a schedule") from None
    if not (low <= first <= last <= high) or every < 1:
        raise ValueError(f"{text!r} is not within {low} to {high}")
    return range(first, last + 1, every)
