"""Parses a block of CSV whose lines are its rows into columns: pyarrow is three times as fast as `csv`.

What is anything but plain is left to `csv`, which also says what is wrong with it and where.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyarrow.csv

from shared.arrow import TEXT, pa, pc
from shared.segments.formats.rows import Columns


def columns_of(
    block: bytes,
    delimiter: str,
    quoted: bool,
    width: int,
    places: Sequence[int],
    first: int,
    is_checked: bool = False,
) -> Columns | None:
    """Return the columns at these places, or None where a line is not one row of `width` cells.

    `block` is whole lines of UTF-8 in which no character but the delimiter, the line ends and, if
    `quoted`, quotes means anything; `first` is the number of its first row. Quotes stand
    around whole cells only, doubled inside of them, and none holds a line end: what else can be written with
    them, every parser reads in its own way. `is_checked` says that this is known.
    """
    if quoted and not is_checked and not _matches(block, _well_quoted(delimiter)):
        return None
    names = list(map(str, range(width)))
    places = places or (0,)  # for pyarrow, none of them would mean every one
    wanted = [names[place] for place in places]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(block) + 1, column_names=names
            ),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quoted else False,
                ignore_empty_lines=False,
            ),
            pyarrow.csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(wanted, TEXT),
                strings_can_be_null=False,
                include_columns=wanted,
            ),
        )
    except pa.ArrowInvalid:
        return None
    texts = [table.column(name).combine_chunks() for name in wanted]
    if _has_empty_row(texts) and _nothing(delimiter).search(b"\n%b\n" % block.removesuffix(b"\n")):
        return None  # an empty line, or one of nothing but delimiters, has come as a row of empty cells
    numbers = range(first, first + table.num_rows)
    return Columns(numbers, dict(zip(places, texts, strict=True)))


def unescaped(block: bytes, delimiter: str) -> tuple[bytes, bool] | None:
    """Return a block in which quotes are escaped by quotes instead of backslashes; None if that cannot be.

    `block` is UTF-8, in which no byte is 255. Return, too, whether it is known how quotes stand in it.
    """
    if _matches(block, _well_quoted(delimiter, r'[^"\\\n]|\\"', other="\\\\")):
        return block.replace(b'\\"', b'""'), True  # most of what there is
    if b'""' in block and _matches(block, _doubled_inside(delimiter)):
        return None  # where a backslash before a quote may be itself
    block = block.replace(b"\\\\", b"\xff")
    if b"\\" + delimiter.encode() in block:
        return None
    return block.replace(b'\\"', b'""').replace(b"\xff", b"\\"), False


def _has_empty_row(texts: Sequence[Any]) -> bool:
    """Say whether some row has nothing in any of these columns."""
    if pc.min(pc.binary_length(texts[0])).as_py() != 0:
        return False
    longest = pc.max_element_wise(*map(pc.binary_length, texts))
    return bool(pc.min(longest).as_py() == 0)


@lru_cache
def _doubled_inside(delimiter: str) -> str:
    """Return a pattern, for RE2, of two quotes inside of a cell."""
    between = re.escape(delimiter)
    return rf'(?:^|[{between}\n])"""|[^{between}\n"\\]""'


@lru_cache
def _nothing(delimiter: str) -> re.Pattern[bytes]:
    between = re.escape(delimiter).encode()
    return re.compile(rb'\n(?:"")?(?:%b(?:"")?)*+\r?(?=\n)' % between)


def _matches(block: bytes, pattern: str) -> bool:
    """Say whether a pattern of RE2, which takes time in proportion to the block, is in it."""
    return bool(pc.match_substring_regex(pa.array([block], TEXT), pattern)[0].as_py())


@lru_cache
def _well_quoted(delimiter: str, inside: str = r'[^"\n]|""', other: str = "") -> str:
    """Return a pattern, for RE2, which takes a millisecond for half a megabyte.

    `inside` is what may stand between quotes, `other` what may not stand outside of them.
    """
    between = re.escape(delimiter)
    cell = rf'(?:"(?:{inside})*"|[^"{other}{between}\r\n]*)'
    return rf"^(?:{cell}(?:{between}|\r?\n))*{cell}$"
