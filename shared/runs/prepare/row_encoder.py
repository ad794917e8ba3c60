"""Encoding the rows of a block for the spool: rows by pyarrow, with room for those that need a look.

An encoded row is the origin "<file number>:<row>", the address and the profile's JSON, with tabs in between.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from shared.arrow import EMPTY, TEXT, pa, pc
from shared.destinations.contract import Encoder
from shared.destinations.encoding.notes import Where
from shared.domain.email import read_address


@dataclass(slots=True)
class EncodedRows:
    """The rows of a block as the spool takes them, in their order."""

    file: int  # its number, as in `Run.sources`
    rows: Sequence[int]  # their numbers in the file
    addresses: list[bytes]
    encoded: list[bytes]
    """One for each row; empty for one that has no address, or was not `put` yet."""

    no_address: Sequence[tuple[int, str]] = ()
    """Which of the rows have none, with what they have instead, much as it stands in the row."""
    left: list[tuple[int, str, Sequence[str]]] = field(default_factory=list)
    """Which of the rows are to be encoded one by one, with the address and the cells."""
    is_whole: bool = True  # whether every row is encoded

    def put(self, at: int, address: str, fragment: bytes) -> None:
        """Encode one row."""
        plain = address.encode()
        self.addresses[at] = plain
        self.encoded[at] = b"%d:%d\t%b\t%b" % (self.file, self.rows[at], plain, fragment)

    def written(self) -> tuple[Sequence[bytes], Sequence[bytes]]:
        """Return the addresses and rows of all that are encoded."""
        if self.is_whole:
            return self.addresses, self.encoded
        return list(compress(self.addresses, self.encoded)), list(filter(None, self.encoded))


def encode_rows(
    file: int,
    rows: Sequence[int],
    encoder: Encoder,
    emails: Any,
    cells: Sequence[Any],
    where: Where,
    nulls: Collection[str] = (),
) -> EncodedRows:
    """Encode a block of rows; its columns are text arrays of pyarrow, `nulls` what stands for nothing.

    Rows whose address has to be looked at first are encoded together, once that was done.
    """
    origins = pa.array(rows, pa.int64()).cast(TEXT)
    addresses, encoded, plain = _encode(file, origins, encoder, emails, cells, where)
    if pc.all(plain, min_count=0).as_py():
        return EncodedRows(file, rows, _bytes(addresses), _bytes(encoded))
    odd = pc.invert(plain)
    places = pc.indices_nonzero(odd)
    at = places.to_pylist()
    read = [_address(text, nulls) for text in emails.filter(odd).to_pylist()]
    found, fits = zip(*read, strict=True)
    no_address = [(each, text) for each, (text, fit) in zip(at, read, strict=True) if not fit]
    so_far = _bytes(pc.if_else(plain, encoded, EMPTY))
    done = EncodedRows(file, rows, _bytes(addresses), so_far, no_address, is_whole=False)
    if any(fits):
        at, known = list(compress(at, fits)), pa.array(list(compress(found, fits)), TEXT)
        places = places.filter(pa.array(fits, pa.bool_()))
        chosen = [column.take(places) for column in cells]
        addresses, later, plain = _encode(
            file, origins.take(places), encoder, known, chosen, lambda row: where(at[row])
        )
        later = pc.if_else(plain, later, EMPTY)
        for each, address, row in zip(at, _bytes(addresses), _bytes(later), strict=True):
            done.addresses[each], done.encoded[each] = address, row
        done.left = _left(pc.invert(plain), at, known, chosen)
    return done


def _encode(
    file: int, origins: Any, encoder: Encoder, emails: Any, cells: Sequence[Any], where: Where
) -> tuple[Any, Any, Any]:
    """Return for each row the address, the encoded row, and whether it is plain."""
    addresses, fragments, plain = encoder.encode_plain(emails, cells, where)
    begin, tab = pa.scalar(f"{file}:", TEXT), pa.scalar("\t", TEXT)
    encoded = pc.binary_join_element_wise(begin, origins, tab, addresses, tab, fragments, EMPTY)
    return addresses, encoded, plain


def _address(text: str, nulls: Collection[str]) -> tuple[str, bool]:
    return ("", False) if text.strip() in nulls else read_address(text)


def _left(
    chosen: Any, at: Sequence[int], addresses: Any, cells: Sequence[Any]
) -> list[tuple[int, str, Sequence[str]]]:
    places = pc.indices_nonzero(chosen)
    columns = [column.take(places).to_pylist() for column in (addresses, *cells)]
    rows = zip(places.to_pylist(), *columns, strict=True)
    return [(at[place], address, values) for place, address, *values in rows]


def _bytes(texts: Any) -> list[bytes]:
    found: list[bytes] = texts.cast(pa.binary()).to_pylist()
    return found
