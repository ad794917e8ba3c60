"""Parts: the prepared work of a run, cut into batches when it is written.

A part is compressed text. Batches are separated by an empty line, profiles by a line feed, and a
profile is origin, address and the destination's own JSON, separated by tabs. So sending neither
decodes nor encodes a profile again, and a batch has the same profiles however often it is sent.
"""

import gzip
from collections.abc import AsyncIterator, Sequence

from shared.destinations.protocol import Limits, Prepared
from shared.exports.names import part
from shared.storage.ports import Blobs

_PROFILES_PER_PART = 10_000
_COMPRESSION = 1  # more costs more time than the smaller blob saves


def batches_per_part(limits: Limits) -> int:
    """Return how many batches a part holds, so that a part is some 10,000 profiles."""
    return max(1, _PROFILES_PER_PART // limits.profiles_per_batch)


class PartWriter:
    """Cuts profiles into batches, and batches into parts."""

    def __init__(self, files: Blobs, run_id: str, limits: Limits) -> None:
        self.profiles = 0
        self.batches = 0
        self._files = files
        self._run_id = run_id
        self._limits = limits
        self._lines: list[bytes] = []
        self._bytes = 0
        self._done: list[bytes] = []

    async def add(self, line: bytes, size: int) -> None:
        """Take one profile as a line of a part; `size` is the length of its JSON."""
        full = len(self._lines) >= self._limits.profiles_per_batch
        if full or self._bytes + size >= self._limits.bytes_per_batch:
            await self._end_batch()
        self._lines.append(line)
        self._bytes += size + 1
        self.profiles += 1

    async def close(self) -> None:
        """Write what is left."""
        if self._lines:
            await self._end_batch()
        if self._done:
            await self._end_part()

    async def _end_batch(self) -> None:
        self._done.append(b"\n".join(self._lines))
        self._lines, self._bytes = [], 0
        self.batches += 1
        if len(self._done) == batches_per_part(self._limits):
            await self._end_part()

    async def _end_part(self) -> None:
        number = (self.batches - 1) // batches_per_part(self._limits)
        data = gzip.compress(b"\n\n".join(self._done), _COMPRESSION, mtime=0)
        await self._files.write(part(self._run_id, number), data)
        self._done = []


async def read_batches(
    files: Blobs, run_id: str, per_part: int, first: int, total: int
) -> AsyncIterator[Sequence[Prepared]]:
    """Yield the batches from number `first` up to `total`; raise Missing when a part is gone."""
    number = first
    while number < total:
        text = gzip.decompress(await files.read(part(run_id, number // per_part)))
        for batch in text.split(b"\n\n")[number % per_part :]:
            yield [_prepared(line) for line in batch.split(b"\n")]
            number += 1


def _prepared(line: bytes) -> Prepared:
    origin, address, fragment = line.split(b"\t", 2)
    return Prepared(origin.decode(), address.decode(), fragment)
