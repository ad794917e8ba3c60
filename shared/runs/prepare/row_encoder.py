"""Lines of the spool for the rows of a block: those of plain rows from pyarrow, room for the others.

A line is the origin "<file number>:<row>", the address and the profile's JSON, with tabs between them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from shared.arrow import EMPTY, TEXT, pa, pc
from shared.destinations.contract import Encoder


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block's rows, in their order."""

    file: int  # its number, as in `Run.places`
    rows: Sequence[int]  # their numbers
    addresses: list[bytes]
    lines: list[bytes]
    """One for each row; empty for one that is not plain until it was `put`."""

    left: Sequence[tuple[int, str, Sequence[str]]]
    """Which of the rows are not plain, with the address and the cells as they stand in the row."""

    def put(self, at: int, address: str, fragment: bytes) -> None:
        """Write the line of one row."""
        plain = address.encode()
        self.addresses[at] = plain
        self.lines[at] = b"%d:%d\t%b\t%b" % (self.file, self.rows[at], plain, fragment)

    def written(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the addresses and lines of all rows that have one."""
        if not self.left:
            return self.addresses, self.lines
        return list(compress(self.addresses, self.lines)), list(filter(None, self.lines))


def lines_of(
    file: int, rows: Sequence[int], encoder: Encoder, emails: Any, cells: Sequence[Any]
) -> Lines:
    """Write the plain rows of a block; its columns are text arrays of pyarrow."""
    addresses, fragments, plain = encoder.encode_plain(emails, cells)
    origins = pa.array(rows, pa.int64()).cast(TEXT)
    begin, tab = pa.scalar(f"{file}:", TEXT), pa.scalar("\t", TEXT)
    lines = pc.binary_join_element_wise(begin, origins, tab, addresses, tab, fragments, EMPTY)
    left: Sequence[tuple[int, str, Sequence[str]]] = ()
    if not pc.all(plain).as_py():
        lines = pc.if_else(plain, lines, EMPTY)
        left = list(_rows(pc.invert(plain), emails, cells))
    return Lines(file, rows, _bytes(addresses), _bytes(lines), left)


def _rows(chosen: Any, emails: Any, cells: Sequence[Any]) -> Iterator[tuple[int, str, list[str]]]:
    places = pc.indices_nonzero(chosen).to_pylist()
    columns = [column.filter(chosen).to_pylist() for column in (emails, *cells)]
    for at, email, *values in zip(places, *columns, strict=True):
        yield at, email, values


def _bytes(texts: Any) -> list[bytes]:
    found: list[bytes] = texts.cast(pa.binary()).to_pylist()
    return found
