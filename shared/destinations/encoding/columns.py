"""Many profiles at once: pyarrow checks and writes those of plain rows, and says which rows are not.

A row is plain when its address is of the plain sort, and nothing makes its profile invalid. Values that
have to be shortened, put in their plain form or left out are looked at one by one, each text once, and
written with the rest. What becomes of a row that is not plain is for `Template.text` and `Values.of` to
say; of a plain one both would say the same, in many times the time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from shared.arrow import EMPTY, TEXT, pa, pc
from shared.destinations.encoding.habits import NULL
from shared.destinations.encoding.notes import SAMPLE, SHOWN, Where
from shared.destinations.encoding.numbers import SHOWS_POINT, WHOLE
from shared.destinations.encoding.plain_addresses import plain_addresses
from shared.destinations.encoding.template import Group, Template
from shared.destinations.encoding.values import Rule, Values, shortened
from shared.destinations.encoding.why import Why
from shared.invisible import BLANKS

_CONTROL = r"[\x00-\x1f]"  # which JSON escapes, as it does quotes and backslashes
_BYTE = pa.uint8()

type _Piece = str | Any
"""A text that stands in every row, or an array of texts."""


@dataclass(slots=True)
class _Column:
    """The values of one field: what they are made of, and what is to be said of them."""

    pieces: Sequence[_Piece] = ()
    fits: list[Any] = field(default_factory=list)  # masks: rows that all of them fit are plain
    cut: list[Any] = field(default_factory=list)  # masks
    left_out: dict[Why, Any] = field(default_factory=dict)  # masks


class ColumnWriter:
    """Writes the plain profiles of one export."""

    def __init__(self, template: Template, values: Values, longest_address: int) -> None:
        self._template = template
        self._values = values
        self._longest_address = longest_address

    def write(
        self, emails: Any, cells: Sequence[Any], where: Where | None = None
    ) -> tuple[Any, Any, Any]:
        """Return for each row the address in its normal form, the JSON, and whether the row is plain.

        All are arrays. Of a row that is not plain the other two mean nothing, and nothing of it is noted.
        """
        addresses, plain = plain_addresses(emails, self._longest_address)
        columns = {rule.name: self._column(rule, cells[rule.at]) for rule in self._values.rules}
        self._values.begins = self._values.begins and not len(emails)
        for column in columns.values():
            for each in column.fits:
                plain = pc.and_(plain, each)
        for rule in self._values.rules:
            _note(rule, columns[rule.name], plain, where)
        template = self._template
        pieces: list[_Piece] = [f'{template.before}"', addresses, f'"{template.between}']
        values = {name: column.pieces for name, column in columns.items()}
        for group in template.groups:
            pieces += _of_group(group, values)
        return addresses, _joined([*pieces, template.after]), plain

    def _column(self, rule: Rule, cells: Any) -> _Column:
        texts = pc.utf8_trim(cells, characters=BLANKS)
        nulls = self._values.habits.nulls
        if self._values.begins:
            rule.notes.sample(texts.slice(0, SAMPLE).to_pylist(), nulls)
        if len(nulls) > 1:
            texts = pc.if_else(pc.is_in(texts, value_set=_texts(frozenset(nulls))), EMPTY, texts)
        if rule.is_text:
            return self._text(rule, texts)
        column = _Column()
        if rule.like is None:
            column.pieces = (self._one_by_one(rule, texts, column),)
        else:
            column.pieces = self._like(rule, rule.like, texts, column)
        return column

    def _text(self, rule: Rule, texts: Any) -> _Column:
        column = _Column()
        sizes = pc.binary_length(texts)
        shortest, longest = (size.as_py() or 0 for size in pc.min_max(sizes).values())
        is_escaped = _may_hold_escaped(texts)
        if is_escaped and pc.any(is_null := pc.equal(texts, _literal(NULL))).as_py():
            texts = pc.if_else(is_null, EMPTY, texts)
            sizes, shortest = pc.binary_length(texts), 0
        if rule.longest is not None and longest > rule.longest:
            in_bytes = self._values.in_bytes
            measured = sizes if in_bytes else pc.utf8_length(texts)
            too_long = pc.greater(measured, _size(rule.longest))
            texts = _shortened(texts, too_long, rule.longest, in_bytes)
            column.cut.append(too_long)
        if is_escaped:
            texts = _escaped(texts)
        if shortest == 0 and not rule.clears:
            texts = pc.if_else(pc.equal(sizes, _size(0)), _NOTHING, texts)
        column.pieces = ('"', texts, '"')
        return column

    def _like(self, rule: Rule, like: str, texts: Any, column: _Column) -> Sequence[_Piece]:
        """Write values of a type of which a pattern tells nearly all."""
        if rule.is_number:
            like = self._like_of_numbers(rule, like, texts)
        sizes = pc.binary_length(texts)
        is_empty = pc.equal(sizes, _size(0))
        as_they_are = texts
        is_plain = pc.or_(pc.match_substring_regex(texts, like), is_empty)
        if rule.longest is not None and (pc.max(sizes).as_py() or 0) > rule.longest:
            measured = sizes if self._values.in_bytes else pc.utf8_length(texts)
            is_plain = pc.and_(is_plain, pc.less_equal(measured, _size(rule.longest)))
        if not rule.clears:
            texts = pc.if_else(is_empty, _NOTHING, texts)
        if _may_hold_escaped(texts):
            texts = _escaped(texts)
        if pc.all(is_plain).as_py():
            return '"', texts, '"'
        odd = pc.invert(is_plain)
        # Both write text, of which the quotes stand around it already.
        values = self._one_by_one(rule, as_they_are.filter(odd), column, odd)
        values = pc.utf8_slice_codeunits(values, 1, -1)
        return '"', pc.replace_with_mask(texts, odd, values), '"'

    def _like_of_numbers(self, rule: Rule, like: str, texts: Any) -> str:
        """Return the pattern of numbers that the habit of their column leaves as they are."""
        habit = self._values.habits.columns[rule.at]
        if habit.is_typed:
            return like
        if (
            "." not in habit.decimals
            and _holds(texts, (_POINT,))
            and pc.any(pc.match_substring_regex(texts, SHOWS_POINT)).as_py()
        ):
            habit.decimals.add(".")
        if "," not in habit.decimals and _holds(texts, (_COMMA,)):
            for text in texts.filter(pc.match_substring(texts, ",")).unique().to_pylist():
                if rule.learn:
                    rule.learn(text, habit)
        return like if habit.use_point() else WHOLE

    def _one_by_one(self, rule: Rule, texts: Any, column: _Column, of: Any = None) -> Any:
        """Return JSON, asking about each text once, however many rows have it.

        `of` is the mask of the rows that the texts are of, if those are not all.
        """
        different = texts.dictionary_encode()
        each_text = different.dictionary.to_pylist()
        if rule.learn:
            habit = self._values.habits.columns[rule.at]
            for text in each_text:
                rule.learn(text, habit)
        written = [self._written(rule, text) for text in each_text]
        values = pa.array([None if isinstance(each, Why) else each for each in written], TEXT)
        whys = [each if isinstance(each, Why) else None for each in written]
        for why in dict.fromkeys(filter(None, whys)):
            is_out = pa.array([each is why for each in whys], pa.bool_()).take(different.indices)
            if of is not None:
                is_out = pc.replace_with_mask(pc.and_not(of, of), of, is_out)
            column.left_out[why] = is_out
            if self._values.refuses(why):
                column.fits.append(pc.invert(is_out))
        return values.take(different.indices)

    def _written(self, rule: Rule, text: str) -> str | Why | None:
        """Return the JSON of a value, None where there is none, or why it is left out."""
        if not text or text in self._values.habits.nulls:
            return '""' if rule.clears else None
        value = rule.written(text, self._values.habits.columns[rule.at])
        return value if isinstance(value, Why) else orjson.dumps(value).decode()


def _note(rule: Rule, column: _Column, plain: Any, where: Where | None) -> None:
    """Note what was cut and left out of plain rows."""
    for is_cut in column.cut:
        rule.notes.cut += pc.sum(pc.and_(plain, is_cut)).as_py() or 0
    for why, is_out in column.left_out.items():
        rows = pc.indices_nonzero(pc.and_(plain, is_out))
        if len(rows):
            first = rows.slice(0, SHOWN).to_pylist() if where else ()
            rule.notes.leave_out(why, len(rows), [where(row) for row in first] if where else ())


def _of_group(group: Group, values: Mapping[str, Sequence[_Piece]]) -> Sequence[_Piece]:
    members = [
        [before, *values[name], behind]
        for name, (before, behind) in group.around.items()
        if name in values
    ]
    if not members:
        return ()
    if not any(_has_null(piece) for member in members for piece in member):
        with_commas = [piece for member in members for piece in (",", *member)]
        return [group.opening, *with_commas[1:], group.closing]
    # The empty text stands for rows that have none of the values: pyarrow would leave them out.
    inside = pc.binary_join_element_wise(
        EMPTY, *map(_joined, members), _literal(","), null_handling="skip"
    )
    inside = pc.utf8_slice_codeunits(inside, 1)  # without the first comma
    if not group.opening and not group.closing:
        return [inside]
    around = _joined([group.opening, inside, group.closing])
    return [pc.if_else(pc.equal(pc.binary_length(inside), _size(0)), inside, around)]


def _joined(pieces: Sequence[_Piece]) -> Any:
    """Return rows of pieces, one behind the other; those are null where one of theirs is."""
    merged: list[_Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        else:
            merged.append(piece)
    ready = [_literal(piece) if isinstance(piece, str) else piece for piece in merged]
    return pc.binary_join_element_wise(*ready, EMPTY)


def _has_null(piece: _Piece) -> bool:
    return not isinstance(piece, str) and piece.null_count > 0


def _escaped(texts: Any) -> Any:
    """Return texts as they stand in JSON between quotes."""
    marked = pc.replace_substring(pc.replace_substring(texts, "\\", r"\\"), '"', r"\"")
    if not _may_hold_control(texts):
        return marked
    chosen = pc.match_substring_regex(texts, _CONTROL)
    written = [orjson.dumps(text)[1:-1].decode() for text in texts.filter(chosen).to_pylist()]
    return pc.replace_with_mask(marked, chosen, pa.array(written, TEXT))


def _shortened(texts: Any, too_long: Any, longest: int, in_bytes: bool) -> Any:
    """Return texts of which the ones that are too long are cut."""
    if not in_bytes:
        return pc.utf8_slice_codeunits(texts, 0, longest)
    short = [shortened(text, longest, in_bytes) for text in texts.filter(too_long).to_pylist()]
    return pc.replace_with_mask(texts, too_long, pa.array(short, TEXT))


def _may_hold_escaped(texts: Any) -> bool:
    """Say whether any byte of an array's texts may be one that JSON escapes."""
    return _may_hold_control(texts) or _holds(texts, _MARKS)


