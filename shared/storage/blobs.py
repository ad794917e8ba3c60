"""The ports of files, leases and checkpoints on Azure Blob storage."""

from collections.abc import AsyncIterator, Sequence
from functools import lru_cache
from typing import Any

from azure.core import MatchConditions
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobLeaseClient, ContainerClient
from pydantic import BaseModel

from shared.storage.azure_errors import translated, translated_read
from shared.storage.limits import LEASE_SECONDS, may_begin_blob
from shared.storage.ports import AlreadyExists, BlobInfo, Missing, Stale, Stored, Unavailable
from shared.storage.remembered import whole_if_small

_BATCH = 256
"""How many blobs one request may delete, as the service documents for "Blob Batch"."""

_RAW: dict[str, Any] = {"decompress": False}
"""Else the SDK unpacks what `Content-Encoding` calls gzip, piece by piece, and counts the bytes wrong."""


class BlobContainer:
    """The `Blobs` of one container, which must exist."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield the blobs whose name begins with `prefix`, by name, a page of 5,000 at a time."""
        if not may_begin_blob(prefix):
            return
        with translated(self._path(prefix)):
            blobs = self._container.list_blobs(name_starts_with=prefix, include=["metadata"])
            async for properties in blobs:
                if not _marks_folder(properties):
                    yield _info(properties)

    async def info(self, name: str) -> BlobInfo | None:
        """Return what a listing would say of this blob, or None."""
        try:
            with translated(self._path(name)):
                found = await self._container.get_blob_client(name).get_blob_properties()
        except Missing:
            return None
        return None if _marks_folder(found) else _info(found)

    async def read(self, name: str) -> bytes:
        """Return the whole blob; raise Missing or Withheld."""
        with translated_read(self._path(name)):
            return bytes(await (await self._container.download_blob(name, **_RAW)).readall())

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield the blob in pieces, of the size that the client was made with.

        Raise Withheld or Missing, or Stale as soon as the blob is no longer the version with this ETag;
        without one, no longer the version that the first piece is of.
        """
        pinned = _pinned(etag) if etag else {}
        try:
            with translated_read(self._path(name)):
                download = await self._container.download_blob(name, **pinned, **_RAW)
                async for piece in download.chunks():
                    yield piece
        except Missing as gone:
            if etag is None:
                raise
            raise Stale(*gone.args) from gone  # as Azurite answers, too: 412, not 404

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Return `size` bytes of this version of the blob, from `offset`; raise Stale or Withheld."""
        try:
            with translated_read(self._path(name)):
                download = await self._container.download_blob(
                    name, offset, size, **_pinned(etag), **_RAW
                )
                return bytes(await download.readall())
        except Missing as gone:
            raise Stale(*gone.args) from gone

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Store the blob whatever was there; pieces replace it once the last of them has come."""
        with translated(self._path(name)):
            whole = data if isinstance(data, bytes) else await whole_if_small(data)
            await self._container.upload_blob(name, whole, overwrite=True)

    async def create(self, name: str, data: bytes) -> None:
        """Store a blob of which there is none yet; raise AlreadyExists."""
        with translated(self._path(name)):
            await self._container.upload_blob(name, data)

    async def delete(self, prefix: str) -> None:
        """Remove every blob whose name begins with `prefix`."""
        with translated(self._path(prefix)):
            blobs = self._container.list_blobs(name_starts_with=prefix, results_per_page=_BATCH)
            async for page in blobs.by_page():
                await self._delete_all([blob.name async for blob in page])

    async def _delete_all(self, names: Sequence[str]) -> None:
        if not names:
            return
        answers = await self._container.delete_blobs(*names, raise_on_any_failure=False)
        async for answer in answers:
            if answer.status_code not in (202, 404):  # deleted, or gone before we came
                raise Unavailable(f"{self._container.container_name}: {answer.status_code}")

    def _path(self, name: str) -> str:
        return f"{self._container.container_name}/{name}"


def _pinned(etag: str) -> dict[str, Any]:
    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _info(properties: BlobProperties) -> BlobInfo:
    # A listing spells an ETag without the quotes that a header has.
    etag = f'"{properties.etag.strip('"')}"'
    archived = properties.blob_tier == "Archive"  # also as long as it is on its way to another tier
    return BlobInfo(properties.name, etag, properties.size, properties.last_modified, archived)


def _marks_folder(properties: BlobProperties) -> bool:
    """Say whether a blob is the folder of an account with a hierarchical namespace, or stands for one."""
    metadata = {key.lower(): value for key, value in (properties.metadata or {}).items()}
    return str(metadata.get("hdi_isfolder", "")).lower() == "true"


class BlobRecords[T: BaseModel]:
    """`Guarded` records as one small blob of JSON each, `<partition>/<key>`.

    A blob may be larger than a table entity, and may hold personal data, which no table does.
    """

    def __init__(self, container: ContainerClient, model: type[T]) -> None:
        self._model = model
        # The same few blobs are written again and again; making a client is a third of a write.
        self._client = lru_cache(maxsize=64)(container.get_blob_client)

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return the record, or None."""
        name = f"{partition}/{key}"
        try:
            with translated(name):
                download = await self._client(name).download_blob()
                text = await download.readall()
        except Missing:
            return None
        return Stored(key, self._model.model_validate_json(text), download.properties.etag)

    async def insert(self, partition: str, key: str, value: T) -> str:
        """Store a new record and return its ETag; raise AlreadyExists."""
        return await self._upload(f"{partition}/{key}", value)

    async def replace(self, partition: str, key: str, value: T, etag: str) -> str:
        """Replace the record that has this ETag and return the new one; raise Stale."""
        name = f"{partition}/{key}"
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        return await self._upload(name, value, overwrite=True, **guard)

    async def _upload(self, name: str, value: T, **guard: Any) -> str:
        with translated(name):
            data = value.model_dump_json().encode()
            return str((await self._client(name).upload_blob(data, **guard))["etag"])


