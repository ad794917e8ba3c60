"""Finds quotes that were opened by mistake: what looks like rows lies between them and where they close."""

import csv
from collections import Counter
from collections.abc import Sequence

from shared.domain.email import is_address, normal_form

_FEWEST = 2
"""Lines with the header's number of cells, each with an address in the same one of them. One alone may well
be what somebody has pasted into a note."""


def swallows_rows(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Say whether a record of several lines holds rows of the file. Its first line is its own."""
    places: Counter[int] = Counter()
    for line in lines[1:]:
        if "@" not in line or line.count(delimiter) < width - 1:
            continue
        cells = next(csv.reader([line], delimiter=delimiter), [])
        if len(cells) == width:
            places.update(
                place
                for place, cell in enumerate(cells)
                if "@" in cell and is_address(normal_form(cell))
            )
    return max(places.values(), default=0) >= _FEWEST
