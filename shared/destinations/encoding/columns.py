"""Many profiles at once: pyarrow checks and writes those of plain rows, and says which rows are not.

A row is plain when nothing about it needs a decision: its address is of the plain sort, no value has to
be shortened or left out, and each passes its field's rule. What becomes of any other row is for
`Template.text` and `Values.of` to say; of a plain one both would say the same, in eight times the time.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson

from shared.arrow import EMPTY, TEXT, pa, pc
from shared.destinations.encoding.template import Group, Template
from shared.destinations.encoding.values import Rule, Values
from shared.destinations.model import InvalidProfile
from shared.domain.email import PLAIN
from shared.domain.invisible import BLANKS

_WHOLE_ADDRESS = f"^(?:{PLAIN})$"
_ESCAPED = r'["\\\x00-\x1f]'  # in JSON
_BYTE = pa.uint8()

type _Piece = str | Any
"""A text that stands in every row, or an array of texts."""


class ColumnWriter:
    """Writes the plain profiles of one export."""

    def __init__(self, template: Template, values: Values, longest_address: int) -> None:
        self._template = template
        self._rules = values.rules
        self._in_bytes = values.in_bytes
        self._longest_address = longest_address

    def write(self, emails: Any, cells: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Return for each row the address in its normal form, the JSON, and whether the row is plain.

        All are arrays. Of a row that is not plain the other two mean nothing.
        """
        addresses = pc.ascii_lower(pc.ascii_trim_whitespace(emails))
        plain = pc.and_(
            pc.match_substring_regex(addresses, _WHOLE_ADDRESS),
            pc.less_equal(pc.binary_length(addresses), _size(self._longest_address)),
        )
        values = {}
        for rule in self._rules:
            values[rule.name], fits = self._values(rule, cells[rule.at])
            for each in fits:
                plain = pc.and_(plain, each)
        template = self._template
        pieces: list[_Piece] = [f'{template.before}"', addresses, f'"{template.between}']
        for group in template.groups:
            pieces += _of_group(group, values)
        return addresses, _joined([*pieces, template.after]), plain

    def _values(self, rule: Rule, cells: Any) -> tuple[Sequence[_Piece], Sequence[Any]]:
        """Return what the values of a field are made of, and which of them fit."""
        texts = pc.utf8_trim(cells, characters=BLANKS)
        if rule.like is None:
            return _one_by_one(rule, texts)
        sizes = pc.binary_length(texts)
        shortest, longest = pc.min_max(sizes).values()
        fits = []
        if rule.longest is not None and (longest.as_py() or 0) > rule.longest:
            measured = sizes if self._in_bytes else pc.utf8_length(texts)
            fits.append(pc.less_equal(measured, _size(rule.longest)))
        if rule.like:
            is_like = pc.match_substring_regex(texts, rule.like)
            fits.append(pc.or_(is_like, pc.equal(sizes, _size(0))))
        if _may_hold_escaped(texts):
            texts = _escaped(texts)
        if shortest.as_py() == 0 and not rule.clears:
            texts = pc.if_else(pc.equal(sizes, _size(0)), _NOTHING, texts)
        return ('"', texts, '"'), fits


def _one_by_one(rule: Rule, texts: Any) -> tuple[Sequence[_Piece], Sequence[Any]]:
    """Ask about each text once, however many rows have it."""
    different = texts.dictionary_encode()
    written = [_written(rule, text) for text in different.dictionary.to_pylist()]
    values = pa.array([json for json, _ in written], TEXT)
    fits = pa.array([each for _, each in written], pa.bool_())
    return (values.take(different.indices),), [fits.take(different.indices)]


def _written(rule: Rule, text: str) -> tuple[str | None, bool]:
    """Return the JSON of a value, or None where there is none, and whether that is all there is to it."""
    if not text:
        return '""' if rule.clears else None, True
    try:
        value = rule.written(text)
    except InvalidProfile:
        return None, False
    return (None, False) if value is None else (orjson.dumps(value).decode(), True)


def _of_group(group: Group, values: dict[str, Sequence[_Piece]]) -> Sequence[_Piece]:
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
    chosen = pc.match_substring_regex(texts, _ESCAPED)
    written = [orjson.dumps(text)[1:-1].decode() for text in texts.filter(chosen).to_pylist()]
    return pc.replace_with_mask(texts, chosen, pa.array(written, TEXT))


def _may_hold_escaped(texts: Any) -> bool:
    """Say whether any byte of an array's texts may be one that JSON escapes."""
    data = texts.buffers()[2]
    if data is None:
        return False
    every = pa.Array.from_buffers(_BYTE, data.size, [None, data])
    least = pc.min(every).as_py()
    return least is not None and (
        least < ord(" ") or any(pc.any(pc.equal(every, each)).as_py() for each in _MARKS)
    )


# A scalar takes longer to make than a column to write.
@lru_cache(maxsize=1_000)
def _literal(text: str) -> Any:
    return pa.scalar(text, TEXT)


@lru_cache(maxsize=1_000)
def _size(number: int) -> Any:
    return pa.scalar(number, pa.int32())


_NOTHING = pa.scalar(None, TEXT)
_MARKS = [pa.scalar(ord(mark), _BYTE) for mark in '"\\']
