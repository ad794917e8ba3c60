"""Reads NDJSON as it streams in: an object a line, in UTF-8. Bytes go in, rows come out, no I/O here.

What columns there are is known only when the last object was read. So the columns that are wanted are
looked up in each object, a missing one is an empty cell, and `unseen` tells which of them no object had.
Of two members with one name the last one counts.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

import msgspec

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.reading import Dialect
from shared.segments.encodings import UTF_8
from shared.segments.formats.cell_text import text_of
from shared.segments.formats.names import column_name
from shared.segments.formats.rows import (
    MAX_FIELD,
    MAX_LINE,
    Block,
    Columns,
    bad_line,
    empty,
    has_nul,
    too_long,
)

LOOKED_AT = 100
"""Objects whose members are the columns that are shown to people."""

_BOM = b"\xef\xbb\xbf"
_NUL_ESCAPE = b"\\u0000"

_NO_OBJECT = say("this is JSON, but not an object with the columns of one profile")
_NO_JSON = say("this is not JSON. NDJSON has a whole object on each line")
_IS_LIST = say(
    "the file is one list of JSON. Write each of its objects on a line of its own (NDJSON), without "
    "brackets around them and commas between"
)
_BY_COLUMNS = say(
    "this is JSON by columns, without rows. Write an object for each profile, each on a line of its own "
    "(NDJSON)"
)

_NUMBERS = (int, float)

_decode = msgspec.json.Decoder(dict[str, Any]).decode  # integers of any length stay what they are


class NdjsonRows:
    """The rows of one file, numbered by line from 1, with the cells of the columns that are wanted."""

    def __init__(self, path: str, wanted: Sequence[str] = ()) -> None:
        self.dialect: Dialect | None = None
        self.faults: Mapping[str, Message] = {}
        self.encoding = UTF_8
        self.header: list[str] | None = None
        self._path = path
        self._wanted = list(map(column_name, wanted))
        self._members = dict(zip(self._wanted, self._wanted, strict=True))  # as objects write them
        self.unseen = frozenset(self._wanted)
        self._names: dict[str, None] = {}  # of the members of the first objects
        self._left = LOOKED_AT
        self._tail = b""  # bytes of a line that has not ended
        self._line = 0
        self._begun = False

    @property
    def columns(self) -> Sequence[str]:
        """The members that the first 100 objects have, as they come up, and what is wanted of others."""
        wanted = dict.fromkeys(name for name in self._wanted if name not in self.unseen)
        return list(self._names | wanted)

    def feed(self, data: bytes) -> Block:
        """Take the next bytes of the file, and return the rows of the objects that they complete."""
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if len(self._tail) > MAX_LINE:
            line = self._line + data.count(b"\n", 0, end) + 1
            raise self._bad(line, say("the line is longer than {most} bytes", most=MAX_LINE))
        return self._rows(data[:end])

    def close(self) -> Block:
        """Say that the file has ended, and return what is left of it; raise Empty without any object."""
        rest, self._tail = self._tail, b""
        rows = self._rows(rest)
        if self.header is None:
            raise empty(self._path)
        return rows

    def _rows(self, block: bytes) -> Columns:
        if block and not self._begun:
            self._begun = True
            block = block.removeprefix(_BOM)
        lines = block.splitlines()
        numbers, objects = self._objects(lines)
        may_hold_nul = b"\0" in block or _NUL_ESCAPE in block
        may_be_long = max(map(len, lines), default=0) > MAX_FIELD
        columns: dict[int, list[str]] = {}
        typed: list[int] = []
        for place, name in enumerate(self._members.values()):
            cells, kinds = _cells(objects, name)
            # A text has at most as many characters as its line has bytes; other values may be written longer.
            if (may_be_long or not kinds <= {str}) and max(map(len, cells), default=0) > MAX_FIELD:
                raise self._bad_cell(numbers, cells, lambda cell: len(cell) > MAX_FIELD, too_long())
            if may_hold_nul and "\0" in "".join(cells):
                raise self._bad_cell(numbers, cells, lambda cell: "\0" in cell, has_nul())
            columns[place] = cells
            if not kinds.isdisjoint(_NUMBERS):
                typed.append(place)
        return Columns.of(numbers, columns, typed)

    def _objects(self, lines: Sequence[bytes]) -> tuple[Sequence[int], Sequence[Mapping[str, Any]]]:
        """Return the objects of some lines, and the numbers of these."""
        if not self._left and not self.unseen:
            with suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
                objects = list(map(_decode, lines))
                first, self._line = self._line + 1, self._line + len(lines)
                return range(first, self._line + 1), objects
        return self._one_by_one(lines)

    def _one_by_one(self, lines: Sequence[bytes]) -> tuple[list[int], list[dict[str, Any]]]:
        """Return the same where lines may be blank or wrong, or there is something to see in an object."""
        numbers: list[int] = []
        objects: list[dict[str, Any]] = []
        for line in lines:
            self._line += 1
            if not line or line.isspace():
                continue
            values = self._object(line)
            if self._left:
                self._look_at(values)
            if self.unseen:
                self.unseen = frozenset(
                    name for name in self.unseen if self._members[name] not in values
                )
            numbers.append(self._line)
            objects.append(values)
        return numbers, objects

    def _object(self, line: bytes) -> dict[str, Any]:
        try:
            return _decode(line)
        except msgspec.ValidationError:
            what = _IS_LIST if self._is_list(line) else _NO_OBJECT
        except (msgspec.DecodeError, RecursionError):
            what = _IS_LIST if self._is_list(line) else _NO_JSON
        except UnicodeDecodeError:
            what = say("this is not UTF-8")
        raise self._bad(self._line, what)

    def _is_list(self, line: bytes) -> bool:
        return not self._names and line.lstrip().startswith(b"[")

    def _bad_cell(
        self,
        numbers: Sequence[int],
        cells: Sequence[str],
        is_bad: Callable[[str], bool],
        what: Message,
    ) -> BadSegment:
        line = next(number for number, cell in zip(numbers, cells, strict=True) if is_bad(cell))
        return self._bad(line, what)

    def _look_at(self, values: dict[str, Any]) -> None:
        if values and all(type(value) is dict for value in values.values()):
            raise self._bad(self._line, _BY_COLUMNS)
        self._left -= 1
        for written in values:
            name = column_name(written)
            self._names[name] = None
            if name != written and name in self._members and name not in values:
                self._members[name] = written
        self.header = self._wanted

    def _bad(self, line: int, what: Message) -> BadSegment:
        return bad_line(self._path, line, what)


def _cells(objects: Sequence[Mapping[str, Any]], name: str) -> tuple[list[str], set[type]]:
    """Return the cells of a column, and the types that they have in their objects."""
    try:
        values = list(map(itemgetter(name), objects))
    except KeyError:
        values = [each.get(name) for each in objects]
    kinds = set(map(type, values))
    if kinds <= {str}:
        return values, kinds
    return [value if type(value) is str else text_of(value) for value in values], kinds
