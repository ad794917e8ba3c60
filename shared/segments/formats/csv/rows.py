"""Reads a CSV segment file as it streams in: bytes go in, rows come out, no I/O here.

RFC 4180 in UTF-8 with or without a byte order mark; with a header, unless the settings say what the
columns are. A block of whole lines is parsed at a time: by pyarrow where each line is a row and there is
nothing about it that parsers read differently, and else by Python's own `csv` module. The lines of a
record that the block ends in the middle of are kept for the next block.
"""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain, count
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.segment import CsvSettings
from shared.segments.formats.rows import (
    MAX_FIELD,
    MAX_LINE,
    Block,
    Row,
    bad_line,
    empty,
    has_nul,
    refuse_utf_16,
    too_long,
)

if TYPE_CHECKING:
    import _csv

_BOM = b"\xef\xbb\xbf"
_STANDARD = CsvSettings()


class _MoreWanted(Exception):
    """The block of lines is used up."""


class CsvRows:
    """The rows of one file. `header` is None until the first row has come in.

    Rows are numbered as a spreadsheet numbers them: the header is row 1. Blank lines count, but are
    not returned. Columns hold what is in `wanted`, or everything if that is None. Every error is a
    BadSegment that says where in which file.
    """

    unseen: frozenset[str] = frozenset()  # what is wanted is looked for in the header

    def __init__(
        self,
        path: str,
        settings: CsvSettings = _STANDARD,
        wanted: Sequence[str] | None = None,
    ) -> None:
        self.header: list[str] | None = settings.columns
        self._wanted = wanted
        self._delimiter = settings.delimiter
        self._quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if settings.quoted else csv.QUOTE_NONE
        self._path = path
        self._tail = b""  # bytes of a line that has not ended
        self._open: list[str] = []  # lines of a record that has not ended
        self._row = 0
        self._lines = 0  # that were parsed as whole records
        self._offset = 0  # bytes decoded

    @property
    def columns(self) -> list[str]:
        """The header, or nothing as long as there is none."""
        return self.header or []

    def feed(self, data: bytes) -> Block:
        """Take the next bytes of the file, and return the rows that they complete."""
        if self._offset == 0 and not self._tail:
            refuse_utf_16(self._path, data)
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if len(self._tail) > MAX_LINE:
            line = self._lines + len(self._open) + data[:end].count(b"\n") + 1
            raise self._bad(line, say("the line is longer than {most} bytes", most=MAX_LINE))
        return self._rows(data[:end])

    def close(self) -> Block:
        """Say that the file has ended, and return what is left of it."""
        rest, self._tail = self._tail, b""
        rows = self._rows(rest)
        if self._open:
            raise self._bad(self._lines + 1, say("a quote is opened here and never closed"))
        if self.header is None:
            raise empty(self._path)
        return rows

    def _rows(self, block: bytes) -> Block:
        if self.header is not None and not self._open and self._is_plain(block, self.header):
            from shared.segments.formats.csv.columns import columns_of

            places = [
                place
                for place, name in enumerate(self.header)
                if self._wanted is None or name in self._wanted
            ]
            first = self._row + 1
            quoted = self._quoting == csv.QUOTE_MINIMAL and b'"' in block
            columns = columns_of(block, self._delimiter, quoted, len(self.header), places, first)
            if columns is not None:
                self._offset += len(block)
                self._lines += len(columns)
                self._row += len(columns)
                return columns
        return self._parsed(block)

    def _is_plain(self, block: bytes, header: Sequence[str]) -> bool:
        """Say whether nothing but delimiters, line ends and quotes means anything in whole lines."""
        return (
            block != b""
            and len(header) > 1  # else an empty line could be a cell
            and self._delimiter.isascii()
            and not block.startswith(_BOM)  # which pyarrow drops wherever it begins to read
            and b"\0" not in block
            and (b"\r" not in block or block.count(b"\r") == block.count(b"\r\n"))
            and _has_short_lines(block)
            and _is_utf_8(block)
        )

    def _parsed(self, block: bytes) -> Iterator[Row]:
        lines = self._open + self._decode(block)
        rows: list[list[str]] = []
        reader = self._reader(lines)
        try:
            with suppress(_MoreWanted):
                rows.extend(reader)  # keeps what came before the lines ran out, all of it in C
        except csv.Error:
            raise self._bad(self._lines + self._whole(lines) + 1, too_long()) from None
        # As many lines as rows: none of them has a line end inside, and the last is whole.
        whole = reader.line_num if reader.line_num == len(rows) else self._whole(lines)
        self._open = lines[whole:]
        self._lines += whole
        first, self._row = self._row + 1, self._row + len(rows)
        numbered: Iterator[Row] = zip(count(first), rows, strict=False)
        if [] in rows:
            numbered = filter(itemgetter(1), numbered)
        if self.header is None and (header := next(numbered, None)):
            self.header = [name.strip() for name in header[1]]
        return numbered

    def _decode(self, block: bytes) -> list[str]:
        """Return the lines of a block with their ends.

        Each is decoded for itself: a line of ASCII is then half as long in memory, and read faster,
        than as a part of a text that holds any other character.
        """
        start = self._offset
        self._offset += len(block)
        if start == 0:
            block = block.removeprefix(_BOM)
        before = self._lines + len(self._open)
        if (nul := block.find(b"\0")) >= 0:
            raise self._bad(before + block.count(b"\n", 0, nul) + 1, has_nul())
        try:
            return list(map(bytes.decode, block.splitlines(keepends=True)))
        except UnicodeDecodeError:
            raise self._not_utf_8(block, before) from None

    def _not_utf_8(self, block: bytes, lines_before: int) -> BadSegment:
        try:
            block.decode()
        except UnicodeDecodeError as error:
            line = lines_before + block.count(b"\n", 0, error.start) + 1
            what = say(
                "byte {byte} of the file ({value}) is not UTF-8",
                byte=self._offset - len(block) + error.start + 1,
                value=f"0x{block[error.start]:02X}",
            )
            return self._bad(line, what)
        raise AssertionError("a line of the block was no UTF-8")

    def _reader(self, lines: list[str]) -> "_csv.Reader":
        return csv.reader(
            chain(lines, _used_up()), delimiter=self._delimiter, quoting=self._quoting
        )

    def _whole(self, lines: list[str]) -> int:
        """Return how many of the lines make whole records."""
        reader = self._reader(lines)
        whole = 0
        with suppress(_MoreWanted, csv.Error):
            for _ in reader:
                whole = reader.line_num
        return whole

    def _bad(self, line: int, what: Message) -> BadSegment:
        return bad_line(self._path, line, what)


def _has_short_lines(block: bytes) -> bool:
    """Say whether no line is so long that a cell in it could be too long."""
    start = 0
    while len(block) - start > MAX_FIELD:
        end = block.rfind(b"\n", start, start + MAX_FIELD)
        if end < 0:
            return False
        start = end + 1
    return True


def _is_utf_8(block: bytes) -> bool:
    try:
        return block.isascii() or bool(block.decode())
    except UnicodeDecodeError:
        return False


def _used_up() -> Iterator[str]:
    raise _MoreWanted
    yield  # which makes it an iterator
