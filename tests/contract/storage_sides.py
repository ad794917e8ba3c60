"""The two sides that every storage port has: memory, and Azure's services (or their emulators)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import BlobLeaseClient
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from pydantic import BaseModel

from shared.settings import StorageAccount
from shared.storage.blobs import BlobContainer, BlobLeases
from shared.storage.clients import blob_service, queue_service, table_service
from shared.storage.ports import Backlog, Blobs, Leases, MessageQueue, Records, Trail
from shared.storage.queues import StorageQueue
from shared.storage.tables import TableRecords, TableTrail
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs, MemoryLeases, MemoryQueue, MemoryRecords, MemoryTrail


class Note(BaseModel, frozen=True):
    """A record and a message that says just enough to be told from another."""

    text: str


@dataclass(frozen=True)
class Side:
    """Ports that nobody else uses, and what tests do behind their back."""

    records: Records[Note]
    trail: Trail[Note]
    blobs: Blobs
    leases: Leases
    queue: MessageQueue
    backlog: Backlog  # of that queue
    no_backlog: Backlog  # of one that is not there
    take_lease_away: Callable[[str], Awaitable[None]]
    archive: Callable[[str], Awaitable[None]]
    mark_folder: Callable[[str], Awaitable[None]]
    encode: Callable[[str], Awaitable[None]]  # have its `Content-Encoding` say gzip
    visible: Callable[[], Awaitable[list[str]]]  # takes the messages that can be received now


def memory() -> Side:
    """Return the ports of tests/fakes."""
    clock = FakeClock()
    leases, queue, blobs = MemoryLeases(clock), MemoryQueue(clock), MemoryBlobs(clock)

    async def take_lease_away(name: str) -> None:
        leases.take_away(name)

    async def archive(name: str) -> None:
        blobs.archive(name)

    async def mark_folder(name: str) -> None:
        blobs.mark_folder(name)

    async def encode(name: str) -> None:
        assert await blobs.info(name)  # nothing in memory has headers

    async def visible() -> list[str]:
        return [message.model_dump_json() for message in queue.take()]

    return Side(
        records=MemoryRecords(Note),
        trail=MemoryTrail(Note),
        blobs=blobs,
        leases=leases,
        queue=queue,
        backlog=queue,
        no_backlog=MemoryQueue(clock),
        take_lease_away=take_lease_away,
        archive=archive,
        mark_folder=mark_folder,
        encode=encode,
        visible=visible,
    )


class _NoCredential(AsyncTokenCredential):
    """What the clients need no token from, since they get a connection string."""

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        raise AssertionError("asked for a token")

    async def close(self) -> None:
        pass

    async def __aexit__(self, *_: object) -> None:
        pass


@asynccontextmanager
async def azure(connection_string: str) -> AsyncIterator[Side]:
    """Open the ports of shared/storage on a table, a container and a queue made for this."""
    account = StorageAccount(DataStorage=connection_string)
    credential = _NoCredential()
    async with (
        blob_service(account, credential) as blobs,
        queue_service(account, credential) as queues,
        table_service(account, credential) as tables,
    ):
        name = f"contract{uuid4().hex[:12]}"
        container = await blobs.create_container(name)
        table = await tables.create_table(name)
        await queues.create_queue(name)
        queue = queues.get_queue_client(
            name,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )

        async def take_lease_away(name: str) -> None:
            await BlobLeaseClient(container.get_blob_client(name)).break_lease(0)

        async def archive(name: str) -> None:
            await container.get_blob_client(name).set_standard_blob_tier("Archive")

        async def mark_folder(name: str) -> None:
            await container.upload_blob(name, b"", metadata={"hdi_isfolder": "true"})

        async def encode(name: str) -> None:
            settings = ContentSettings(content_encoding="gzip")
            await container.get_blob_client(name).set_http_headers(settings)

        async def visible() -> list[str]:
            return [message.content async for message in queue.receive_messages()]

        yield Side(
            records=TableRecords(table, Note),
            trail=TableTrail(table, Note),
            blobs=BlobContainer(container),
            leases=BlobLeases(container),
            queue=StorageQueue(queue),
            backlog=StorageQueue(queue),
            no_backlog=StorageQueue(queues.get_queue_client(f"{name}-none")),
            take_lease_away=take_lease_away,
            archive=archive,
            mark_folder=mark_folder,
            encode=encode,
            visible=visible,
        )
