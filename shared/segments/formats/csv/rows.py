"""Reads a CSV segment file of a known dialect as it streams in: bytes go in, rows come out, no I/O here.

A block of whole lines is parsed at a time: by pyarrow where each line is a row and there is nothing about
it that parsers read differently, and else line by line. The lines of a record that the block ends in the
middle of are kept for the next block.
"""

from collections.abc import Iterator, Sequence
from itertools import compress, count

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.reading import Dialect, Escape, Reading
from shared.segments.formats.csv.backslashes import is_written_with_backslashes
from shared.segments.formats.csv.header import header_of, no_text_in_header, nul_in_header
from shared.segments.formats.csv.parsed import Parsed, parse, width_of
from shared.segments.formats.csv.quotes import swallows_rows
from shared.segments.formats.names import column_name
from shared.segments.formats.rows import (
    MAX_FIELD,
    MAX_LINE,
    Block,
    Columns,
    ReadAnew,
    Row,
    bad_line,
    empty,
    has_nul,
    too_long,
)

_BOM = b"\xef\xbb\xbf"
_STANDARD = Dialect()
_FAULTS = 20  # columns of which a fault is remembered
_NO_TEXT = "surrogateescape"
"""How bytes that are no UTF-8 are decoded: to characters of which no text has any."""


