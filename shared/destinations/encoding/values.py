"""The cells of a row as values of a destination's fields: trimmed, checked by kind, cut to length.

- Text that is too long is cut between two characters, and a note of the run counts it. Anything else
  would mean something else when cut, so it is refused.
- An empty cell is left out, which keeps what the destination has, unless the export says that it
  clears the field; then it is an empty text.
- Reasons name the field by its title and never the value.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shared.destinations.contract import Field, FieldType, InvalidProfile, Target
from shared.domain.email import is_address, normal_form
from shared.domain.message import Message, say, say_count

type Write = Callable[[str], object]
"""A text -> what stands for it in the destination's JSON, or None for nothing."""

type Check = Callable[[str], str | None]
"""A trimmed cell -> its plain form; None when it is not of the kind."""

SEPARATOR = "|"  # between the choices of a plain value that has several

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?")
_US_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_DAY = re.compile(r"(?:--)?([0-9]{1,2})[-/]([0-9]{1,2})")
_DIGIT = re.compile("[0-9]")
_URL = re.compile(r"https?://[^\s/]\S*", re.IGNORECASE)
_LEAP_YEAR = 2000
_SHOWN_CHOICES = 10


@dataclass(slots=True)
class Cut:
    """How many values of a field were cut."""

    title: Message | str
    longest: Message
    values: int = 0

    def note(self) -> Message:
        """Return what a run's timeline says about it."""
        return say_count(
            "{count} value of {field} was longer than {longest} and was cut.",
            "{count} values of {field} were longer than {longest} and were cut.",
            self.values,
            field=self.title,
            longest=self.longest,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the cells of one field."""

    name: str
    at: int  # which of the cells
    clears: bool  # whether an empty one clears the field
    written: Write  # of a trimmed text that is not empty; raises InvalidProfile
    like: str | None = None
    """A pattern, the same for RE2 and Python's `re`: a text in which it is found is written as it is,
    unless it is longer than `longest`. None if only `written` can tell."""
    longest: int | None = None


class Values:
    """What an export sends of each row to the fields of one target, the address excluded.

    `fields` are those that the target has now; of a mapped field that is gone, `notes` tells.
    `write` says how values of a kind other than text are written where their plain form will not do,
    `own` how those of single fields are, whatever their kind. What they write as None is left out, and
    counted in `left_out`. `longest` of a field counts characters, or the bytes of UTF-8 when `in_bytes`.
    """

    def __init__(
        self,
        fields: Sequence[Field],
        target: Target,
        write: Mapping[FieldType, Write] = {},
        own: Mapping[str, Write] = {},
        in_bytes: bool = False,
    ) -> None:
        there = {field.name: field for field in fields}
        self.in_bytes = in_bytes
        self.left_out = Counter[str]()
        self._gone = [name for name in target.fields if name not in there]
        self._cuts: list[Cut] = []
        self.rules: Sequence[Rule] = [
            self._rule(there[name], at, name in target.clears, write, own)
            for at, name in enumerate(target.fields)
            if name in there
        ]

    def of(self, cells: Sequence[str]) -> dict[str, object]:
        """Return the values of a row by the names of their fields; raise InvalidProfile."""
        values: dict[str, object] = {}
        for rule in self.rules:
            if text := cells[rule.at].strip():
                value = rule.written(text)
                if value is None:
                    self.left_out[rule.name] += 1
                else:
                    values[rule.name] = value
            elif rule.clears:
                values[rule.name] = ""
        return values

    def notes(self) -> Sequence[Message]:
        """Return what was left out and cut, for the run's timeline."""
        gone = [
            say("The list no longer has the field {field}; it is left out.", field=name)
            for name in self._gone
        ]
        return gone + [cut.note() for cut in self._cuts if cut.values]

    def _rule(
        self,
        field: Field,
        at: int,
        clears: bool,
        write: Mapping[FieldType, Write],
        own: Mapping[str, Write],
    ) -> Rule:
        if field.name in own:
            return Rule(field.name, at, clears, own[field.name])
        if field.kind is FieldType.TEXT:
            cutter = _as_it_is if field.longest is None else self._cutter(field, field.longest)
            return Rule(field.name, at, clears, cutter, "", field.longest)
        written = self._writer(field, write.get(field.kind, _as_it_is))
        like = None if field.kind in write else _LIKE.get(field.kind)
        return Rule(field.name, at, clears, written, like, field.longest)

    def _cutter(self, field: Field, longest: int) -> Write:
        cut = Cut(field.title, self._length(longest))
        self._cuts.append(cut)
        shortened = _shortened_bytes if self.in_bytes else _shortened

        def written(text: str) -> object:
            short = shortened(text, longest)
            cut.values += short is not text
            return short

        return written

    def _writer(self, field: Field, write: Write) -> Write:
        check, what = _rule(field)
        must_be = say("{field} must be {what}.", field=field.title, what=what)
        longest = field.longest
        too_long = at_most(field.title, self._length(longest or 0))
        size = _bytes if self.in_bytes else len

        def written(text: str) -> object:
            plain = check(text)
            if plain is None:
                raise InvalidProfile("bad_value", must_be)
            if longest is not None and size(plain) > longest:
                raise InvalidProfile("bad_value", too_long)
            return write(plain)

        return written

    def _length(self, longest: int) -> Message:
        if self.in_bytes:
            return say_count("{count} byte", "{count} bytes", longest)
        return characters(longest)


def characters(count: int) -> Message:
    """Return a length in words."""
    return say_count("{count} character", "{count} characters", count)


def at_most(title: Message | str, longest: Message) -> Message:
    """Return what to say of a value of a field that is too long."""
    return say("{field} must be at most {longest} long.", field=title, longest=longest)


def _rule(field: Field) -> tuple[Check, Message]:
    """Return how values of a field are checked, and what they must be."""
    match field.kind:
        case FieldType.CHOICE:
            must_be = say("one of its choices: {choices}", choices=_shown(field.choices))
            return _choice(field.choices), must_be
        case FieldType.CHOICES:
            must_be = say(
                "some of its choices, separated by ; or |: {choices}",
                choices=_shown(field.choices),
            )
            return _choices(field.choices), must_be
        case kind:
            return _RULES[kind]


def _as_it_is(text: str) -> object:
    return text


def _bytes(text: str) -> int:
    return len(text.encode())


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest]


def _shortened_bytes(text: str, longest: int) -> str:
    raw = text.encode()
    return text if len(raw) <= longest else raw[:longest].decode(errors="ignore")


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


_RULES: Mapping[FieldType, tuple[Check, Message]] = {
    FieldType.EMAIL: (_email, say("an email address")),
    FieldType.PHONE: (_phone, say("a phone number")),
    FieldType.NUMBER: (_number, say("a number such as 12.5")),
    FieldType.DATE: (_date, say("a date such as 2026-11-24")),
    FieldType.BIRTHDAY: (_birthday, say("a month and a day such as 11/24")),
    FieldType.URL: (_url, say("a web address that begins with http:// or https://")),
}


_LIKE: Mapping[FieldType, str] = {
    FieldType.PHONE: "[0-9]",
    FieldType.NUMBER: r"^-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$",
    FieldType.URL: "^https?://[!-.0-~][!-~]*$",
}
"""By kind, a pattern that is found only in values of the kind that are their own plain form."""


def _choice(choices: Sequence[str]) -> Check:
    """Find a choice whatever the case of its letters; the plain form is the destination's spelling."""
    spelling = {choice.strip().casefold(): choice for choice in choices}
    return lambda text: spelling.get(text.casefold())


def _choices(choices: Sequence[str]) -> Check:
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
