"""Finds out from the beginning of a CSV file what comes before its header, and between its cells.

The delimiter is the one of four that gives the header most columns while nine tenths of the rows fit: none
of these has more cells than the header, and half of them have more than one. Where there is none it is the
comma. The tab is tried before the others in files that are named after it.

R's `write.table` numbers its rows, for which its header has no cell.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.reading import Dialect, Escape, Reading
from shared.segments.formats.csv.letters import is_written_with_letters
from shared.segments.formats.csv.parsed import parse, width_of

DELIMITERS = (",", ";", "\t", "|")

_FITTING = 0.9  # of the rows
_WITH_CELLS = 0.5  # of the rows, more than one
_MARK = "\ufeff"
_SEPARATOR = "sep="
_TYPE = "#TYPE"
_FIRST_NUMBER = re.compile(r"(\"?)1\1[^0-9]")


@dataclass(frozen=True, slots=True)
class Elected:
    """The dialect of a file, and where it begins."""

    dialect: Dialect
    start: int  # bytes before its header
    lines: int  # in them
    is_numbered: bool  # each row begins with its number, for which the header has no cell


def elect(head: bytes, is_all: bool, reading: Reading, is_tabbed: bool, encoding: str) -> Elected:
    """Return the dialect of a file that begins with `head`, in which `reading` counts before anything else.

    `is_all` says that no more follows; `is_tabbed` that the name of the file speaks of tabs.
    """
    lines = _lines(head, is_all)
    first = next((at for at, line in enumerate(lines) if line.strip(_MARK).strip()), 0)
    preamble, separator = _preamble(lines[first]) if lines else (None, None)
    skipped = first + 1 if preamble else 0
    start = _length(head, skipped)
    lines = lines[skipped or first :]
    delimiter = reading.delimiter or separator or _delimiter(lines, is_tabbed)
    is_lettered = (
        reading.escape is None and delimiter == "\t" and is_written_with_letters("".join(lines))
    )
    dialect = Dialect(
        delimiter=delimiter,
        encoding=encoding,
        escape=Escape.BACKSLASH if is_lettered else reading.escape or Escape.DOUBLED,
        quoted=not is_lettered,
        preamble=preamble,
    )
    is_numbered = _may_be_numbered(lines) and any(
        _is_numbered(*_rows(lines, way)) for way in _ways(lines, delimiter)
    )
    return Elected(dialect, start, skipped, is_numbered)


def _lines(head: bytes, is_all: bool) -> list[str]:
    """Return the whole lines of the beginning of a file."""
    if not is_all:
        head = head[: head.rfind(b"\n") + 1]
    return [line.decode(errors="replace") for line in head.splitlines(keepends=True)]


def _length(head: bytes, lines: int) -> int:
    return sum(map(len, head.splitlines(keepends=True)[:lines]))


def _preamble(line: str) -> tuple[str | None, str | None]:
    """Return what a line that is no row begins with, and the delimiter that it names."""
    text = line.strip(_MARK).rstrip("\r\n").strip('"')
    if text.lower().startswith(_SEPARATOR):
        separator = text[len(_SEPARATOR) : len(_SEPARATOR) + 1]
        return _SEPARATOR, separator if separator.isascii() and separator not in ("", '"') else None
    if text.upper().startswith(f"{_TYPE} "):
        return _TYPE, None
    return None, None


def _delimiter(lines: Sequence[str], is_tabbed: bool) -> str:
    header = lines[0] if lines else ""
    options = [each for each in DELIMITERS if each in header]
    if options == [","]:
        return ","
    widths = {each: _width(lines, each) for each in options}
    if is_tabbed and widths.get("\t", 0) > 1:
        return "\t"
    best = max(widths, key=widths.__getitem__, default=",")
    return best if widths.get(best, 0) > 1 else ","


def _width(lines: Sequence[str], delimiter: str) -> int:
    """Return how many columns the header has with a delimiter that fits, else 0."""
    return max(_fitting(*_rows(lines, way)) for way in _ways(lines, delimiter))


def _ways(lines: Sequence[str], delimiter: str) -> Sequence[Dialect]:
    """Return the dialects of a delimiter that lines may be written in."""
    ways = [Escape.DOUBLED]
    if any('\\"' in line or "\\" + delimiter in line for line in lines):
        ways.append(Escape.BACKSLASH)
    return [Dialect(delimiter=delimiter, escape=way) for way in ways]


def _rows(lines: Sequence[str], dialect: Dialect) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Return the header and the rows that lines hold."""
    width = 0
    if dialect.escape is Escape.BACKSLASH and _may_be_numbered(lines):
        width = width_of(lines[0], dialect) + 1
    rows = [row for row in parse(list(lines), dialect, width, is_all=True).rows if any(row)]
    return (rows[0], rows[1:]) if rows else ([], [])


def _fitting(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    width = len(header) + _is_numbered(header, rows)
    fitting = sum(len(row) <= width for row in rows)
    with_cells = sum(len(row) > 1 for row in rows)
    fits = fitting >= _FITTING * len(rows) and with_cells >= _WITH_CELLS * len(rows)
    return width if fits else 0


def _may_be_numbered(lines: Sequence[str]) -> bool:
    return len(lines) > 1 and _FIRST_NUMBER.match(lines[1]) is not None


def _is_numbered(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    width = len(header) + 1
    return bool(rows) and all(
        len(row) == width and row[0] == str(number) for number, row in enumerate(rows, start=1)
    )
