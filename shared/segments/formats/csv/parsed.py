"""Parses lines of CSV into records: by Python's `csv`, or by `backslashes` where a backslash escapes."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, chain, count, pairwise
from typing import TYPE_CHECKING, Literal

from shared.domain.reading import Dialect, Escape
from shared.segments.formats.csv.backslashes import Backslashed
from shared.segments.formats.csv.letters import meant
from shared.segments.formats.rows import MAX_LINE

if TYPE_CHECKING:
    import _csv

csv.field_size_limit(2 * MAX_LINE)  # the readers say themselves what is too long, of what is wanted


class _MoreWanted(Exception):
    """The lines are used up."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The whole records that some lines begin with, an empty line among them as one without cells."""

    rows: list[list[str]]
    ends: (
        Sequence[int] | None
    )  # how many lines each of them and those before take; None for one each
    lines: int  # that all of them take

    def line_of(self, index: int) -> int:
        """Return how many lines stand before a record."""
        return index if self.ends is None else (0, *self.ends)[index]

    def long(self) -> list[tuple[int, int, int]]:
        """Return the index, the first line and the one behind the last of each record of several lines."""
        spans = enumerate(pairwise((0, *(self.ends or ()))))
        return [(index, start, end) for index, (start, end) in spans if end - start > 1]


def parse(lines: list[str], dialect: Dialect, width: int, is_all: bool) -> Parsed:
    """Parse lines with their ends; `is_all` says that no more follow.

    `width` is how many cells a row has, or nothing where the lines begin with the header.
    """
    if dialect.quoted and dialect.escape is Escape.BACKSLASH:
        text = "".join(lines)
        width = width or width_of(text, dialect)
        return _by_records(text, lines, dialect.delimiter, width, is_all)
    if dialect.escape is Escape.BACKSLASH:
        return _by_letters(lines, dialect.delimiter)
    return _by_csv(lines, dialect)


def width_of(text: str, dialect: Dialect) -> int:
    """Return how many cells the first row of a text has."""
    records = Backslashed(dialect.delimiter, 0).of(text, is_all=True)
    return next((len(record.cells) for record in records if record.cells), 0)


def _by_csv(lines: list[str], dialect: Dialect) -> Parsed:
    rows: list[list[str]] = []
    reader = _reader(lines, dialect)
    with suppress(_MoreWanted):
        rows.extend(reader)  # keeps what came before the lines ran out, all of it in C
    if reader.line_num == len(rows):  # none of them has a line end inside, and the last is whole
        return Parsed(rows, None, len(rows))
    ends: list[int] = []
    reader = _reader(lines, dialect)
    with suppress(_MoreWanted):
        for _ in reader:
            ends.append(reader.line_num)
    return Parsed(rows, ends, ends[-1] if ends else 0)


def _reader(lines: list[str], dialect: Dialect) -> "_csv.Reader":
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
    return csv.reader(chain(lines, _used_up()), delimiter=dialect.delimiter, quoting=quoting)


def _by_letters(lines: Sequence[str], delimiter: str) -> Parsed:
    """Parse rows of one line each, in which a line end of old Macs is part of a cell."""
    if not lines:
        return Parsed([], None, 0)
    whole = "".join(lines).removesuffix("\n").split("\n")
    rows = [line.removesuffix("\r").split(delimiter) if line.strip("\r") else [] for line in whole]
    ends = accumulate(line.count("\r") - line.endswith("\r") + 1 for line in whole)
    return Parsed([list(map(meant, row)) for row in rows], list(ends), len(lines))


def _by_records(
    text: str, lines: Sequence[str], delimiter: str, width: int, is_all: bool
) -> Parsed:
    records = list(Backslashed(delimiter, width).of(text, is_all=is_all))
    rows = [record.cells for record in records]
    if len(rows) == len(lines):
        return Parsed(rows, None, len(rows))
    numbers = dict(zip(accumulate(map(len, lines)), count(1), strict=False))
    ends = [numbers[record.end] for record in records]
    return Parsed(rows, ends, ends[-1] if ends else 0)


def _used_up() -> Iterator[str]:
    raise _MoreWanted
    yield  # which makes it an iterator
