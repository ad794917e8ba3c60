"""A scratch file that sorts profiles into 256 partitions.

Duplicates and unchanged profiles are found by comparing every profile with every other one and with
all that was delivered before. Done partition by partition, that takes the memory of one partition,
however many profiles there are. A profile's partition follows from its address alone, so it is the
same in every run.

Some megabytes of profiles are held, put in the order of their partitions, and written, so that a
partition is one piece of each writing: how many profiles, how many bytes of addresses, then the
columns, texts as their sizes and the bytes of all of them.
"""

import os
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, batched, chain, pairwise
from struct import Struct
from typing import Any, Self
from zlib import crc32

from shared.arrow import pa, pc
from shared.runs.state.partitions import PARTITIONS
from shared.runs.state.profiles import BYTES, Profiles

_BUFFER_BYTES = 3 * 1024 * 1024  # held back before they are written
_AT_ONCE = 4_000  # profiles, some more or less: a few ones are not worth 256 steps
_MOST_AT_ONCE = 16  # partitions: all that was delivered before is read with them
_HEAD = Struct("=QQ")
_ORIGIN, _SIZE = pa.int64(), pa.int32()
_NOTHING = pa.array([0], _SIZE)
_LAST_BITS = pa.scalar(PARTITIONS - 1, pa.uint32())


@dataclass(frozen=True, slots=True)
class Partitions:
    """Partitions that follow each other: the profiles of all of them, and how many each of them has."""

    profiles: Profiles
    sizes: Sequence[int]


class Spool:
    """Profiles by partition. The file has no name, so nothing is left behind however the process ends."""

    def __init__(self) -> None:
        self._profiles = 0
        self._held: list[Profiles] = []
        self._held_bytes = 0
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by __exit__
        # Where the pieces of each writing begin, and where the last one ends.
        self._written: list[Sequence[int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, profiles: Profiles) -> None:
        """Take profiles."""
        self._profiles += len(profiles)
        self._held.append(profiles)
        self._held_bytes += profiles.size_in_memory
        if self._held_bytes >= _BUFFER_BYTES:
            self._write_out()

    def partitions(self) -> Iterator[Partitions]:
        """Yield all partitions, some at a time, their profiles in the order in which they were added."""
        self._write_out()
        at_once = min(_MOST_AT_ONCE, 1 + _AT_ONCE * PARTITIONS // max(1, self._profiles))
        for numbers in batched(range(PARTITIONS), at_once, strict=False):
            pieces = [[*self._read(number)] for number in numbers]
            sizes = [sum(_HEAD.unpack_from(piece)[0] for piece in each) for each in pieces]
            yield Partitions(_profiles([*chain.from_iterable(pieces)]), sizes)

    def _write_out(self) -> None:
        if not self._held:
            return
        profiles = Profiles.joined(self._held)
        self._held, self._held_bytes = [], 0
        pieces = [*_pieces(profiles)]
        begin = self._written[-1][-1] if self._written else 0
        self._written.append(array("Q", accumulate(map(len, pieces), initial=begin)))
        left = memoryview(b"".join(pieces))
        while left:  # the system may take less at once
            left = left[self._file.write(left) :]

    def _read(self, partition: int) -> Iterator[bytes]:
        for bounds in self._written:
            start, end = bounds[partition : partition + 2]
            if start < end:
                yield os.pread(self._file.fileno(), end - start, start)


def _pieces(profiles: Profiles) -> Iterator[bytes]:
    """Yield the profiles of each partition as they stand in the file."""
    keys = array("I", map(crc32, profiles.addresses.to_pylist()))
    of_each = pc.bit_wise_and(_numbers(pa.uint32(), keys), _LAST_BITS).cast(pa.uint8())
    order = pc.array_sort_indices(of_each)  # which leaves equal ones in their order
    profiles = profiles.ordered(order)
    by_partition = memoryview(of_each.take(order).buffers()[1]).cast("B")
    starts = [bisect_left(by_partition, each, 0, len(profiles)) for each in range(PARTITIONS)]
    origins = memoryview(profiles.origins.buffers()[1])
    addresses, fragments = _Texts(profiles.addresses), _Texts(profiles.fragments)
    for start, end in pairwise([*starts, len(profiles)]):
        if start == end:
            yield b""
            continue
        yield b"".join(
            (
                _HEAD.pack(end - start, addresses.size(start, end)),
                origins[start * 8 : end * 8],
                addresses.sizes[start * 4 : end * 4],
                fragments.sizes[start * 4 : end * 4],
                addresses.of(start, end),
                fragments.of(start, end),
            )
        )


class _Texts:
    """A column of texts, taken apart."""

    def __init__(self, texts: Any) -> None:
        _, offsets, data = texts.buffers()
        self.sizes = memoryview(pc.binary_length(texts).buffers()[1])
        self._offsets = memoryview(offsets).cast("i")
        self._data = memoryview(data)

    def size(self, start: int, end: int) -> int:
        """Return how many bytes the texts in a range have together."""
        return self._offsets[end] - self._offsets[start]

    def of(self, start: int, end: int) -> memoryview:
        """Return the texts in a range, one behind the other."""
        return self._data[self._offsets[start] : self._offsets[end]]


def _profiles(pieces: Sequence[bytes]) -> Profiles:
    """Return the profiles of several pieces."""
    columns: tuple[list[bytes], ...] = ([], [], [], [], [])
    for piece in pieces:
        size, of_addresses = _HEAD.unpack_from(piece)
        ends = accumulate((8 * size, 4 * size, 4 * size, of_addresses), initial=_HEAD.size)
        for column, (start, end) in zip(columns, pairwise([*ends, len(piece)]), strict=True):
            column.append(piece[start:end])
    origins, address_sizes, fragment_sizes, addresses, fragments = map(b"".join, columns)
    return Profiles(
        _numbers(_ORIGIN, origins),
        _texts(address_sizes, addresses),
        _texts(fragment_sizes, fragments),
    )


def _texts(sizes: bytes, data: bytes) -> Any:
    """Return texts by their sizes; raise ArrowInvalid where they are 2 GB or more together."""
    ends = pc.cumulative_sum_checked(_numbers(_SIZE, sizes))
    offsets = pa.concat_arrays([_NOTHING, ends])
    return pa.Array.from_buffers(BYTES, len(ends), [None, offsets.buffers()[1], pa.py_buffer(data)])


def _numbers(kind: Any, data: bytes | array[int]) -> Any:
    """Return numbers from their bytes, which are not copied."""
    size = len(data) * getattr(data, "itemsize", 1) // (kind.bit_width // 8)
    return pa.Array.from_buffers(kind, size, [None, pa.py_buffer(data)])
