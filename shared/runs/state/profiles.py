"""Profiles in memory on their way from the spool to the parts, as columns of pyarrow.

No profile becomes an object of Python there, but for its digest. An origin is one number until it is
written into a part: the number of the file, as in `Run.sources`, and behind it that of the row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from shared.arrow import TEXT, pa, pc

BYTES = pa.binary()

_ROW_BITS = 40


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles in an order: what stands at one index of each column is of one profile."""

    origins: Any  # int64
    addresses: Any  # bytes
    fragments: Any  # bytes: the destination's own JSON

    @classmethod
    def of(cls, profiles: Iterable[tuple[int, bytes, bytes]] = ()) -> Self:
        """Return profiles in columns; each has an origin, an address and JSON."""
        origins, addresses, fragments = zip(*profiles, strict=True) if profiles else ((), (), ())
        return cls(
            pa.array(origins, pa.int64()), pa.array(addresses, BYTES), pa.array(fragments, BYTES)
        )

    @classmethod
    def joined(cls, several: Sequence["Profiles"]) -> Self:
        """Return those of several, one behind the other."""
        columns = zip(*map(Profiles._columns, several), strict=True)
        return cls(*map(pa.concat_arrays, columns))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.origins)

    @property
    def size_in_memory(self) -> int:
        """How many bytes they take."""
        return sum(column.nbytes for column in self._columns())

    def only(self, chosen: Any) -> "Profiles":
        """Return those that are chosen; there is a choice for each."""
        return Profiles(*(column.filter(chosen) for column in self._columns()))

    def ordered(self, indexes: Any) -> "Profiles":
        """Return those at these indexes."""
        return Profiles(*(column.take(indexes) for column in self._columns()))

    def and_then(self, more: "Profiles") -> "Profiles":
        """Return these and others behind them."""
        return Profiles.joined([self, more])

    def behind(self, start: int) -> "Profiles":
        """Return those from an index on."""
        return Profiles(*(column.slice(start) for column in self._columns()))

    def sizes(self) -> Sequence[int]:
        """Return how many bytes of JSON each has."""
        sizes: list[int] = pc.binary_length(self.fragments).to_pylist()
        return sizes

    def texts(
        self, bounds: Sequence[int]
    ) -> tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]:
        """Return the origins, addresses and JSON of several batches, each as the text that a part has.

        A batch goes from one of the bounds to the next.
        """
        offsets = pa.array(bounds, pa.int32())
        return (
            _texts(offsets, _as_texts(self.origins[: bounds[-1]]), b"\t"),
            _texts(offsets, self.addresses, b"\t"),
            _texts(offsets, self.fragments, b",\n"),
        )

    def _columns(self) -> Sequence[Any]:
        return self.origins, self.addresses, self.fragments


def origins_of(file: int, rows: Sequence[int]) -> Any:
    """Return the origins of rows of a file by their numbers."""
    numbers = (
        pa.arange(rows.start, rows.stop, rows.step)
        if isinstance(rows, range)
        else pa.array(rows, pa.int64())
    )
    return pc.add(numbers, pa.scalar(file << _ROW_BITS))


def file_and_row(origin: int) -> tuple[int, int]:
    """Return the number of the file and that of the row."""
    return origin >> _ROW_BITS, origin & ((1 << _ROW_BITS) - 1)


def _as_texts(origins: Any) -> Any:
    """Return origins as "<file number>:<row>"."""
    files = pc.shift_right(origins, _SHIFT).cast(TEXT)
    rows = pc.bit_wise_and(origins, _ROW).cast(TEXT)
    return pc.binary_join_element_wise(files, rows, _COLON).cast(BYTES)


def _texts(offsets: Any, values: Any, between: bytes) -> Sequence[bytes]:
    batches = pa.ListArray.from_arrays(offsets, values)
    texts: list[bytes] = pc.binary_join(batches, pa.scalar(between, BYTES)).to_pylist()
    return texts


_SHIFT = pa.scalar(_ROW_BITS, pa.int64())
_ROW = pa.scalar((1 << _ROW_BITS) - 1, pa.int64())
_COLON = pa.scalar(":", TEXT)
