"""What an export's list was last told, as digests: how a run finds the profiles that did not change.

A delivered state is a row of 24-byte entries (16 of the address, 8 of the profile as it was sent),
in the order of their first byte. The digests are keyed with a secret of the vault, so nobody can
find out from the blob whether it holds a given address.
"""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterable

from shared.domain.export import Export
from shared.storage.ports import Blobs, Missing, Secrets

ADDRESS_BYTES = 16
ENTRY_BYTES = 24

_KEY_NAME = "delivered-state-key"


async def digest_key(vault: Secrets) -> bytes:
    """Return the key of the digests, made when it is first wanted.

    Two hosts may both make it; the state written with the key that lost matches nothing, and so
    everything is sent once more.
    """
    try:
        return bytes.fromhex(await vault.get(_KEY_NAME))
    except Missing:
        await vault.set(_KEY_NAME, secrets.token_hex(32))
        return bytes.fromhex(await vault.get(_KEY_NAME))


class Digests:
    """Keyed digests of addresses and of profiles as they are sent."""

    def __init__(self, key: bytes) -> None:
        # Copying a keyed hash costs half of what making one does, and there are two for each profile.
        self._address = hashlib.blake2b(key=key, digest_size=ADDRESS_BYTES, person=b"address")
        self._profile = hashlib.blake2b(
            key=key, digest_size=ENTRY_BYTES - ADDRESS_BYTES, person=b"profile"
        )

    def address(self, address: str) -> bytes:
        """Return the 16 bytes that stand for an address."""
        digest = self._address.copy()
        digest.update(address.encode())
        return digest.digest()

    def profile(self, fragment: bytes) -> bytes:
        """Return the 8 bytes that stand for a profile's content."""
        digest = self._profile.copy()
        digest.update(fragment)
        return digest.digest()


def state_name(export: Export) -> str:
    """Return the blob of an export's delivered state.

    The name changes with the connection, the list and the field mapping, so that changing one of
    them makes the next run send everything.
    """
    order = [export.connection_id, export.list_id, sorted(export.fields.items())]
    return f"{export.id}/{hashlib.sha256(json.dumps(order).encode()).hexdigest()[:16]}"


class DeliveredState:
    """The state as it was after the last successful run, read once from front to back."""

    def __init__(self, blobs: Blobs, name: str | None) -> None:
        self._pieces = blobs.stream(name) if name else None
        self._buffer = b""

    async def partition(self, first_byte: int) -> dict[bytes, bytes]:
        """Return {address digest: profile digest} for one first byte; ask for them in rising order."""
        entries: dict[bytes, bytes] = {}
        while True:
            for at in range(0, len(self._buffer) - ENTRY_BYTES + 1, ENTRY_BYTES):
                if self._buffer[at] > first_byte:
                    self._buffer = self._buffer[at:]
                    return entries
                split = at + ADDRESS_BYTES
                entries[self._buffer[at:split]] = self._buffer[split : at + ENTRY_BYTES]
            self._buffer = self._buffer[len(self._buffer) // ENTRY_BYTES * ENTRY_BYTES :]
            if not (piece := await self._next_piece()):
                return entries
            self._buffer += piece

    async def _next_piece(self) -> bytes:
        if self._pieces is None:
            return b""
        try:
            return await anext(self._pieces, b"")
        except Missing:
            return b""  # the first run of this export to this list


async def without(pieces: AsyncIterator[bytes], rejected: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the entries of a state but those whose address digest is one of `rejected`."""
    drop = frozenset(rejected)
    rest = b""
    async for piece in pieces:
        data = rest + piece
        end = len(data) // ENTRY_BYTES * ENTRY_BYTES
        rest = data[end:]
        entries = (data[at : at + ENTRY_BYTES] for at in range(0, end, ENTRY_BYTES))
        yield b"".join(entry for entry in entries if entry[:ADDRESS_BYTES] not in drop)