class CsvRows:
    """The rows of one file. `header` is None until the first row has come in, or what `columns` says.

    Rows are numbered as a spreadsheet numbers them: the header is row 1. Blank lines and rows of nothing
    but delimiters count, but are not returned. Columns hold what is in `wanted`, or everything if that
    is None. Every error is a BadSegment that says where in which file; one that spoils nothing but a
    column that is not wanted stands in `faults`, the first of each column.

    `reading` is None where all is stated. Else it is what is known, and what it leaves open may turn out
    to be otherwise than the dialect says, which raises ReadAnew; and short rows end in empty cells.
    `is_numbered` says that each row begins with its number, for which the header has no cell.
    """

    unseen: frozenset[str] = frozenset()  # what is wanted is looked for in the header

    def __init__(
        self,
        path: str,
        dialect: Dialect = _STANDARD,
        wanted: Sequence[str] | None = None,
        columns: list[str] | None = None,
        reading: Reading | None = None,
        lines_before: int = 0,
        is_numbered: bool = False,
    ) -> None:
        self.header: list[str] | None = None
        self.dialect = dialect
        self.encoding = dialect.encoding
        self.faults: dict[str, Message] = {}
        self._path = path
        self._wanted = None if wanted is None else frozenset(map(column_name, wanted))
        self._reading = reading
        self._is_numbered = is_numbered
        self._places: list[int] = []  # of the columns that are wanted
        self._tail = b""  # bytes of a line that has not ended
        self._open: list[str] = []  # lines of a record that has not ended
        self._is_suspect = False  # some cell may be no text, or too long
        self._row = self._lines = lines_before  # lines: those of whole records
        self._is_begun = False
        if columns is not None:
            self._take_header([column_name(column) for column in columns])

    @property
    def columns(self) -> list[str]:
        """The header without what has no name, or nothing as long as there is none."""
        return [name for name in self.header or () if name]

    def feed(self, data: bytes) -> Block:
        """Take the next bytes of the file, and return the rows that they complete."""
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        if len(self._tail) > MAX_LINE:
            line = self._lines + len(self._open) + data[:end].count(b"\n") + 1
            raise self._bad(line, say("the line is longer than {most} bytes", most=MAX_LINE))
        return self._rows(data[:end])

    def close(self, data: bytes = b"") -> Block:
        """Say that the file ends with `data`, and return what is left of it."""
        rest, self._tail = self._tail + data, b""
        rows = self._rows(rest, is_all=True)
        if self._open:
            self._require_no_escape(self._open)
            raise self._bad(self._lines + 1, say("a quote is opened here and never closed"))
        if self.header is None:
            raise empty(self._path)
        return rows

    def _rows(self, block: bytes, is_all: bool = False) -> Block:
        if not self._is_begun:
            self._is_begun = block != b""
            while block.startswith(_BOM):
                block = block.removeprefix(_BOM)
        if self.header is None and not self._open:
            block = self._behind_header(block)
        if self.header is not None and not self._open and self._is_plain(block, self.header):
            columns = self._columns(block, len(self.header))
            if columns is not None:
                self._lines += len(columns)
                self._row += len(columns)
                return columns
        return self._parsed(self._decoded(block), is_all)

    def _behind_header(self, block: bytes) -> bytes:
        """Take a header that is one line and nothing but plain, and return what follows it."""
        while self.header is None and (end := block.find(b"\n") + 1):
            if any(each in block[: end - 2] for each in (b'"', b"\r", b"\\")):
                break
            for _ in self._parsed(self._decoded(block[:end]), is_all=False):
                raise AssertionError("a header is a row")
            block = block[end:]
        return block

    def _columns(self, block: bytes, width: int) -> Columns | None:
        from shared.segments.formats.csv.columns import columns_of, unescaped

        delimiter, is_checked = self.dialect.delimiter, False
        if self.dialect.escape is Escape.BACKSLASH and b"\\" in block:
            if not self.dialect.quoted:
                return None
            plain = unescaped(block, delimiter)
            if plain is None:
                return None
            block, is_checked = plain
        quoted = self.dialect.quoted and b'"' in block
        first = self._row + 1
        return columns_of(block, delimiter, quoted, width, self._places, first, is_checked)

    def _is_plain(self, block: bytes, header: Sequence[str]) -> bool:
        """Say whether nothing but delimiters, line ends, quotes and escapes means anything in whole lines."""
        return (
            block != b""
            and len(header) > 1  # else an empty line could be a cell
            and self.dialect.delimiter.isascii()
            and not block.startswith(_BOM)  # which pyarrow drops wherever it begins to read
            and b"\0" not in block
            and (b"\r" not in block or block.count(b"\r") == block.count(b"\r\n"))
            and _has_short_lines(block)
            and _is_utf_8(block)
        )

    def _decoded(self, block: bytes) -> list[str]:
        """Return the lines of a block with their ends.

        Each is decoded for itself: a line of ASCII is then half as long in memory, and read faster,
        than as a part of a text that holds any other character.
        """
        if b"\0" in block or not _has_short_lines(block):
            self._is_suspect = True
        lines = block.splitlines(keepends=True)
        try:
            return list(map(bytes.decode, lines))
        except UnicodeDecodeError:
            self._is_suspect = True
            return [line.decode(errors=_NO_TEXT) for line in lines]

    def _parsed(self, lines: list[str], is_all: bool) -> Iterator[Row]:
        lines = self._open + lines
        parsed = parse(lines, self.dialect, self._width(lines), is_all)
        self._open = lines[parsed.lines :]
        self._require_no_escape(lines[: parsed.lines])
        if sum(map(len, self._open)) > MAX_LINE:
            what = say("a quote is opened here, and not closed within {most} bytes", most=MAX_LINE)
            raise self._bad(self._lines + parsed.lines + 1, what)
        rows = parsed.rows
        first, self._row = self._row + 1, self._row + len(rows)
        numbered: Iterator[Row] = zip(count(first), rows, strict=False)
        if not all(map(any, rows)):
            numbered = compress(numbered, map(any, rows))
        if self.header is None and (found := next(numbered, None)):
            self._take_own_header(found[1], self._lines + parsed.line_of(found[0] - first) + 1)
        self._require_sound(parsed, lines)
        self._lines += parsed.lines
        self._is_suspect = self._is_suspect and self._open != []
        return numbered if self._reading is None else self._filled(numbered)

    def _filled(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield rows in which the last cells that are missing are empty."""
        width = len(self.header or ())
        for number, cells in rows:
            yield number, cells if len(cells) >= width else [*cells, *[""] * (width - len(cells))]

    def _take_own_header(self, cells: Sequence[str], line: int) -> None:
        if any("\0" in cell for cell in cells):
            raise self._bad(line, nul_in_header())
        texts = [cell.encode(errors=_NO_TEXT).decode(errors="replace") for cell in cells]
        header = header_of(self._path, texts)
        if texts != list(cells) and not (self._wanted and self._wanted <= set(header)):
            raise self._bad(line, no_text_in_header(self.encoding))
        self._take_header([""] * self._is_numbered + header)

    def _width(self, lines: Sequence[str]) -> int:
        """Return how many cells a row has, which the first of these lines tell if no other has."""
        if self.header is None:
            return width_of("".join(lines), self.dialect) + self._is_numbered
        return len(self.header)

    def _take_header(self, header: list[str]) -> None:
        self.header = header
        self._places = [
            place
            for place, name in enumerate(header)
            if self._wanted is None or name in self._wanted
        ]

    def _require_no_escape(self, lines: Sequence[str]) -> None:
        """Raise ReadAnew where backslashes turn out to escape."""
        if self._reading is None or self._reading.escape or self.dialect.escape is Escape.BACKSLASH:
            return
        if is_written_with_backslashes("".join(lines), self.dialect.delimiter, self._width(lines)):
            raise ReadAnew(self._reading.model_copy(update={"escape": Escape.BACKSLASH}))

    def _require_sound(self, parsed: Parsed, lines: Sequence[str]) -> None:
        """Raise BadSegment for a wanted cell that is none, and for a quote that holds rows."""
        width = len(self.header or ())
        long = parsed.long()
        for _, start, end in long:
            if swallows_rows(lines[start:end], self.dialect.delimiter, width):
                what = say(
                    "a quote is opened and closed on line {line}, with what look like rows between",
                    line=self._lines + end,
                )
                raise self._bad(self._lines + start + 1, what)
        indexes = range(len(parsed.rows)) if self._is_suspect else [index for index, *_ in long]
        for index in indexes:
            for place, cell in enumerate(parsed.rows[index][:width]):
                fault = self._fault(place, cell)
                if fault is not None:
                    line = self._lines + parsed.line_of(index) + 1
                    self._refuse(place, bad_line(self._path, line, fault))

    def _refuse(self, place: int, error: BadSegment) -> None:
        """Raise an error of a cell in a column that is wanted, and else remember the first of it."""
        if place in self._places:
            raise error
        if len(self.faults) < _FAULTS:
            self.faults.setdefault((self.header or [])[place], error.reason)

    def _fault(self, place: int, cell: str) -> Message | None:
        if len(cell) > MAX_FIELD:
            return too_long()
        if "\0" in cell:
            return has_nul()
        if not cell.isascii() and not _is_text(cell):
            return self._no_text((self.header or [])[place])
        return None

    def _no_text(self, column: str) -> Message:
        return say(
            "in the column '{column}' is a character that is not {encoding}. Save it as CSV UTF-8 and add "
            "it again, or say in the segment's reading how it is encoded",
            column=column,
            encoding=self.encoding.upper(),
        )

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


def _is_text(cell: str) -> bool:
    try:
        return bool(cell.encode()) or cell == ""
    except UnicodeEncodeError:
        return False
