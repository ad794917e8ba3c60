"""Lets one holder in at a time, by the lease of a blob."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient

from local.host.clock import pause

log = logging.getLogger("host.lease")


class Lease:
    """A lease as its holder knows it; times in seconds, `asked` by the monotonic clock."""

    def __init__(self, client: BlobLeaseClient, seconds: int, asked: float) -> None:
        self.client = client
        self.seconds = seconds
        self.until = asked + seconds  # on this host's clock, the service's ends a little later

    @property
    def held(self) -> bool:
        """Whether nobody else can have it yet."""
        return time.monotonic() < self.until

    async def renew(self) -> None:
        """Start the lease's time again.

        Raises AzureError when it is lost or the storage does not answer.
        """
        asked = time.monotonic()
        await self.client.renew()
        self.until = asked + self.seconds


async def ensure(blob: BlobClient) -> None:
    """Create an empty blob unless there is one, leased or not."""
    try:
        await blob.upload_blob(b"", overwrite=False)
    except (ResourceExistsError, ResourceModifiedError):
        return


@asynccontextmanager
async def exclusive(blob: BlobClient, seconds: int) -> AsyncIterator[Lease | None]:
    """Hold the lease of a blob (15 to 60 seconds, renewed) for the block; None when it is taken.

    A holder that dies lets it expire; one that finishes gives it back at once.
    """
    await ensure(blob)
    asked = time.monotonic()
    try:
        client = await blob.acquire_lease(lease_duration=seconds)
    except ResourceExistsError:
        yield None
        return
    lease = Lease(client, seconds, asked)
    done = asyncio.Event()
    keeper = asyncio.create_task(_keep(lease, done))
    try:
        yield lease
    finally:
        done.set()
        await keeper


async def _keep(lease: Lease, done: asyncio.Event) -> None:
    while lease.held:
        if await pause(done, lease.seconds / 3):
            break
        try:
            await lease.renew()
        except ResourceExistsError:
            log.warning("a lease was lost to another host")
            lease.until = 0
        except AzureError as error:
            log.warning("a lease could not be renewed: %s", error)
    if lease.held:
        try:
            await lease.client.release()
        except AzureError as error:
            log.warning("a lease could not be given back and will expire: %s", error)
