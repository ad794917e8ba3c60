"""The cells of a row as values of a destination's fields: trimmed, checked by type, cut to length.

- Text that is too long is cut between two characters, and a note of the run counts it. Anything else
  would mean something else when cut, so it is refused.
- An empty cell is left out, which keeps what the destination has, unless the export says that it
  clears the field; then it is an empty text.
- Reasons name the field by its title and never the value.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.destinations.encoding.field_types import FieldCheck, check_of
from shared.destinations.model import Field, FieldType, InvalidProfile, Target
from shared.domain.message import Message, say, say_count

type Write = Callable[[str], object]
"""A text -> what stands for it in the destination's JSON, or None for nothing."""


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
    `write` says how values of a type other than text are written where their plain form will not do,
    `own` how those of single fields are, whatever their type. What they write as None is left out, and
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
            self._rule_of(there[name], at, name in target.clears, write, own)
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

    def _rule_of(
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
        check = check_of(field)
        written = self._writer(field, check, write.get(field.kind, _as_it_is))
        like = None if field.kind in write else check.like
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

    def _writer(self, field: Field, check: FieldCheck, write: Write) -> Write:
        must_be = say("{field} must be {what}.", field=field.title, what=check.must_be)
        longest = field.longest
        too_long = at_most(field.title, self._length(longest or 0))
        size = _bytes if self.in_bytes else len

        def written(text: str) -> object:
            plain = check.plain(text)
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


def _as_it_is(text: str) -> object:
    return text


def _bytes(text: str) -> int:
    return len(text.encode())


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[:longest]


def _shortened_bytes(text: str, longest: int) -> str:
    raw = text.encode()
    return text if len(raw) <= longest else raw[:longest].decode(errors="ignore")
