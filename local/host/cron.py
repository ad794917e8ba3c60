"""Reads NCRONTAB schedules: second, minute, hour, day, month, weekday (0 is Sunday).

As in NCrontab, day and weekday must both match. The five-field form starts at second 0. All
times are UTC. Names of months and weekdays are not read.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from croniter import CroniterBadDateError, croniter

# croniter reads more than NCRONTAB does: names, L, #, ?, R, @hourly, years, Sunday as 7, 5-1.
_FIELD = re.compile(r"(\*|\d+(-\d+)?)(/\d+)?(,(\*|\d+(-\d+)?)(/\d+)?)*")
_NUMBER = re.compile(r"(?<![/\d])\d+")  # that is no step
_ONE = re.compile(r"\b(\d+)-\1\b(/\d+)?")  # croniter takes 4-4 for all there are
_SATURDAY = 6
_HORIZON = 41  # years: 29 February can be a Monday forty years after it was one


@dataclass(frozen=True)
class Schedule:
    """When a timer function is due."""

    text: str

    def next(self, after: datetime) -> datetime:
        """Return the first instant of the schedule later than `after`.

        Raises ValueError when there is none, as for 30 February.
        """
        try:
            return croniter(
                self.text,
                after.astimezone(UTC),
                ret_type=datetime,
                day_or=False,
                max_years_between_matches=_HORIZON,
                second_at_beginning=True,
            ).get_next()
        except CroniterBadDateError as error:
            raise ValueError("the schedule never occurs") from error


def parse(text: str) -> Schedule:
    """Read a schedule: `*`, `n`, `a-b`, each with `/step`, and lists of these.

    Raises ValueError saying what is wrong.
    """
    fields = text.split()
    if len(fields) not in (5, 6):
        raise ValueError(f"{text!r} has {len(fields)} fields, not 5 or 6")
    for field in fields:
        if not _FIELD.fullmatch(field):
            raise ValueError(f"{field!r} is not a field of a schedule")
    spans = re.findall(r"(\d+)-(\d+)", text)
    if (
        any(int(low) > int(high) for low, high in spans)
        or any(int(day) > _SATURDAY for day in _NUMBER.findall(fields[-1]))
        or not croniter.is_valid(text, second_at_beginning=True)
    ):
        raise ValueError(f"{text!r} is not within the ranges of its fields")
    return Schedule(_ONE.sub(r"\1", text))
