"""Takes text apart in which a backslash escapes a quote or a delimiter, which `csv` reads in another way.

What Spark, Data Factory, Business Central, Snowflake and R write: `\\"` inside of quotes, `\\,` outside,
`\\\\` for a backslash, and any other backslash for itself; but MariaDB and Redshift write one before line
ends. A quote inside of a quoted cell that neither is escaped nor stands before a delimiter is itself, too.

PHP's `fputcsv` doubles quotes, but not behind a backslash, which it leaves as it is: so does this in cells
that have a doubled quote.

None of them agree on a backslash at the end of a cell: before its last quote, its delimiter or its line end
it is an escape, or itself. Where the one gives a row another number of cells than the header, the other is
tried. Before a line end outside of quotes, which Snowflake and MariaDB escape so, it is itself also where a
whole row follows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_DOUBLED = re.compile(r'(?<!\\)""')

type Cells = list[str]

_ENOUGH = 32 * 1024  # characters that may tell how all of a text is written

_SPARE = 8  # times a text may be read in vain; then there is one way to read the rest of it


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of a record, and where in the text it ends, behind its line end."""

    cells: Cells
    end: int
    is_strict: bool = True  # nothing stands between the end of a quoted cell and the next delimiter
    is_joined: bool = False  # a line end outside of quotes is escaped in it


class Backslashed:
    """Takes apart texts of one delimiter, whose records are to have `width` cells."""

    def __init__(self, delimiter: str, width: int) -> None:
        self._delimiter = delimiter
        self._width = width
        self._ways = (_escaping(delimiter), _ending(delimiter))
        self._unescaped = re.compile(rf'\\([\\"{re.escape(delimiter)}]|\r\n?|\n)')
        self._unquoted = re.compile(r'\\([\\"]|\r\n?|\n)')

    def of(self, text: str, start: int = 0, is_all: bool = False) -> Iterator[Record]:
        """Yield the records of a text up to one that it does not hold the end of.

        `is_all` says that no more follows the text.
        """
        spare = _SPARE * len(text)
        while start < len(text):
            record, wasted = self._best(text, start, is_all, spare)
            if record is None:
                return
            yield record
            start = record.end
            spare -= wasted

    def _best(self, text: str, start: int, is_all: bool, spare: int) -> tuple[Record | None, int]:
        """Return a record, and how many characters were read in vain; more than `spare` must not be."""
        one, other = self._ways
        first = self._record(text, start, one) if spare > 0 else None
        if first is not None and len(first.cells) in (0, self._width):
            if first.is_joined and (alone := self._alone(text, start)):
                return alone, first.end - start
            return first, first.is_joined * (first.end - start)
        if first is None and not is_all and spare > 0:
            return None, 0
        second = self._record(text, start, other)
        if second is not None and (first is None or len(second.cells) == self._width):
            return second, (first.end if first else len(text)) - start
        return first, (second.end if second else len(text)) - start

    def _alone(self, text: str, start: int) -> Record | None:
        """Return a record as one that ends where a line end is escaped, if a whole row follows it."""
        alone = self._record(text, start, self._ways[1])
        behind = alone and self._record(text, alone.end, self._ways[1])
        return alone if behind and len(behind.cells) == self._width else None

    def _record(self, text: str, start: int, way: re.Pattern[str]) -> Record | None:
        cells: Cells = []
        is_joined = False
        while True:
            cell = way.match(text, start)
            if cell is None:
                return None
            quoted, plain, end = cell.groups()
            start = cell.end()
            if quoted is not None:
                cells.append(self._text(quoted))
            elif not cells and not plain and end != self._delimiter:
                return Record(cells, start)  # an empty line
            elif "\\" in plain:
                is_joined = is_joined or "\n" in plain
                cells.append(self._unescaped.sub(r"\1", plain))
            else:
                cells.append(plain)
            if end != self._delimiter:
                return Record(cells, start, is_joined=is_joined)

    def _text(self, quoted: str) -> str:
        if '""' in quoted and _DOUBLED.search(quoted):
            return quoted.replace('""', '"')
        return self._unquoted.sub(r"\1", quoted) if "\\" in quoted else quoted


def is_written_with_backslashes(text: str, delimiter: str, width: int) -> bool:
    """Say whether more records of a text are whole when a backslash escapes than when a quote doubles."""
    if not any("\\" + each in text for each in ('"', delimiter, "\n", "\r\n")):
        return False
    beginning = text[: text.find("\n", _ENOUGH) + 1]
    return any(
        _misread(Backslashed(delimiter, width).of(each, is_all=True), each, width)
        < _misread(_doubled(each, delimiter), each, width)
        for each in (beginning, text)
        if each
    )


def _misread(records: Iterator[Record], text: str, width: int) -> int:
    """Return how many records of a text are not whole, among them one that never ends."""
    misread = end = 0
    for record in records:
        misread += not record.is_strict or len(record.cells) not in (0, width)
        end = record.end
    return misread + (end < len(text))


def _doubled(text: str, delimiter: str) -> Iterator[Record]:
    """Yield the records of a text in which a quote is escaped by another one, as `csv` reads them."""
    way = _doubling(delimiter)
    start = 0
    while start < len(text):
        cells: Cells = []
        is_strict, end = True, delimiter
        while end == delimiter:
            cell = way.match(text, start)
            if cell is None:  # a quote that is never closed
                yield Record(cells, len(text), is_strict=False)
                return
            junk, plain, end = cell.groups()
            is_strict = is_strict and not junk
            start = cell.end()
            if cells or junk is not None or plain or end == delimiter:
                cells.append("")
        yield Record(cells, start, is_strict)


# No pattern goes back on what it has taken: each takes time in proportion to the text.


@lru_cache
def _escaping(delimiter: str) -> re.Pattern[str]:
    """Return a pattern of a cell and what ends it, in which every `\\"` and `\\,` is an escape."""
    d = re.escape(delimiter)
    end = rf"(?=[{d}\r\n]|\Z)"
    quoted = rf'"((?:[^"\\]++|\\[\s\S]|""|"(?!{end}))*+)"'
    plain = rf'((?!")(?:[^{d}\r\n\\]++|\\[\\"{d}]|\\(?:\r\n?|\n)(?!\Z)|\r(?=\\\n)|\\)*+)'
    return re.compile(rf"(?:{quoted}|{plain})({d}|\r\n?|\n|\Z)")


@lru_cache
def _ending(delimiter: str) -> re.Pattern[str]:
    """Return the same for backslashes that are themselves before the end of a cell."""
    d = re.escape(delimiter)
    end = rf"(?=[{d}\r\n]|\Z)"
    quoted = rf'"((?:[^"\\]++|\\(?="{end})|\\[\s\S]|""(?!{end})|"(?!{end}))*+)"'
    plain = rf'((?!")(?:[^{d}\r\n\\]++|\\[\\"]|\\)*+)'
    return re.compile(rf"(?:{quoted}|{plain})({d}|\r\n?|\n|\Z)")


@lru_cache
def _doubling(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    quoted = rf'"(?:[^"]++|"")*+"([^{d}\r\n]*+)'
    plain = rf'((?!")[^{d}\r\n]*+)'
    return re.compile(rf"(?:{quoted}|{plain})({d}|\r\n?|\n|\Z)")
