"""Storage that can be read and keeps nothing of what is written, for a preview to work on.

What prepares a run cannot tell it from the real one, so a preview is the same work.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace

from pydantic import BaseModel

from shared.storage.ports import BlobInfo, Missing, Records, Secrets, Storage, Stored


def discarding(storage: Storage, kept: Collection[str]) -> Storage:
    """Return storage that keeps nothing of a run but the blobs `kept`, in memory."""
    return replace(
        storage,
        run_files=_FewBlobs(kept),
        versions=_DiscardingRecords(storage.versions),
        secrets=_DiscardingSecrets(storage.secrets),
    )


class _FewBlobs:
    """A container that forgets every blob but a few."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._blobs: dict[str, bytes] = {}

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield nothing: nobody lists what a run prepares."""
        nothing: Sequence[BlobInfo] = ()
        for each in nothing:
            yield each

    async def info(self, name: str) -> BlobInfo | None:
        """Return None."""
        return None

    async def read(self, name: str) -> bytes:
        """Return a blob; raise Missing."""
        if name not in self._blobs:
            raise Missing(name)
        return self._blobs[name]

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Return some of a blob; raise Missing."""
        return (await self.read(name))[offset : offset + size]

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield a blob; raise Missing."""
        yield await self.read(name)

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Keep the blob if it is one of the few; pieces are not even read."""
        if name in self._names and isinstance(data, bytes):
            self._blobs[name] = data

    async def create(self, name: str, data: bytes) -> None:
        """Keep the blob if it is one of the few."""
        await self.write(name, data)

    async def delete(self, prefix: str) -> None:
        """Do nothing."""


class _DiscardingRecords[T: BaseModel]:
    """Records that can be read; changes are forgotten."""

    def __init__(self, records: Records[T]) -> None:
        self._records = records

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return the record, or None."""
        return await self._records.get(partition, key)

    async def page(
        self, partition: str, *, after: str = "", before: str = "\uffff", limit: int = 100
    ) -> Sequence[Stored[T]]:
        """Return records."""
        return await self._records.page(partition, after=after, before=before, limit=limit)

    async def insert(self, partition: str, key: str, value: T) -> str:
        """Do nothing; the ETag fits nothing."""
        return ""

    async def replace(self, partition: str, key: str, value: T, etag: str) -> str:
        """Do nothing; the ETag fits nothing."""
        return ""

    async def put(self, partition: str, key: str, value: T) -> None:
        """Do nothing."""

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Do nothing."""


class _DiscardingSecrets:
    """A vault that can be read; what is stored in it is there until the preview is over."""

    def __init__(self, vault: Secrets) -> None:
        self._vault = vault
        self._values: dict[str, str] = {}

    async def get(self, name: str) -> str:
        """Return a secret's value; raise Missing."""
        return self._values[name] if name in self._values else await self._vault.get(name)

    async def set(self, name: str, value: str) -> None:
        """Keep a value in memory."""
        self._values[name] = value

    async def delete(self, name: str) -> None:
        """Do nothing."""
