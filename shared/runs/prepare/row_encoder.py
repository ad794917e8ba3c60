"""Encoding the rows of a block for the spool: plain rows by pyarrow, with room for the others.

An encoded row is the origin "<file number>:<row>", the address and the profile's JSON, with tabs in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from shared.arrow import EMPTY, TEXT, pa, pc
from shared.destinations.contract import Encoder


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """The rows of a block as the spool takes them, in their order."""

    file: int  # its number, as in `Run.sources`
    rows: Sequence[int]  # their numbers in the file
    addresses: list[bytes]
    encoded: list[bytes]
    """One for each row; empty for one that is not plain until it was `put`."""

    left: Sequence[tuple[int, str, Sequence[str]]]
    """Which of the rows are not plain, with the address and the cells as they stand in the row."""

    def put(self, at: int, address: str, fragment: bytes) -> None:
        """Encode one row."""
        plain = address.encode()
        self.addresses[at] = plain
        self.encoded[at] = b"%d:%d\t%b\t%b" % (self.file, self.rows[at], plain, fragment)

    def written(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the addresses and rows of all that are encoded."""
        if not self.left:
            return self.addresses, self.encoded
        return list(compress(self.addresses, self.encoded)), list(filter(None, self.encoded))


def encode_rows(
    file: int, rows: Sequence[int], encoder: Encoder, emails: Any, cells: Sequence[Any]
) -> EncodedRows:
    """Encode the plain rows of a block; its columns are text arrays of pyarrow."""
    addresses, fragments, plain = encoder.encode_plain(emails, cells)
    origins = pa.array(rows, pa.int64()).cast(TEXT)
    begin, tab = pa.scalar(f"{file}:", TEXT), pa.scalar("\t", TEXT)
    encoded = pc.binary_join_element_wise(begin, origins, tab, addresses, tab, fragments, EMPTY)
    left: Sequence[tuple[int, str, Sequence[str]]] = ()
    if not pc.all(plain).as_py():
        encoded = pc.if_else(plain, encoded, EMPTY)
        left = list(_rows(pc.invert(plain), emails, cells))
    return EncodedRows(file, rows, _bytes(addresses), _bytes(encoded), left)


def _rows(chosen: Any, emails: Any, cells: Sequence[Any]) -> Iterator[tuple[int, str, list[str]]]:
    indexes = pc.indices_nonzero(chosen).to_pylist()
    columns = [column.filter(chosen).to_pylist() for column in (emails, *cells)]
    for at, email, *values in zip(indexes, *columns, strict=True):
        yield at, email, values


def _bytes(texts: Any) -> list[bytes]:
    found: list[bytes] = texts.cast(pa.binary()).to_pylist()
    return found
