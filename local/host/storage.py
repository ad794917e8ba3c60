"""Opens the host's own storage clients, one per connection name."""

import logging
import os
from contextlib import AsyncExitStack, suppress
from functools import cache
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.identity.aio import DefaultAzureCredential
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.host.worker import AppError

HOST_STORAGE = "AzureWebJobsStorage"
HOST_CONTAINER = "azure-webjobs-hosts"

# The host polls several times a second; each request would be a line in the log. The app's own
# clients keep their logger.
_quiet = logging.getLogger("host.storage")
_quiet.setLevel(logging.WARNING)
_OPTIONS: dict[str, Any] = {
    "logger": _quiet,
    # The SDK's first retry comes after 15 s, which would make a restarted emulator look dead.
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 0,
}


class Storage:
    """Storage clients by connection name, opened once and closed together.

    A connection is the setting of that name (a connection string) or `<name>__blobServiceUri`
    and `<name>__queueServiceUri` with the default Azure credential.
    """

    def __init__(self) -> None:
        self._open = AsyncExitStack()
        self._blobs: dict[str, BlobServiceClient] = {}
        self._queues: dict[str, QueueServiceClient] = {}
        self._credential: DefaultAzureCredential | None = None
        self._host_container_exists = False

    async def container(self, connection: str, name: str) -> ContainerClient:
        """Return a client of a container.

        Raises AppError when the settings of the connection are missing.
        """
        if connection not in self._blobs:
            client = await self._service(BlobServiceClient, connection, "blob")
            self._blobs[connection] = client
        return self._blobs[connection].get_container_client(name)

    async def queue(self, connection: str, name: str) -> QueueClient:
        """Return a client of a queue, which takes and gives message texts as they are stored.

        Raises AppError when the settings of the connection are missing.
        """
        if connection not in self._queues:
            client = await self._service(QueueServiceClient, connection, "queue")
            self._queues[connection] = client
        return self._queues[connection].get_queue_client(name)

    async def host_container(self) -> ContainerClient:
        """Return the container of the host's own blobs, created when missing."""
        container = await self.container(HOST_STORAGE, HOST_CONTAINER)
        if not self._host_container_exists:
            with suppress(ResourceExistsError):
                await container.create_container()
            self._host_container_exists = True
        return container

    async def close(self) -> None:
        """Close every client."""
        await self._open.aclose()

    async def _service[T: (BlobServiceClient, QueueServiceClient)](
        self, kind: type[T], connection: str, service: str
    ) -> T:
        text = os.environ.get(connection)
        address = os.environ.get(f"{connection}__{service}ServiceUri")
        if text:
            client = kind.from_connection_string(text, **_OPTIONS)
        elif address:
            client = kind(address, credential=await self._identity(), **_OPTIONS)
        else:
            raise AppError(
                f"the setting {connection} or {connection}__{service}ServiceUri is missing"
            )
        return await self._open.enter_async_context(client)

    async def _identity(self) -> DefaultAzureCredential:
        if self._credential is None:
            self._credential = await self._open.enter_async_context(DefaultAzureCredential())
        return self._credential


@cache
def host_id() -> str:
    """Name this app within a shared storage account, as the Azure host's setting does."""
    setting = "AzureFunctionsWebHost__hostid"
    return os.environ.get(setting, "local").lower()


def full_name(function: str) -> str:
    """Return the name by which the host's blobs and messages know a function."""
    return f"Host.Functions.{function}"
