"""Runs as storage has them, for tests whose host may be dead and cannot be asked."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx
from azure.storage.blob import BlobLeaseClient, BlobServiceClient

from local.stack import Stack
from shared.api.paths import addresses_at
from shared.domain.clock import SystemClock
from shared.domain.run import Progress, Run, SliceMessage
from shared.runs.history import find_run, run_progress
from shared.services import Services
from shared.settings import Settings, StorageAccount
from shared.storage.clients import open_storage
from shared.storage.entries import ALL
from shared.storage.paths import CHECKPOINT, parts_folder


class Records:
    """The product's own way to its storage, on an event loop of its own."""

    def __init__(self, stack: Stack) -> None:
        self._connection = stack.settings["DataStorage"]
        # A factory of its own keeps this loop from becoming the one that other tests find.
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        given: dict[str, Any] = {name.lower(): text for name, text in stack.settings.items()}
        account = StorageAccount(DataStorage=self._connection)
        self._storage = open_storage(Settings(**given | {"storage": account}))
        self._services = Services(
            storage=self._storage,
            destinations={},
            http=httpx.AsyncClient(),
            clock=SystemClock(),
            addresses=addresses_at(stack.urls["api"]),
            slice_seconds=1,
            max_profiles=1,
        )

    def close(self) -> None:
        """Close the connections."""
        self._wait(self._storage.close())
        self._wait(self._services.http.aclose())
        self._runner.close()

    def run(self, run_id: str) -> tuple[Run, Progress]:
        """Return a run and how far it has come."""

        async def read() -> tuple[Run, Progress]:
            run = await find_run(self._services, run_id)
            return run, await run_progress(self._services, run)

        return self._wait(read())

    def leftovers(self, run_id: str) -> list[str]:
        """Return what a run that is over should not have left: parts, an entry of the due index."""

        async def look() -> list[str]:
            parts = self._storage.run_files.list(parts_folder(run_id))
            entry = await self._storage.active_runs.get(ALL, run_id)
            return [part.name async for part in parts] + (["due"] if entry else [])

        return self._wait(look())

    def send_again(self, run_id: str) -> None:
        """Enqueue the message that the run waits for once more, visible at once."""

        async def send() -> None:
            checkpoint = await self._storage.checkpoints.get(run_id, CHECKPOINT)
            number = checkpoint.value.slice if checkpoint else 0
            await self._storage.slices.send(SliceMessage(run_id=run_id, slice=number))

        self._wait(send())

    def break_lanes(self) -> None:
        """End the leases of hosts that were killed, so that a test need not wait for a minute."""
        with BlobServiceClient.from_connection_string(self._connection) as service:
            lanes = service.get_container_client("lanes")
            for blob in lanes.list_blobs():
                if blob.lease.state == "leased":
                    lease = BlobLeaseClient(lanes.get_blob_client(blob.name))
                    lease.break_lease(lease_break_period=0)

    def _wait[T](self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)