class BlobLeases:
    """The `Leases`: each is that of an empty blob, made when it is first asked for."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container

    async def acquire(self, name: str) -> str | None:
        """Return a lease id, or None when somebody else holds the lease."""
        try:
            try:
                return await self._acquire(name)
            except Missing:
                await self._make(name)
                return await self._acquire(name)
        except AlreadyExists:  # a lease, or a blob that another instance just made and may hold
            return None

    async def renew(self, name: str, lease_id: str) -> bool:
        """Keep the lease for another 60 seconds; False when it is lost."""
        try:
            with translated(self._path(name)):
                await self._lease(name, lease_id).renew()
        except (AlreadyExists, Stale, Missing):  # somebody else's, ended, or without its blob
            return False
        return True

    async def release(self, name: str, lease_id: str) -> None:
        """Give the lease back; doing it after losing it changes nothing."""
        try:
            with translated(self._path(name)):
                await self._lease(name, lease_id).release()
        except (AlreadyExists, Stale, Missing):
            return

    async def is_held(self, name: str) -> bool:
        """Say whether anybody holds the lease now."""
        try:
            with translated(self._path(name)):
                blob = await self._container.get_blob_client(name).get_blob_properties()
        except Missing:
            return False
        return blob.lease.status == "locked"

    async def _acquire(self, name: str) -> str:
        lease = self._lease(name)
        with translated(self._path(name)):
            await lease.acquire(LEASE_SECONDS)
        return lease.id

    async def _make(self, name: str) -> None:
        with translated(self._path(name)):
            await self._container.upload_blob(name, b"")

    def _lease(self, name: str, lease_id: str | None = None) -> BlobLeaseClient:
        return BlobLeaseClient(self._container.get_blob_client(name), lease_id)

    def _path(self, name: str) -> str:
        return f"{self._container.container_name}/{name}"
