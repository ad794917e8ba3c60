"""A world whose batches are small, so that a run of many batches takes no time."""

from typing import Any

from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client, Limits
from shared.domain.connection import Connection
from shared.domain.run import Run, SliceMessage
from shared.runs.history import find_run
from shared.runs.slice import run_slice
from shared.storage.entries import ALL
from tests.runs.world import ACCOUNT, World, ready

LANE = "mailchimp-us1-1"
"""The lane of the account that the world's connections are signed in to."""

BATCH = 10


class SmallBatches(Mailchimp):
    """Mailchimp with ten profiles in a batch; the number of requests under way stays what it is."""

    limits = Limits(profiles_per_batch=BATCH, bytes_per_batch=2_000_000, concurrency=8)


async def small(**settings: Any) -> World:
    """Return a world with a connection, an export and small batches."""
    world = await ready(**settings)
    client = Client("id", "secret")
    destination = SmallBatches(client, "https://login.test", "https://{dc}.test", False)
    return world.having(destinations={destination.name: destination})


async def work_on_visible(world: World) -> None:
    """Deliver the messages that are visible now, and wait for no other."""
    for message in world.queue.take():
        assert isinstance(message, SliceMessage)
        await run_slice(world.services, message)


async def now(world: World, run: Run) -> Run:
    """Return a run as it is now."""
    return await find_run(world.services, run.id)


async def connection(world: World) -> Connection:
    """Return the world's connection as it is now."""
    stored = await world.services.storage.connections.get(ALL, "connection")
    assert stored is not None
    return stored.value


async def sign_in_again(world: World) -> None:
    """Mend the connection and the account, as the callback of a sign-in does; nothing is resumed yet."""
    world.mailchimp.down = None
    records = world.services.storage.connections
    stored = await records.get(ALL, "connection")
    assert stored is not None
    mended = stored.value.connected(ACCOUNT, "secret-connection")
    await records.replace(ALL, "connection", mended, stored.etag)


def delays(world: World) -> list[float]:
    """Return in how many seconds each waiting message becomes visible."""
    at = world.clock.now()
    return sorted((waiting.visible_at - at).total_seconds() for waiting in world.queue.waiting)


def written_again(world: World) -> int:
    """Return how many profiles were written more often than once."""
    return sum(times - 1 for times in world.mailchimp.received.values())


async def leftovers(world: World) -> list[str]:
    """Return the parts and the entries of the active index that are still there."""
    storage = world.services.storage
    parts = [blob.name async for blob in storage.run_files.list() if "/parts/" in blob.name]
    active = [stored.key for stored in await storage.active_runs.page(ALL)]
    return parts + active
