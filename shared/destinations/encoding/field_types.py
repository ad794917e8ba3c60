"""The types of fields: how a value of each is checked, what its plain form is, and the words for it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.destinations.encoding import dates, numbers
from shared.destinations.encoding.habits import Habit
from shared.destinations.encoding.truth import spellings
from shared.destinations.encoding.why import Why
from shared.destinations.model import Field, FieldType
from shared.domain.email import is_address, normal_form
from shared.domain.message import Message, say
from shared.invisible import without_invisible

type Plain = Callable[[str, Habit], str | Why]
"""A trimmed cell and the habit of its column -> its plain form, or why it has none."""

type Learn = Callable[[str, Habit], None]
"""Lets the habit of a column take what a trimmed cell shows."""

SEPARATOR = "|"
"""Between the choices of a plain value that has several."""

_DIGIT = re.compile("[0-9]")
_EXPONENT = re.compile(r"[+-]?[0-9]{1,20}(?:[.,][0-9]{0,20})?[eE][+-]?[0-9]{1,4}")
_TEL = "tel:"
_URL = re.compile(r"https?://[^\s/]\S*+", re.IGNORECASE)
_SHOWN_CHOICES = 10


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """How values of a type are checked."""

    plain: Plain
    must_be: Message  # what a value is, as the end of a sentence
    like: str | None = None
    """A pattern that is found only in values of the type that are their own plain form, if there is one."""
    learn: Learn | None = None  # for types whose values depend on their column


def check_of(field: Field) -> FieldCheck:
    """Return how values of a field are checked."""
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


def _email(text: str, _: Habit) -> str | Why:
    address = normal_form(text)
    return address if is_address(address) else Why.NOT


def bare_phone(text: str) -> str | Why:
    """Return a phone number without `tel:`, marks that cannot be seen, and a spreadsheet's quote."""
    seen = without_invisible(text).removeprefix("'")
    if seen[: len(_TEL)].lower() == _TEL:
        seen = seen[len(_TEL) :].strip()
    if _EXPONENT.fullmatch(seen):
        return Why.EXPONENT
    return seen if _DIGIT.search(seen) else Why.NOT


def _number(text: str, habit: Habit) -> str | Why:
    found = numbers.read(text)
    if found is None or (habit.told_decimal and found.shows not in (None, habit.told_decimal)):
        return Why.NOT
    if found.mark is None or (found.mark == "." and habit.use_point()):
        return found.plain
    decimal = habit.use_decimal()
    if decimal is None:
        return Why.THOUSANDS
    return found.plain if decimal == found.mark else found.in_thousands


def _learn_number(text: str, habit: Habit) -> None:
    found = numbers.read(text)
    if found and found.shows:
        habit.decimals.add(found.shows)


def _day(text: str, habit: Habit) -> dates.Day | Why:
    found = dates.read(text)
    return found.by(habit.use_order()) if isinstance(found, dates.Numbers) else found


def _date(text: str, habit: Habit) -> str | Why:
    if plain := dates.iso_date(text):
        return plain
    found = _day(text, habit)
    return found if isinstance(found, Why) else found.as_date()


def _birthday(text: str, habit: Habit) -> str | Why:
    found = _day(text, habit)
    return found if isinstance(found, Why) else found.as_birthday()


def _learn_date(text: str, habit: Habit) -> None:
    if text[4:5] == "-":
        return  # the year comes first, which shows nothing
    found = dates.read(text)
    if isinstance(found, dates.Numbers) and found.shows:
        habit.orders.add(found.shows)


def _url(text: str, _: Habit) -> str | Why:
    return text if _URL.fullmatch(text) else Why.NOT


_CHECKS: Mapping[FieldType, FieldCheck] = {
    FieldType.TEXT: FieldCheck(lambda text, _: text, say("a text"), ""),
    FieldType.EMAIL: FieldCheck(_email, say("an email address")),
    FieldType.PHONE: FieldCheck(
        lambda text, _: bare_phone(text),
        say("a phone number"),
        r"^[-+ ()./]*[0-9][-+0-9 ()./]*$",
    ),
    FieldType.NUMBER: FieldCheck(
        _number, say("a number such as 12.5"), numbers.LIKE, _learn_number
    ),
    FieldType.DATE: FieldCheck(_date, say("a date such as 2026-11-24"), learn=_learn_date),
    FieldType.BIRTHDAY: FieldCheck(
        _birthday, say("a month and a day such as 11/24"), learn=_learn_date
    ),
    FieldType.URL: FieldCheck(
        _url,
        say("a web address that begins with http:// or https://"),
        "^https?://[!-.0-~][!-~]*$",
    ),
}


def _choice(choices: Sequence[str]) -> Plain:
    """Find a choice whatever the case of its letters; the plain form is the destination's spelling."""
    spelling = {**spellings(choices), **{each.strip().casefold(): each for each in choices}}
    return lambda text, _: spelling.get(text.casefold(), Why.NOT)


def _choices(choices: Sequence[str]) -> Plain:
    """Find choices separated by ; or |; the plain form has them in the destination's spelling with |."""
    find = _choice(choices)

    def found(text: str, habit: Habit) -> str | Why:
        wanted = [part.strip() for part in re.split(r"[;|]", text)]
        spelled = [find(part, habit) for part in wanted if part]
        known = dict.fromkeys(each for each in spelled if isinstance(each, str))
        return SEPARATOR.join(known) if known and Why.NOT not in spelled else Why.NOT

    return found


def _shown(choices: Sequence[str]) -> tuple[str, ...]:
    more = ("…",) if len(choices) > _SHOWN_CHOICES else ()
    return (*choices[:_SHOWN_CHOICES], *more)
