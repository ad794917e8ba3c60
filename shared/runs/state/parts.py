"""Writing and reading parts: the prepared profiles of a run, cut into batches when they are written.

A part is compressed text, and a batch in it is made of origins, addresses and the destination's own
JSON of its profiles, each ended by a record separator. So sending neither decodes nor encodes a profile
again, and a batch has the same profiles however often it is sent. Parts are in the folder of their layout.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from isal import isal_zlib

from shared.destinations.batch import Batch
from shared.destinations.model import Limits
from shared.storage.paths import part
from shared.storage.ports import Blobs

if TYPE_CHECKING:
    from shared.runs.state.profiles import Profiles  # with it comes pyarrow: see shared/arrow.py

_PROFILES_PER_PART = 10_000
_COMPRESSION = 1  # of isal's 0 to 3: 2 makes parts no smaller, and 0 saves no time
_GZIP = 31  # zlib's way to say: with the header and the checksum of gzip
_END = b"\x1e"  # the record separator of ASCII, which stands in neither addresses nor JSON
_ENDS = re.compile(_END)  # finds them in 2.7 MB in less time than bytes.split


def batches_per_part(limits: Limits) -> int:
    """Return how many batches a part holds, so that a part is some 10,000 profiles."""
    return max(1, _PROFILES_PER_PART // limits.profiles_per_batch)


class PartWriter:
    """Cuts profiles into batches, and batches into parts."""

    def __init__(self, files: Blobs, folder: str, limits: Limits) -> None:
        self.profiles = 0
        self.batches = 0
        self._files = files
        self._folder = folder
        self._limits = limits
        self._waiting: Profiles | None = None
        self._written: list[bytes] = []  # batches of the part that is being filled

    async def add(self, profiles: "Profiles") -> None:
        """Take profiles, and write the parts that they fill."""
        self.profiles += len(profiles)
        self._waiting = self._waiting.and_then(profiles) if self._waiting else profiles
        # Enough is held back for the last batch not to be too small, and no other is cut for its sake.
        await self._cut(self._limits.profiles_per_batch + self._limits.least_per_batch)

    async def close(self) -> None:
        """Write what is left."""
        await self._cut(1)
        if self._written:
            await self._end_part()

    async def _cut(self, enough: int) -> None:
        """Cut batches off the waiting profiles as long as there are enough of them."""
        if not self._waiting:
            return
        sizes, bounds = self._waiting.sizes(), [0]
        while len(sizes) - bounds[-1] >= enough:
            bounds.append(bounds[-1] + self._batch_size(sizes, bounds[-1]))
        for batch in zip(*self._waiting.texts(bounds), strict=True):
            self._written.append(_END.join(batch))
            self.batches += 1
            if len(self._written) == batches_per_part(self._limits):
                await self._end_part()
        self._waiting = self._waiting.behind(bounds[-1])

    def _batch_size(self, sizes: Sequence[int], start: int) -> int:
        """Return how many of the profiles from one on fit one request by number and by bytes."""
        taken = sizes[start : start + self._limits.profiles_per_batch]
        size, room = len(taken), self._limits.bytes_per_batch - sum(taken) - 2 * len(taken)
        while room < 0 and size > 1:
            size -= 1
            room += taken[size] + 2
        left = len(sizes) - start - size
        if 0 < left < self._limits.least_per_batch:
            return max(1, size - (self._limits.least_per_batch - left))
        return size

    async def _end_part(self) -> None:
        number = (self.batches - 1) // batches_per_part(self._limits)
        data = isal_zlib.compress(_END.join(self._written), _COMPRESSION, _GZIP)
        await self._files.write(part(self._folder, number), data)
        self._written = []


async def read_part(files: Blobs, folder: str, number: int, per_part: int) -> Sequence[Batch]:
    """Return the batches of a part; raise Missing when it is gone."""
    text = isal_zlib.decompress(await files.read(part(folder, number)), _GZIP)
    fields = [iter(_ENDS.split(text))] * 3
    return [
        Batch(origins, addresses, joined, size=origins.count(b"\t") + 1, number=at)
        for at, (origins, addresses, joined) in enumerate(
            zip(*fields, strict=True), start=number * per_part
        )
    ]


async def read_batches(
    files: Blobs,
    folder: str,
    per_part: int,
    numbers: Iterable[int],
    left: Mapping[int, Sequence[tuple[int, int]]] = MappingProxyType({}),
) -> AsyncGenerator[Batch]:
    """Yield the batches of these numbers (ascending ones); raise Missing when a part is gone.

    Of a batch that stands in `left` only these ranges of its profiles. While the batches of one part are
    used the next part is read.
    """
    parts = [(part, list(group)) for part, group in groupby(numbers, lambda n: n // per_part)]
    reading: deque[asyncio.Task[Sequence[Batch]]] = deque()
    try:
        for at, (_, group) in enumerate(parts):
            for number, _ in parts[at + len(reading) : at + 2]:
                reading.append(asyncio.create_task(read_part(files, folder, number, per_part)))
            batches = await reading[0]
            del reading[0]
            for number in group:
                batch = batches[number % per_part]
                ranges = left.get(number)
                yield (
                    batch.only([at for each in ranges for at in range(*each)]) if ranges else batch
                )
    finally:
        for each in reading:
            each.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
