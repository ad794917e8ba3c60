"""Reads dates as people and programs write them: numbers in any order, names of months, times and zones.

Whether the day or the month comes first is never guessed: `Numbers` says what stands in a date of numbers,
and its column's habit what that means. Nothing is read of a text that is longer than any date.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

from shared.destinations.encoding.month_names import read_words
from shared.destinations.encoding.why import Why
from shared.domain.reading import DateOrder
from shared.invisible import without_invisible

LONGEST = 128  # characters
_FIRST_YEAR = 1000
_LEAP_YEAR = 2000
_COMPACT_DIGITS = 8
_SHORT_YEAR = -1  # of two digits, of which nobody knows what it is

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]{1,20}(?:Z|[+-][0-9:]{1,9})?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,128}(?:[.,][0-9]{1,128})?")
# What is found in every date but ISO 8601's: a text without it needs no look.
_LIKELY = re.compile(
    r"[0-9][-/. ]{1,2}[0-9]|[0-9]{8}|jan|f[eé]v|feb|mar|a[pv]r|ma[iyj]|ju[inl]|aug|ao[uû]|sep|o[ck]t"
    r"|nov|d[eé]c"
)
_COMPACT_TIME = re.compile(
    r"([0-9]{8})[t ]([0-9]{2})([0-9]{2})([0-9]{2})?(?:[.,]([0-9]{1,12}))?(z|[+-][0-9]{2}:?[0-9]{2})?"
)
_YEAR_FIRST = re.compile(r"([+-]?[0-9]{4,9})([-/ ]|\. ?)([0-9]{1,2})\2([0-9]{1,2})\.?")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/ ]|\. ?)([0-9]{1,2})\2([0-9]{4}|[0-9]{2})\.?")
_NO_YEAR = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})\.?")
_MONTH_FIRST = re.compile(r"--([0-9]{2})-([0-9]{2})")
_CLOCK = re.compile(
    r"(?:(?<=[0-9])t|(?<=[0-9]{4}):|,? (?:at |kl\.? |à |- )?)([0-9]{1,2}):([0-9]{2})"
    r"(?::([0-9]{2})(?:[.,:]([0-9]{1,12}))?)?(?: ?([ap])\.? ?m\b\.?)?"
)
_POINTED_CLOCK = re.compile(  # Oracle, Finnish, Danish; behind a hyphen: Db2
    r"(?:(?:(?<=[0-9]{2})|(?<=[0-9]{4}\.)) |(?<=-[0-9]{2}-[0-9]{2})-)"
    r"([0-9]{1,2})\.([0-9]{2})(?:\.([0-9]{2})|(?!\.))(?![0-9])"
)
_LETTERED_CLOCK = re.compile(  # French
    r"(?<=[0-9]{2}) ([0-9]{1,2}) ?h ?([0-9]{2})(?: ?min ?([0-9]{2}) ?s)?(?![a-z0-9])"
)
_ZONE = re.compile(
    r" ?(?:(z|utc|gmt)|([^\W\d](?:[^\W\d]|/){0,40}))?"
    r"(?: ?([+-][0-9]{1,2}(?::?[0-9]{2})?)"
    r"(?: (?:[^\W\d]{1,10}|[+-][0-9]{4})(?: m=[+-][0-9.]{1,40})?)?)?"  # Go
    r"(?: ([0-9]{4}))?(?: ?\(.{0,80}\)| ?\[.{0,80}\])?"
)
_DAY_ZONE = re.compile(r"(?:z|[+-][0-9]{2}:[0-9]{2})\Z")


class TimeOfDay(NamedTuple):
    """A time of day: as in `datetime`; the offset is None where there is none."""

    hour: int
    minute: int
    second: int = 0
    microsecond: int = 0
    offset: timedelta | None = None

    @property
    def zone(self) -> timezone | None:
        """The same as `datetime` takes it; raise ValueError for what no place on Earth has."""
        return None if self.offset is None else timezone(self.offset)


class Day(NamedTuple):
    """A day, and perhaps a time of it. A birthday may have no year."""

    year: int | None
    month: int
    day: int
    clock: TimeOfDay | None = None

    def as_date(self) -> str | Why:
        """Return it in ISO 8601."""
        if self.year is None:
            return Why.NOT
        if self.year == _SHORT_YEAR:
            return Why.SHORT_YEAR
        if not _FIRST_YEAR <= self.year <= date.max.year:
            return Why.YEAR
        try:
            if self.clock is None:
                return date(self.year, self.month, self.day).isoformat()
            clock = self.clock
            at = time(clock.hour, clock.minute, clock.second, clock.microsecond, clock.zone)
            return datetime.combine(date(self.year, self.month, self.day), at).isoformat()
        except ValueError:  # 30 February, 25 o'clock
            return Why.NOT

    def as_birthday(self) -> str | Why:
        """Return it as MM/DD."""
        year = _LEAP_YEAR if self.year in (None, _SHORT_YEAR) else self.year
        checked = Day(year, self.month, self.day)
        found = checked.as_date()
        return found if isinstance(found, Why) else f"{self.month:02d}/{self.day:02d}"


class Numbers(NamedTuple):
    """The numbers of a date of which either the first or the second is the day."""

    first: int
    second: int
    year: int | None
    clock: TimeOfDay | None = None

    @property
    def shows(self) -> DateOrder | None:
        """The order that it shows beyond doubt."""
        if self.second <= 12 < self.first <= 31:
            return DateOrder.DMY
        return DateOrder.MDY if self.first <= 12 < self.second <= 31 else None

    def by(self, order: DateOrder | None) -> Day | Why:
        """Return the day that it is in an order."""
        match order:
            case DateOrder.DMY:
                return Day(self.year, self.second, self.first, self.clock)
            case DateOrder.MDY:
                return Day(self.year, self.first, self.second, self.clock)
            case DateOrder.YMD:
                return Why.NOT
            case _:
                return Why.SHORT_YEAR if self.year == _SHORT_YEAR else Why.ORDER


type Found = Day | Numbers | Why


def iso_date(text: str) -> str | None:
    """Return a date that is in its plain form already, which nearly all are; None for any other text."""
    if not _ISO_DATE.fullmatch(text) or text[0] == "0":
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None


@lru_cache(maxsize=10_000)
def read(text: str) -> Found:
    """Return the day that a text is, what it depends on, or why it is none."""
    if len(text) > LONGEST:
        return Why.NOT
    if text.isascii() and text.isdigit():
        return _compact(text, None)
    plain = _iso(text) if text[4:5] == "-" else None
    if plain is not None:
        return plain
    seen = " ".join(without_invisible(text).removeprefix("'").lower().split())
    if not _LIKELY.search(seen):
        return Why.NUMBER if _NUMBER.fullmatch(seen) else Why.NOT
    if compact := _COMPACT_TIME.fullmatch(seen):
        return _day(compact[1], _clock([*compact.group(2, 3, 4, 5), None, compact[6]]))
    found = _CLOCK.search(seen) if ":" in seen else None
    if found is None and ("." in seen or "h" in seen):
        seen = _with_colons(seen)
        found = _CLOCK.search(seen)
    if found is None:
        return _day_with_zone(seen)
    rest = _ZONE.fullmatch(seen, found.end())
    if rest is None:
        return Why.NOT
    utc, zone, offset, year = rest.groups()
    day = f"{seen[: found.start()]} {year}" if year else seen[: found.start()]
    clock = _clock([*found.groups(), offset or ("+00" if utc else None)])
    return _day(day, None if zone and not offset else clock)


def _iso(text: str) -> Day | Why | None:
    """Return what a text in ISO 8601 is, which nearly all are; None if it is not in that."""
    try:
        if _ISO_DATE.fullmatch(text):
            return Day(int(text[:4]), int(text[5:7]), int(text[8:]))
        if _ISO_TIME.fullmatch(text):
            at = datetime.fromisoformat(text)
            clock = TimeOfDay(at.hour, at.minute, at.second, at.microsecond, at.utcoffset())
            return Day(at.year, at.month, at.day, clock)
    except ValueError:  # it may still be one that only looks like ISO 8601
        return None
    return None


def _with_colons(seen: str) -> str:
    """Return a text in which a time of day that is written with points or letters has colons."""
    for clock in (_POINTED_CLOCK, _LETTERED_CLOCK):
        seen = clock.sub(lambda found: f" {':'.join(filter(None, found.groups()))}", seen)
    return seen


def _day_with_zone(seen: str) -> Found:
    """Read a date without a time of day; XML has them with a zone, which changes nothing."""
    found = _day(seen, None)
    if found is Why.NOT and seen[:4].isdigit() and (zone := _DAY_ZONE.search(seen)):
        return _day(seen[: zone.start()], None)
    return found


def _day(seen: str, clock: TimeOfDay | None) -> Found:
    seen = seen.strip(" ,")
    if found := _YEAR_FIRST.fullmatch(seen):
        return Day(int(found[1]), int(found[3]), int(found[4]), clock)
    if found := _YEAR_LAST.fullmatch(seen):
        return _numbers(int(found[1]), int(found[3]), _year(found[4]), clock)
    if found := _NO_YEAR.fullmatch(seen):
        return _numbers(int(found[1]), int(found[2]), None, clock)
    if found := _MONTH_FIRST.fullmatch(seen):
        return Day(None, int(found[1]), int(found[2]))
    if _NUMBER.fullmatch(seen):
        return _compact(seen, clock)
    return _in_words(seen, clock)


def _compact(number: str, clock: TimeOfDay | None) -> Day | Why:
    """Return the day that a number alone is, which it may be only with eight digits."""
    is_likely = len(number) == _COMPACT_DIGITS and number.isdigit()
    if (
        not is_likely
        or number[4:6] > "12"
        or number[6:] > "31"
        or "00" in (number[4:6], number[6:])
    ):
        return Why.NUMBER  # as nearly all are: `as_date` takes longer to say so
    day = Day(int(number[:4]), int(number[4:6]), int(number[6:]), clock)
    return Why.NUMBER if isinstance(day.as_date(), Why) else day


def _year(digits: str) -> int:
    return int(digits) if len(digits) > 2 else _SHORT_YEAR


def _numbers(first: int, second: int, year: int | None, clock: TimeOfDay | None) -> Found:
    if first == second:
        return Day(year, first, second, clock)
    return Numbers(first, second, year, clock)


def _in_words(seen: str, clock: TimeOfDay | None) -> Day | Why:
    named = read_words(seen) if seen.islower() else None  # so there are letters
    if named is None:
        return Why.NOT
    year = None if named.year is None else _year(named.year)
    return Day(year, named.month, int(named.day), clock)


def _clock(parts: Sequence[str | None]) -> TimeOfDay:
    """Return a time of day of its hour, minute, second, fraction, half of the day, and offset."""
    hour, minute, second, fraction, half, offset = parts
    hours = int(hour or 0)
    if half and hours <= 12:
        hours = hours % 12 + (12 if half == "p" else 0)
    elif half:
        hours = 99  # 13 PM is no time of day
    micro = int(f"{fraction or '':0<6.6}")
    return TimeOfDay(hours, int(minute or 0), int(second or 0), micro, _offset(offset))


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text == "z":
        return timedelta()
    digits = text[1:].replace(":", "")
    found = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return -found if text[0] == "-" else found
