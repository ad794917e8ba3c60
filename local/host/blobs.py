"""Finds new blobs by polling or by Event Grid, and runs blob triggers from one internal queue.

As in the storage extension, both sources only put a message into the host's internal queue; the
queue listener runs the function, with its retries, and after the last one moves the message to
`webjobs-blobtrigger-poison`. The polling source writes a receipt for each function and version
(ETag) of a blob, marked complete once the message is in the queue, so that several hosts enqueue
a version once and a host that dies in between is replaced when its lease on the receipt expires.
Blobs that were there before the host are new to it when they have no receipt. The Event Grid
source asks for no receipt: an event delivered twice runs twice, as in Azure.

What has been seen of the Azure host: five tries come within half a second, with no waits between them; the
poison queue lies in the account of the blob; an event names the blob by its `data.url`, not its subject, and
is taken whatever happened to the blob (the subscription filters); one of a blob that is not there is dropped.

Deviation: the source is scanned in full at each interval (Azure scans parts, and logs).
"""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobProperties
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.clock import pause
from local.host.lease import exclusive
from local.host.patterns import BlobPattern, blob_pattern
from local.host.protos import ModelBindingData, TypedData
from local.host.queues import QueueListener, Rules
from local.host.storage import HOST_STORAGE, Storage, full_name, host_id
from local.host.worker import Function, invoke

log = logging.getLogger("host.blobs")

POISON_QUEUE = "webjobs-blobtrigger-poison"
RECEIPT_LEASE = 15  # seconds, the shortest the service allows
DONE = {"completed": "true"}


@dataclass(frozen=True)
class BlobFunction:
    """A blob function, what it listens to and through which connection."""

    function: Function
    pattern: BlobPattern
    connection: str
    container: ContainerClient

    @property
    def polled(self) -> bool:
        """Whether the host has to look for new blobs itself."""
        return self.function.trigger.get("source") != "EventGrid"


@dataclass(frozen=True)
class Arrival:
    """A version of a blob for a function, in the words of the extension's messages."""

    FunctionId: str
    BlobType: str
    ContainerName: str
    BlobName: str
    ETag: str


