"""The second pass of prepare: duplicates and unchanged profiles are found, the rest goes into parts."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import IO, Any

from shared.arrow import pa, pc
from shared.domain.message import say
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Run
from shared.runs.prepare.mapping import REJECTS_PER_FILE
from shared.runs.prepare.spool import Partitions
from shared.runs.state.delivered import DIGEST_BYTES, Digest, StateReader, packed
from shared.runs.state.parts import PartWriter
from shared.runs.state.profiles import Profiles, file_and_row
from shared.runs.state.rejects import RejectWriter


class Sorter:
    """Takes the partitions in their order, some at a time."""

    def __init__(
        self,
        run: Run,
        digest: Digest,
        before: StateReader,
        rejects: RejectWriter,
        parts: PartWriter,
        state: IO[bytes],
        most: int,
    ) -> None:
        self.distinct = 0
        self.unchanged = 0
        self._sources = run.sources
        self._digest = digest
        self._before = before
        self._rejects = rejects
        self._parts = parts
        self._state = state
        self._most = most

    async def sort(self, partitions: Partitions) -> None:
        """Handle the profiles of the next partitions."""
        before = b"".join([await self._before.partition() for _ in partitions.sizes])
        distinct = self._without_duplicates(partitions)
        digests = [*map(self._digest, distinct.profiles.fragments.to_pylist())]
        changed = _changed(distinct.profiles, digests, before)
        self.distinct += len(digests)
        self.unchanged += len(digests) - len(changed)
        if self.distinct <= self._most:  # beyond that they are only counted, for the message
            for start, end in pairwise(accumulate(distinct.sizes, initial=0)):
                self._state.write(packed(digests[start:end]))
            await self._parts.add(changed)
        await self._rejects.write(REJECTS_PER_FILE)

    def _without_duplicates(self, partitions: Partitions) -> Partitions:
        """Reject all but the first profile of each address, which is the row that counts."""
        profiles = partitions.profiles
        encoded = profiles.addresses.dictionary_encode()
        if len(encoded.dictionary) == len(profiles):
            return partitions
        indexes: Sequence[int] = encoded.indices.to_pylist()
        first = dict(zip(reversed(indexes), range(len(indexes) - 1, -1, -1), strict=True))
        counts = [first[address] == at for at, address in enumerate(indexes)]
        again = pa.array([at for at, is_first in enumerate(counts) if not is_first], pa.int64())
        origins = profiles.origins.to_pylist()
        addresses = profiles.addresses.take(again).to_pylist()
        for at, address in zip(again.to_pylist(), addresses, strict=True):
            self._reject_duplicate(origins[at], address.decode(), origins[first[indexes[at]]])
        bounds = pairwise(accumulate(partitions.sizes, initial=0))
        sizes = [sum(counts[start:end]) for start, end in bounds]
        return Partitions(profiles.only(pa.array(counts)), sizes)

    def _reject_duplicate(self, origin: int, address: str, kept: int) -> None:
        segment, file, row = self._source(origin)
        same, of_file, as_row = self._source(kept)
        reason = say(
            "The same address as row {row} of {segment}, which counts.",
            row=str(as_row),
            segment=f"{same}, {of_file}" if of_file else same,
        )
        self._rejects.add(
            Reject(segment, row, address, Outcome.DUPLICATE, "duplicate", reason, file)
        )

    def _source(self, origin: int) -> tuple[str, str, int]:
        number, row = file_and_row(origin)
        segment, file = self._sources[number]
        return segment, file, row


def _changed(profiles: Profiles, digests: Sequence[bytes], before: bytes) -> Profiles:
    """Return the profiles whose digests are not among those of before, which stand one behind the other."""
    if not before:
        return profiles
    known = pc.is_in(_column(b"".join(digests)), value_set=_column(before))
    return profiles.only(pc.invert(known))


def _column(digests: bytes) -> Any:
    size = len(digests) // DIGEST_BYTES
    return pa.Array.from_buffers(pa.binary(DIGEST_BYTES), size, [None, pa.py_buffer(digests)])
