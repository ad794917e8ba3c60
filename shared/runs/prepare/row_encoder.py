"""Encoding the rows of a block for the spool: rows by pyarrow, with room for those that need a look."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from shared.arrow import TEXT, pa, pc
from shared.destinations.contract import Encoder
from shared.destinations.encoding.notes import Where
from shared.domain.email import read_address
from shared.runs.state.profiles import BYTES, Profiles, origins_of


@dataclass(slots=True)
class EncodedRows:
    """The profiles of a block's rows, as far as they are encoded."""

    origins: Any  # of all rows of the block
    profiles: Profiles
    places: Any = None  # where in the block each of the profiles stands; None if each row has one
    no_address: Iterable[tuple[int, str]] = ()
    """Which of the rows have none, with what they have instead, much as it stands in the row. To be taken
    once: pairs that are kept, tens of thousands of them, cost more than what they are for."""
    left: Sequence[tuple[int, str, Sequence[str]]] = ()
    """Which of the rows are to be encoded one by one, with the address and the cells."""
    _put: list[tuple[int, str, bytes]] = field(default_factory=list)

    def put(self, at: int, address: str, fragment: bytes) -> None:
        """Encode one row."""
        self._put.append((at, address, fragment))

    def written(self) -> Profiles:
        """Return the profiles of all rows that are encoded, in the order of the rows."""
        if self.places is None:
            return self.profiles
        places, profiles = self.places, self.profiles
        if self._put:
            at, addresses, fragments = zip(*self._put, strict=True)
            put = pa.array(at, places.type)
            more = Profiles(
                self.origins.take(put),
                pa.array(addresses, TEXT).cast(BYTES),
                pa.array(fragments, BYTES),
            )
            places, profiles = pa.concat_arrays([places, put]), profiles.and_then(more)
        return profiles.ordered(pc.array_sort_indices(places))


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

    `file` is the number of the file, as in `Run.sources`, and `rows` are those of the rows in it. Rows whose
    address has to be looked at first are encoded together, once that was done.
    """
    origins = origins_of(file, rows)
    profiles, plain = _encode(origins, encoder, emails, cells, where)
    if pc.all(plain, min_count=0).as_py():
        return EncodedRows(origins, profiles)
    odd = pc.invert(plain)
    places = pc.indices_nonzero(odd)
    at = places.to_pylist()
    read = [_address(text, nulls) for text in emails.filter(odd).to_pylist()]
    found, fits = zip(*read, strict=True)
    without = [not fit for fit in fits]
    no_address = zip(compress(at, without), compress(found, without), strict=True)
    done = EncodedRows(origins, profiles.only(plain), pc.indices_nonzero(plain), no_address)
    if any(fits):
        at, known = list(compress(at, fits)), pa.array(list(compress(found, fits)), TEXT)
        places = places.filter(pa.array(fits, pa.bool_()))
        chosen = [column.take(places) for column in cells]
        later, plain = _encode(
            origins.take(places), encoder, known, chosen, lambda row: where(at[row])
        )
        done.profiles = done.profiles.and_then(later.only(plain))
        done.places = pa.concat_arrays([done.places, places.filter(plain)])
        done.left = _left(pc.invert(plain), at, known, chosen)
    return done


def _encode(
    origins: Any, encoder: Encoder, emails: Any, cells: Sequence[Any], where: Where
) -> tuple[Profiles, Any]:
    """Return a profile for each row, and whether the row is plain: of others the profile means nothing."""
    addresses, fragments, plain = encoder.encode_plain(emails, cells, where)
    return Profiles(origins, addresses.cast(BYTES), fragments.cast(BYTES)), plain


def _address(text: str, nulls: Collection[str]) -> tuple[str, bool]:
    return ("", False) if text.strip() in nulls else read_address(text)


def _left(
    chosen: Any, at: Sequence[int], addresses: Any, cells: Sequence[Any]
) -> list[tuple[int, str, Sequence[str]]]:
    places = pc.indices_nonzero(chosen)
    columns = [column.take(places).to_pylist() for column in (addresses, *cells)]
    rows = zip(places.to_pylist(), *columns, strict=True)
    return [(at[place], address, values) for place, address, *values in rows]
