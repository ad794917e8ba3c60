"""The types of fields: how a value of each is checked, what its plain form is, and the words for it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shared.destinations.model import Field, FieldType
from shared.domain.email import is_address, normal_form
from shared.domain.message import Message, say

type Plain = Callable[[str], str | None]
"""A trimmed cell -> its plain form; None when it is not of the type."""

SEPARATOR = "|"
"""Between the choices of a plain value that has several."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?")
_US_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_DAY = re.compile(r"(?:--)?([0-9]{1,2})[-/]([0-9]{1,2})")
_DIGIT = re.compile("[0-9]")
_URL = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_LEAP_YEAR = 2000
_SHOWN_CHOICES = 10


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """How values of a type are checked."""

    plain: Plain
    must_be: Message  # what a value is, as the end of a sentence
    like: str | None = None
    """A pattern that is found only in values of the type that are their own plain form, if there is one."""


def check_of(field: Field) -> FieldCheck:
    """Return how values of a field are checked; text needs no check."""
    match field.kind:
        case FieldType.CHOICE:
            must_be = say("one of its choices: {choices}", choices=_shown(field.choices))
            return FieldCheck(_choice(field.choices), must_be)
        case FieldType.CHOICES:
            must_be = say(
                "some of its choices, separated by ; or |: {choices}",
                choices=_shown(field.choices),
            )
            return FieldCheck(_choices(field.choices), must_be)
        case kind:
            return _CHECKS[kind]


def _email(text: str) -> str | None:
    address = normal_form(text)
    return address if is_address(address) else None


def _phone(text: str) -> str | None:
    return text if _DIGIT.search(text) else None


def _number(text: str) -> str | None:
    return text.removeprefix("+") if _NUMBER.fullmatch(text) else None


def _date(text: str) -> str | None:
    """Accept 2026-11-24, with or without a time, and 11/24/2026; the plain form is ISO 8601."""
    try:
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        if _ISO_TIME.fullmatch(text):
            return datetime.fromisoformat(text).isoformat()
        if american := _US_DATE.fullmatch(text):
            month, day, year = map(int, american.groups())
            return date(year, month, day).isoformat()
    except ValueError:
        return None  # 30 February
    return None


def _birthday(text: str) -> str | None:
    """Accept 11/24, 11-24, --11-24 and every date; the plain form is MM/DD."""
    if found := _DAY.fullmatch(text):
        text = f"{found[1]}/{found[2]}/{_LEAP_YEAR}"
    born = _date(text)
    return f"{born[5:7]}/{born[8:10]}" if born else None


def _url(text: str) -> str | None:
    return text if _URL.fullmatch(text) else None


_CHECKS: Mapping[FieldType, FieldCheck] = {
    FieldType.EMAIL: FieldCheck(_email, say("an email address")),
    FieldType.PHONE: FieldCheck(_phone, say("a phone number"), "[0-9]"),
    FieldType.NUMBER: FieldCheck(
        _number, say("a number such as 12.5"), r"^-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
    ),
    FieldType.DATE: FieldCheck(_date, say("a date such as 2026-11-24")),
    FieldType.BIRTHDAY: FieldCheck(_birthday, say("a month and a day such as 11/24")),
    FieldType.URL: FieldCheck(
        _url,
        say("a web address that begins with http:// or https://"),
        "^https?://[!-.0-~][!-~]*$",
    ),
}


def _choice(choices: Sequence[str]) -> Plain:
    """Find a choice whatever the case of its letters; the plain form is the destination's spelling."""
    spelling = {choice.strip().casefold(): choice for choice in choices}
    return lambda text: spelling.get(text.casefold())


def _choices(choices: Sequence[str]) -> Plain:
    """Find choices separated by ; or |; the plain form has them in the destination's spelling with |."""
    find = _choice(choices)

    def found(text: str) -> str | None:
        wanted = [part.strip() for part in re.split(r"[;|]", text)]
        spelled = {part: find(part) for part in wanted if part}
        known = dict.fromkeys(choice for choice in spelled.values() if choice is not None)
        return SEPARATOR.join(known) if known and None not in spelled.values() else None

    return found


def _shown(choices: Sequence[str]) -> tuple[str, ...]:
    more = ("…",) if len(choices) > _SHOWN_CHOICES else ()
    return (*choices[:_SHOWN_CHOICES], *more)
