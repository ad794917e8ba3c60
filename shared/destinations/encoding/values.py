"""The cells of a row as values of a destination's fields: trimmed, checked by type, cut to length.

- Text that is too long is cut between two characters, and a note of the run counts it.
- A value that a field cannot take is left out, which keeps what the destination has, and a note counts it
  and shows its row; for an export that is strict about fields the profile is invalid instead. It never
  clears the field.
- An empty cell is left out, too, unless the export says that it clears the field; then it is an empty text.
- Reasons and notes name the field by its title and never the value.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.destinations.encoding.field_types import FieldCheck, Learn, check_of
from shared.destinations.encoding.habits import Habit, Habits
from shared.destinations.encoding.notes import FieldNotes
from shared.destinations.encoding.why import Why
from shared.destinations.model import Field, FieldType, InvalidProfile, Target
from shared.domain.message import Message, say, say_count

type Write = Callable[[str], object]
"""A text -> what stands for it in the destination's JSON, or None for nothing."""

type Written = Callable[[str, Habit], object]
"""A trimmed text that is not empty, and the habit of its column -> the same; a `Why` if it is left out."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the cells of one field."""

    name: str
    at: int  # which of the cells
    clears: bool  # whether an empty one clears the field
    written: Written
    notes: FieldNotes
    like: str | None = None
    """A pattern, the same for RE2 and Python's `re`: a text in which it is found is written as it is,
    unless it is longer than `longest`. None if only `written` can tell."""
    longest: int | None = None
    learn: Learn | None = None
    is_text: bool = False  # so that what is too long is cut
    is_number: bool = False

    def unfit(self, why: Why) -> InvalidProfile:
        """Return what to say of a value where the export is strict about its fields."""
        notes = self.notes
        if why is Why.LONG:
            return InvalidProfile("bad_value", at_most(notes.title, notes.longest))
        must_be = say("{field} must be {what}.", field=notes.title, what=notes.must_be)
        return InvalidProfile("bad_value", must_be)


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
        self.is_strict = target.strict_fields
        self.begins = True  # no row of the version has come yet
        self.habits = Habits([Habit() for _ in target.fields])
        self._target = target
        self._gone = [name for name in target.fields if name not in there]
        self.rules: Sequence[Rule] = [
            self._rule_of(there[name], at, write, own)
            for at, name in enumerate(target.fields)
            if name in there
        ]

    def begin(self, habits: Habits) -> None:
        """Say how the cells of the version are written whose rows come next."""
        self.habits = habits
        self.begins = True

    def restart(self) -> None:
        """Forget what was noted, because everything is read anew."""
        for rule in self.rules:
            rule.notes.clear()

    def of(self, cells: Sequence[str], row: Message | None = None) -> dict[str, object]:
        """Return the values of a row by the names of their fields; raise InvalidProfile.

        `row` says where it stands, for the notes.
        """
        values: dict[str, object] = {}
        for rule in self.rules:
            text = cells[rule.at].strip()
            if text and text not in self.habits.nulls:
                habit = self.habits.columns[rule.at]
                if rule.learn:
                    rule.learn(text, habit)
                value = rule.written(text, habit)
                if isinstance(value, Why):
                    if self.refuses(value):
                        raise rule.unfit(value)
                    rule.notes.leave_out(value, 1, [row] if row else ())
                else:
                    values[rule.name] = value
            elif rule.clears:
                values[rule.name] = ""
        return values

    def refuses(self, why: Why) -> bool:
        """Say whether a value that is left out makes the profile invalid."""
        return self.is_strict and why is not Why.OWN

    @property
    def left_out(self) -> Mapping[str, int]:
        """How many values of which fields were left out by rules of the destination's own."""
        return Counter(
            {
                rule.name: rule.notes.left_out[Why.OWN].values
                for rule in self.rules
                if Why.OWN in rule.notes.left_out
            }
        )

    def notes(self) -> Sequence[Message]:
        """Return what was left out and cut, for the run's timeline."""
        gone = [
            say("The list no longer has the field {field}; it is left out.", field=name)
            for name in self._gone
        ]
        return gone + [each for rule in self.rules for each in rule.notes.messages()]

    def _rule_of(
        self, field: Field, at: int, write: Mapping[FieldType, Write], own: Mapping[str, Write]
    ) -> Rule:
        target = self._target
        column = target.columns[at] if target.columns else field.name
        longest = self._length(field.longest or 0)
        clears = field.name in target.clears
        check = check_of(field)
        if field.kind is FieldType.NUMBER:
            check = _taking_typed(check)
        notes = FieldNotes(field.title, column, check.must_be, longest)
        if field.name in own:
            return Rule(field.name, at, clears, _own(own[field.name]), notes)
        if field.kind is FieldType.TEXT:
            cutter = self._cutter(notes, field.longest)
            return Rule(field.name, at, clears, cutter, notes, "", field.longest, is_text=True)
        written = self._writer(check, write.get(field.kind, _as_it_is), field.longest)
        return Rule(
            field.name,
            at,
            clears,
            written,
            notes,
            None if field.kind in write else check.like,
            field.longest,
            check.learn,
            is_number=field.kind is FieldType.NUMBER,
        )

    def _cutter(self, notes: FieldNotes, longest: int | None) -> Written:
        def written(text: str, _: Habit) -> object:
            if longest is None:
                return text
            short = shortened(text, longest, self.in_bytes)
            notes.cut += short is not text
            return short

        return written

    def _writer(self, check: FieldCheck, write: Write, longest: int | None) -> Written:
        size = _bytes if self.in_bytes else len

        def written(text: str, habit: Habit) -> object:
            plain = check.plain(text, habit)
            if isinstance(plain, Why):
                return plain
            if longest is not None and size(plain) > longest:
                return Why.LONG
            value = write(plain)
            return Why.OWN if value is None else value

        return written

    def _length(self, longest: int) -> Message:
        if self.in_bytes:
            return say_count("{count} byte", "{count} bytes", longest)
        return characters(longest)


def shortened(text: str, longest: int, in_bytes: bool) -> str:
    """Return the longest beginning of a text that fits: the same text, if all of it does."""
    if not in_bytes:
        return text if len(text) <= longest else text[:longest]
    raw = text.encode()
    return text if len(raw) <= longest else raw[:longest].decode(errors="ignore")


def characters(count: int) -> Message:
    """Return a length in words."""
    return say_count("{count} character", "{count} characters", count)


def at_most(title: Message | str, longest: Message) -> Message:
    """Return what to say of a value of a field that is too long."""
    return say("{field} must be at most {longest} long.", field=title, longest=longest)


def _taking_typed(check: FieldCheck) -> FieldCheck:
    """Take the numbers of a typed file for what they are, whatever is said or shown of numbers in texts."""
    is_plain = re.compile(check.like or "").match

    def plain(text: str, habit: Habit) -> str | Why:
        return text if habit.is_typed and is_plain(text) else check.plain(text, habit)

    def learn(text: str, habit: Habit) -> None:
        if check.learn and not (habit.is_typed and is_plain(text)):
            check.learn(text, habit)

    return replace(check, plain=plain, learn=learn)


def _own(write: Write) -> Written:
    def written(text: str, _: Habit) -> object:
        value = write(text)
        return Why.OWN if value is None else value

    return written


def _as_it_is(text: str) -> object:
    return text


def _bytes(text: str) -> int:
    return len(text.encode())
