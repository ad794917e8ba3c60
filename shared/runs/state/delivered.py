"""The delivered state: digests of what a list was last told, by which a run finds what has not changed.

A delivered state holds, for each of the 256 partitions that profiles are sorted into, how many
digests there are (4 bytes, little-endian) and the digests (16 bytes each) of those profiles as they
were sent, address included. The digests are keyed with a secret of the vault, so nobody can find out
from the blob whether it holds a given profile.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping

from shared.domain.export import Export
from shared.domain.run import Run
from shared.records.app_keys import AppKey, app_key
from shared.runs.state.partitions import PARTITIONS
from shared.services import Services
from shared.storage.ports import Missing

type Digest = Callable[[bytes], bytes]
"""A profile's JSON, as it is sent -> the keyed digest of it."""

DIGEST_BYTES = 16
_COUNT_BYTES = 4


async def digest_key(services: Services) -> bytes:
    """Return the key of the digests, made when it is first wanted.

    Two hosts may both make it; a state written with the key that lost matches nothing, and so
    everything is sent once more.
    """
    return await app_key(services, AppKey.DELIVERED)


def digest_with(key: bytes) -> Digest:
    """Return what makes the 16 bytes that stand for a profile."""
    keyed = hashlib.blake2b(key=key, digest_size=DIGEST_BYTES)

    def digest(fragment: bytes) -> bytes:
        copy = keyed.copy()  # costs less than making a keyed hash
        copy.update(fragment)
        return copy.digest()

    return digest


def state_name(export: Export) -> str:
    """Return the blob of an export's delivered state.

    The name changes with the connection, the list, the field mapping and the options, so that
    changing one of them makes the next run send everything.
    """
    return f"{export.id}/{export.target_digest}"


def state_of(run: Run) -> str:
    """Return the blob of the delivered state that a run works on."""
    return f"{run.export_id}/{run.target_digest}"


def packed(digests: Collection[bytes]) -> bytes:
    """Return the digests of one partition as they stand in a state."""
    return _counted(len(digests)) + b"".join(digests)


def _counted(count: int) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "little")


class StateReader:
    """A delivered state, read once from front to back. None, or one that is not there, is empty."""

    def __init__(self, pieces: AsyncIterator[bytes] | None) -> None:
        self._pieces = pieces
        self._buffer = bytearray()  # of which the front can be taken away without copying the rest

    async def partition(self) -> bytes:
        """Return the digests of the next partition, one behind the other; none where the state ends."""
        count = int.from_bytes(await self._take(_COUNT_BYTES), "little")
        return await self._take(count * DIGEST_BYTES)

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size and (piece := await self._next_piece()):
            self._buffer += piece
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _next_piece(self) -> bytes:
        if self._pieces is None:
            return b""
        try:
            return await anext(self._pieces, b"")
        except Missing:
            return b""  # the first run of this export to this list


def entries(partition: bytes) -> Iterator[bytes]:
    """Yield the digests of a partition."""
    for at in range(0, len(partition), DIGEST_BYTES):
        yield partition[at : at + DIGEST_BYTES]


async def joined(
    new: StateReader,
    not_taken: Mapping[int, Collection[bytes]],
    old: StateReader,
    last: int = PARTITIONS - 1,
) -> AsyncIterator[bytes]:
    """Yield a state: partitions up to `last` as they are in `new`, those behind it as in `old`.

    Left out are the digests in `not_taken`, which are by partition.
    """
    for number in range(PARTITIONS):
        after, before = await new.partition(), await old.partition()
        if number > last:
            yield _counted(len(before) // DIGEST_BYTES) + before
        elif drop := not_taken.get(number):
            yield packed([entry for entry in entries(after) if entry not in drop])
        else:
            yield _counted(len(after) // DIGEST_BYTES) + after
