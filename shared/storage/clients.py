"""Opening Azure's clients from the settings, and joining them to the ports."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableServiceClient
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueServiceClient
from pydantic import BaseModel

from shared.domain.audit import Entry
from shared.domain.connection import Connection
from shared.domain.export import Export
from shared.domain.people import Preferences
from shared.domain.reading import SegmentReading
from shared.domain.run import Checkpoint, Run, SliceMessage
from shared.domain.schedule import RefreshSchedule
from shared.domain.segment import VersionStats
from shared.settings import Settings, StorageAccount
from shared.storage.blobs import BlobContainer, BlobLeases, BlobRecords
from shared.storage.entries import (
    ActiveRun,
    AskedFor,
    Bookmark,
    Due,
    EndedRun,
    OAuthState,
    OutboxMessage,
    Placement,
    Quota,
    ReportedBytes,
    RunIndexEntry,
)
from shared.storage.key_vault import KeyVaultSecrets
from shared.storage.paths import POISON_ARRIVALS, POISON_SLICES
from shared.storage.ports import Storage
from shared.storage.queues import StorageQueue
from shared.storage.tables import TableRecords, TableTrail

_HTTP: dict[str, Any] = {
    "connection_timeout": 10,
    "read_timeout": 30,
    # Else aiohttp asks two threads per request for proxies and a .netrc: half of what a call costs.
    "use_env_settings": False,
}
# Three more tries, within about ten seconds: whoever waits longer has a queue to wait in. Without
# these the blob and queue clients would wait for a minute of paid time.
_STORAGE_RETRY: dict[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
}
_CORE_RETRY: dict[str, Any] = {"retry_total": 3, "retry_backoff_factor": 1}

_MIB = 1024 * 1024
_PIECES = {
    # A stream holds one piece in memory: 4 MiB is as fast as the default of 32 MiB, and smaller.
    "max_single_get_size": 4 * _MIB,
    "max_chunk_get_size": 4 * _MIB,
    # Beyond 1 MiB in one body aiohttp warns that writing it may block the event loop.
    "max_single_put_size": _MIB,
    "max_block_size": _MIB,
}


class _Closable(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OpenStorage(Storage):
    """Every port on Azure, and what must be closed in the end."""

    opened: AsyncExitStack

    async def close(self) -> None:
        """Close every connection; the ports cannot be used any more."""
        await self.opened.aclose()


def open_storage(settings: Settings) -> OpenStorage:
    """Join every port to Azure; nothing is asked of the network before a port is used.

    Raises ValueError when the storage settings name neither a connection string nor addresses.
    """
    opened = AsyncExitStack()

    def opening[C: _Closable](client: C) -> C:
        opened.push_async_callback(client.close)
        return client

    linked = settings.linked_key_vault_url
    credential = opening(DefaultAzureCredential())
    blobs = opening(blob_service(settings.storage, credential))
    queues = opening(queue_service(settings.storage, credential))
    tables = opening(table_service(settings.storage, credential))

    def vault(url: str) -> KeyVaultSecrets:
        return KeyVaultSecrets(opening(SecretClient(url, credential, **_HTTP, **_CORE_RETRY)))

    def table[T: BaseModel](name: str, model: type[T]) -> TableRecords[T]:
        return TableRecords(tables.get_table_client(name), model)

    def container(name: str) -> BlobContainer:
        return BlobContainer(blobs.get_container_client(name))

    return OpenStorage(
        connections=table("connections", Connection),
        exports=table("exports", Export),
        placements=table("exports", Placement),
        runs=table("runs", Run),
        checkpoints=BlobRecords(blobs.get_container_client("runs"), Checkpoint),
        reported=BlobRecords(blobs.get_container_client("runs"), ReportedBytes),
        active_runs=table("due", ActiveRun),
        newest_runs=table("runs", RunIndexEntry),
        ended_runs=table("due", EndedRun),
        webhook_outbox=table("due", OutboxMessage),
        lane_queues=table("due", SliceMessage),
        due=table("due", Due),
        oauth_states=table("oauthstates", OAuthState),
        schedules=table("settings", RefreshSchedule),
        bookmarks=table("settings", Bookmark),
        request_keys=table("settings", AskedFor),
        quotas=table("settings", Quota),
        preferences=table("settings", Preferences),
        readings=table("settings", SegmentReading),
        audit=TableTrail(tables.get_table_client("audit"), Entry),
        versions=table("versions", VersionStats),
        segments=container("segments"),
        run_files=container("runs"),
        delivered=container("delivered"),
        lanes=BlobLeases(blobs.get_container_client("lanes")),
        slices=StorageQueue(
            queues.get_queue_client("slices", message_encode_policy=TextBase64EncodePolicy())
        ),
        poison_slices=StorageQueue(queues.get_queue_client(POISON_SLICES)),
        poison_arrivals=StorageQueue(queues.get_queue_client(POISON_ARRIVALS)),
        secrets=vault(settings.key_vault_url),
        linked_secrets=vault(linked) if linked else None,
        opened=opened,
    )


def blob_service(account: StorageAccount, credential: AsyncTokenCredential) -> BlobServiceClient:
    """Return a client of the account's blobs; the credential is for addresses only."""
    options = _HTTP | _STORAGE_RETRY | _PIECES
    if account.connection_string:
        return BlobServiceClient.from_connection_string(account.connection_string, **options)
    return BlobServiceClient(_address(account.blob_url, "blob"), credential, **options)


def queue_service(account: StorageAccount, credential: AsyncTokenCredential) -> QueueServiceClient:
    """Return a client of the account's queues; the credential is for addresses only."""
    options = _HTTP | _STORAGE_RETRY
    if account.connection_string:
        return QueueServiceClient.from_connection_string(account.connection_string, **options)
    return QueueServiceClient(_address(account.queue_url, "queue"), credential, **options)


def table_service(account: StorageAccount, credential: AsyncTokenCredential) -> TableServiceClient:
    """Return a client of the account's tables; the credential is for addresses only."""
    options = _HTTP | _CORE_RETRY
    if account.connection_string:
        return TableServiceClient.from_connection_string(account.connection_string, **options)
    address = _address(account.table_url, "table")
    return TableServiceClient(address, credential=credential, **options)


def _address(url: str | None, service: str) -> str:
    if not url:
        raise ValueError(f"Set DataStorage, or DataStorage__{service}ServiceUri.")
    return url