class BlobListener:
    """All blob functions of the app."""

    def __init__(
        self,
        functions: Sequence[BlobFunction],
        storage: Storage,
        rules: Rules,
        scan_seconds: float,
    ) -> None:
        self._functions = {full_name(each.function.name): each for each in functions}
        self._storage = storage
        self._rules = rules
        self._scan_seconds = scan_seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Look for blobs and run functions until told to stop, then wait for those running."""
        queue = await self._storage.queue(HOST_STORAGE, queue_name())
        listener = QueueListener(queue, self._poison, self._handle, self._rules)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(listener.run(stopping))
            for each in self._functions.values():
                if each.polled:
                    tasks.create_task(self._scan(each, stopping))

    async def by_hand(self, name: str, path: str) -> None:
        """Run a function for `container/blob`."""
        await self._invoke(self._functions[full_name(name)], path.partition("/")[2])

    async def receive(self, full: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Take Event Grid's events for a function, of any type; without such a function they are gone.

        Raises KeyError for an event without what it must have, ValueError for an address of no blob.
        """
        target = self._functions.get(full)
        if target is None or target.polled:
            log.warning("an event for the unknown function %r is gone", full)
            return
        for event in events:
            data = event["data"]
            named = BlobClient.from_blob_url(data["url"])
            blob, etag = named.blob_name, data["eTag"].strip('"')
            ours = named.container_name == target.pattern.container
            if ours and target.pattern.match(blob) is not None:
                await self._enqueue(_arrival(target, blob, data.get("blobType", "BlockBlob"), etag))

    async def _poison(self, text: str) -> QueueClient:
        """Return the queue for what is given up: in the blob's own account."""
        target = self._functions.get(Arrival(**json.loads(text)).FunctionId)
        return await self._storage.queue(
            target.connection if target else HOST_STORAGE, POISON_QUEUE
        )

    async def _scan(self, target: BlobFunction, stopping: asyncio.Event) -> None:
        seen: dict[str, str] = {}
        while not stopping.is_set():
            try:
                seen = await self._scan_once(target, seen)
            except ResourceNotFoundError:
                pass  # the container may come later
            except AzureError as error:
                log.warning("%s cannot be scanned: %s", target.pattern.container, error)
            await pause(stopping, self._scan_seconds)

    async def _scan_once(self, target: BlobFunction, seen: dict[str, str]) -> dict[str, str]:
        """Enqueue what is new; return the versions that need no further look."""
        known: dict[str, str] = {}
        async for blob in target.container.list_blobs(name_starts_with=target.pattern.prefix):
            etag = blob.etag.strip('"')
            if target.pattern.match(blob.name) is not None and (
                seen.get(blob.name) == etag or await self._claimed(target, blob, etag)
            ):
                known[blob.name] = etag
        return known

    async def _claimed(self, target: BlobFunction, blob: BlobProperties, etag: str) -> bool:
        """Enqueue a version unless its receipt is complete; False when another host is at it."""
        arrival = _arrival(target, blob.name, blob.blob_type.value, etag)
        hosts = await self._storage.host_container()
        receipt = hosts.get_blob_client(
            f"blobreceipts/{host_id()}/{arrival.FunctionId}/{etag}/{arrival.ContainerName}/{blob.name}"
        )
        async with exclusive(receipt, RECEIPT_LEASE) as lease:
            if lease is None:
                return False
            if (await receipt.get_blob_properties()).metadata != DONE:
                await self._enqueue(arrival)
                await receipt.set_blob_metadata(DONE, lease=lease.client)
        return True

    async def _enqueue(self, arrival: Arrival) -> None:
        queue = await self._storage.queue(HOST_STORAGE, queue_name())
        text = json.dumps(asdict(arrival))
        await queue.send_message(base64.b64encode(text.encode()).decode())

    async def _handle(self, _message: QueueMessage, text: str) -> bool:
        arrival = Arrival(**json.loads(text))
        target = self._functions.get(arrival.FunctionId)
        if target is None:
            return False  # of another version of the app: to the poison queue with it
        if not await self._current(target, arrival):
            return True
        return await self._invoke(target, arrival.BlobName)

    async def _current(self, target: BlobFunction, arrival: Arrival) -> bool:
        """Whether the blob is there and, for the polling source, still that version."""
        try:
            blob = target.container.get_blob_client(arrival.BlobName)
            etag = (await blob.get_blob_properties()).etag.strip('"')
        except ResourceNotFoundError:
            return False
        return not target.polled or etag == arrival.ETag

    async def _invoke(self, target: BlobFunction, blob: str) -> bool:
        content = {
            "Connection": target.connection,
            "ContainerName": target.pattern.container,
            "BlobName": blob,
        }
        data = ModelBindingData(
            version="1.0",
            source="AzureStorageBlobs",
            content_type="application/json",
            content=json.dumps(content).encode(),
        )
        metadata = {"BlobTrigger": f"{target.pattern.container}/{blob}"}
        metadata |= target.pattern.match(blob) or {}
        result = await invoke(
            target.function,
            TypedData(model_binding_data=data),
            {name: TypedData(string=value) for name, value in metadata.items()},
        )
        return result.succeeded


def queue_name() -> str:
    """Name the internal queue of this app."""
    return f"azure-webjobs-blobtrigger-{host_id()}"


async def blob_function(function: Function, storage: Storage) -> BlobFunction:
    """Read a blob function's binding.

    Raises ValueError for a bad path, AppError when its connection has no settings.
    """
    pattern = blob_pattern(function.trigger["path"])
    connection = function.trigger.get("connection") or HOST_STORAGE
    container = await storage.container(connection, pattern.container)
    return BlobFunction(function, pattern, connection, container)


def _arrival(target: BlobFunction, blob: str, blob_type: str, etag: str) -> Arrival:
    return Arrival(full_name(target.function.name), blob_type, target.pattern.container, blob, etag)
