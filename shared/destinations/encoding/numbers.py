"""Reads numbers as people and programs write them, and writes them as plain decimals.

A single comma or point before three digits can stand for thousands or before a fraction; what the column
shows decides, see `habits`. Nothing is read of a text that is longer than any number.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from shared.invisible import without_invisible

LIKE = r"^-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
"""A pattern, the same for RE2 and Python's `re`: a number that is written as it is sent."""
WHOLE = r"^-?[0-9]+$"
"""The same of whole numbers, which no habit of their column changes."""
SHOWS_POINT = r"^-?(?:0*\.[0-9]|[0-9]{4,}\.[0-9]|[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,})$)"
"""The same: found in a number of `LIKE` in which the point stands before a fraction beyond doubt."""

_LONGEST = 400  # characters
_HIGHEST = 308  # exponent, as of floating point

_LIKE = re.compile(LIKE)
_SHOWS_POINT = re.compile(SHOWS_POINT)
_SCIENTIFIC = re.compile(r"([+-]?)([0-9]{0,400})([.,]?)([0-9]{0,400})e([+-]?[0-9]{1,4})")
_MARKED = re.compile(r"([+-]?)([0-9.,]++)")
_GROUPED = re.compile(
    r"([+-]?)([0-9]{1,3}(?:([ '\u2019])[0-9]{3})(?:\3[0-9]{3})*+)(?:([.,])([0-9]*+))?"
)
_THOUSANDS = re.compile(r"[1-9][0-9]{0,2}")
_OTHER = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as a plain decimal, and what it depends on."""

    plain: str
    shows: str | None = None  # the decimal mark that it shows beyond doubt: . or ,
    mark: str | None = None  # the mark on which it depends whether it is this number …
    in_thousands: str = ""  # … or this one


@lru_cache(maxsize=10_000)
def read(text: str) -> Number | None:
    """Return the number that a text is, or None."""
    if len(text) > _LONGEST:
        return None
    if _LIKE.match(text) and "." not in text:
        return Number(text)
    seen = " ".join(without_invisible(text).removeprefix("'").replace("\u2212", "-").split())
    if seen.endswith("-") and seen[:1].isdigit():  # SAP
        seen = f"-{seen[:-1].rstrip()}"
    if found := _MARKED.fullmatch(seen):
        return _marked("-" if found[1] == "-" else "", found[2])
    if found := _GROUPED.fullmatch(seen):
        whole = re.sub("[^0-9]", "", found[2])
        sign = "-" if found[1] == "-" else ""
        return Number(f"{sign}{whole}.{found[5]}" if found[5] else f"{sign}{whole}", found[4])
    if found := _SCIENTIFIC.fullmatch(seen.lower()):
        sign, whole, mark, fraction, exponent = found.groups()
        if whole + fraction and abs(int(exponent)) <= _HIGHEST:
            value = Decimal(f"{sign}{whole or 0}.{fraction or 0}e{exponent}")
            return Number(_plain(value), mark or None)
    return None


def _plain(value: Decimal) -> str:
    """Return a number without an exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _marked(sign: str, digits: str) -> Number | None:
    """Read digits with points and commas among them."""
    points, commas = digits.count("."), digits.count(",")
    if not points and not commas:
        return Number(sign + digits)
    if points and commas:
        decimal = max(".,", key=digits.rfind)
        return _with_thousands(sign, digits, decimal) if digits.count(decimal) == 1 else None
    mark = "." if points else ","
    if points + commas > 1:
        return _with_thousands(sign, digits, _OTHER[mark])
    whole, _, fraction = digits.partition(mark)
    if not whole and not fraction:
        return None
    plain = sign + (digits if points else f"{whole or 0}.{fraction}" if fraction else whole)
    if _THOUSANDS.fullmatch(whole) and len(fraction) == 3:
        return Number(plain, None, mark, sign + whole + fraction)
    return Number(plain, mark if fraction else None)


def _with_thousands(sign: str, digits: str, decimal: str) -> Number | None:
    """Read digits in groups of three; `decimal` stands before the fraction, if there is any."""
    whole, _, fraction = digits.partition(decimal)
    first, *groups = whole.split(_OTHER[decimal])
    if not _THOUSANDS.fullmatch(first) or any(len(group) != 3 for group in groups):
        return None
    number = sign + first + "".join(groups)
    return Number(f"{number}.{fraction}" if fraction else number, decimal)
