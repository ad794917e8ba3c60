"""Columns of a block of CSV whose lines are its rows: pyarrow parses it several times as fast as `csv`.

What is anything but plain is left to `csv`, which also says what is wrong with it and where.
"""

import re
from collections.abc import Sequence

import pyarrow.csv

from shared.arrow import TEXT, pa, pc
from shared.segments.rows import Columns

_EMPTY_LINE = re.compile(rb"(?:\A|\n)\r?\n")


def columns_of(
    block: bytes, delimiter: str, width: int, places: Sequence[int], first: int
) -> Columns | None:
    """Return the columns at these places, or None where a line is empty or has not `width` cells.

    `block` is whole lines of UTF-8 in which no character but the delimiter and the line ends means
    anything; `first` is the number of its first row.
    """
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
                delimiter=delimiter, quote_char=False, ignore_empty_lines=False
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
    # An empty line has come as a row of empty cells. Looking for one takes longer than parsing.
    if pc.min(pc.binary_length(texts[0])).as_py() == 0 and _EMPTY_LINE.search(block):
        return None
    numbers = range(first, first + table.num_rows)
    return Columns(numbers, dict(zip(places, texts, strict=True)))
