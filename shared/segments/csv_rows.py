"""Reading a CSV segment file as it streams in: bytes go in, rows come out, no I/O here.

RFC 4180 with a header, in UTF-8 with or without a byte order mark. Python's own `csv` module does the
parsing; it wants lines, so a block of whole lines is parsed at a time, and the lines of a record
that the block ends in the middle of are kept for the next block.
"""

import csv
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from operator import itemgetter

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say

MAX_FIELD = 131_072
"""Characters that one field may have, which is also `csv`'s own default."""

MAX_LINE = 4 * 1024 * 1024
"""Bytes that one line may have; what is longer is no CSV file with line ends we know."""

type Row = tuple[int, list[str]]
"""A row's number and its cells."""

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class _MoreWanted(Exception):
    """The block of lines is used up."""


class CsvRows:
    """The rows of one file. `header` is None until the first row has come in.

    Rows are numbered as a spreadsheet numbers them: the header is row 1. Blank lines count, but are
    not returned. Every error is a BadSegment that says where in which file.
    """

    def __init__(self, path: str) -> None:
        self.header: list[str] | None = None
        self._path = path
        self._tail = b""  # bytes of a line that has not ended
        self._open: list[str] = []  # lines of a record that has not ended
        self._row = 0
        self._lines = 0  # that were parsed as whole records
        self._offset = 0  # bytes decoded

    def feed(self, data: bytes) -> Iterator[Row]:
        """Take the next bytes of the file, and yield (row number, cells) of the rows they complete."""
        if self._offset == 0 and not self._tail:
            self._refuse_utf_16(data)
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if len(self._tail) > MAX_LINE:
            line = self._lines + len(self._open) + data[:end].count(b"\n") + 1
            raise self._bad(line, say("the line is longer than {most} bytes", most=MAX_LINE))
        return self._rows(data[:end])

    def close(self) -> Iterator[Row]:
        """Say that the file has ended, and yield what is left of it."""
        rest, self._tail = self._tail, b""
        rows = self._rows(rest)
        if self._open:
            raise self._bad(self._lines + 1, say("a quote is opened here and never closed"))
        if self.header is None:
            raise BadSegment(
                say("{path} is empty. It needs a header and at least one profile.", path=self._path)
            )
        return rows

    def _rows(self, block: bytes) -> Iterator[Row]:
        lines = self._open + self._decode(block)
        rows: list[list[str]] = []
        reader = csv.reader(_until_used_up(lines))
        try:
            with suppress(_MoreWanted):
                rows.extend(reader)  # keeps what came before the lines ran out, all of it in C
        except csv.Error:
            at = self._lines + _whole_lines(lines) + 1
            what = say("a field is longer than {most} characters", most=MAX_FIELD)
            raise self._bad(at, what) from None
        # As many lines as rows: none of them has a line end inside, and the last is whole.
        whole = reader.line_num if reader.line_num == len(rows) else _whole_lines(lines)
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
            line = before + block.count(b"\n", 0, nul) + 1
            raise self._bad(line, say("there is a NUL character"))
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

    def _refuse_utf_16(self, data: bytes) -> None:
        if data.startswith(_UTF_16):
            raise BadSegment(
                say("{path} is in UTF-16. Save it as UTF-8 and drop it again.", path=self._path)
            )

    def _bad(self, line: int, what: Message) -> BadSegment:
        return BadSegment(
            say(
                "{path}, line {line}: {what}. Nothing was sent.",
                path=self._path,
                line=line,
                what=what,
            )
        )


def _until_used_up(lines: list[str]) -> Iterator[str]:
    yield from lines
    raise _MoreWanted


def _whole_lines(lines: list[str]) -> int:
    """Return how many of the lines make whole records."""
    reader = csv.reader(_until_used_up(lines))
    whole = 0
    with suppress(_MoreWanted, csv.Error):
        for _ in reader:
            whole = reader.line_num
    return whole