def _may_hold_control(texts: Any) -> bool:
    every = _bytes_of(texts)
    least = None if every is None else pc.min(every).as_py()
    return least is not None and bool(least < ord(" "))


def _holds(texts: Any, marks: Sequence[Any]) -> bool:
    """Say whether any byte of an array's texts may be one of some."""
    every = _bytes_of(texts)
    return every is not None and any(pc.any(pc.equal(every, mark)).as_py() for mark in marks)


def _bytes_of(texts: Any) -> Any:
    data = texts.buffers()[2]
    return None if data is None else pa.Array.from_buffers(_BYTE, data.size, [None, data])


# A scalar takes longer to make than a column to write.
@lru_cache(maxsize=1_000)
def _literal(text: str) -> Any:
    return pa.scalar(text, TEXT)


@lru_cache(maxsize=1_000)
def _size(number: int) -> Any:
    return pa.scalar(number, pa.int32())


@lru_cache(maxsize=100)
def _texts(words: frozenset[str]) -> Any:
    return pa.array(sorted(words), TEXT)


_NOTHING = pa.scalar(None, TEXT)
_POINT, _COMMA = (pa.scalar(ord(mark), _BYTE) for mark in ".,")
_MARKS = [pa.scalar(ord(mark), _BYTE) for mark in '"\\']
