"""A lane: the exclusive right to spend one quota of a destination.

It is a lease of 60 seconds that is renewed every 20. Work that holds a lane is stopped as soon as the
lane is lost; whatever a stopped or paused holder still writes is refused by the checkpoint's ETag.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.domain.clock import Clock
from shared.storage.ports import Leases, Unavailable

_RENEW_SECONDS = 20
_LEASE_SECONDS = 60


class LaneTaken(Exception):
    """Another run is spending this quota now."""


class LaneLost(Exception):
    """The lease could not be kept."""


@asynccontextmanager
async def lane(leases: Leases, clock: Clock, name: str) -> AsyncIterator[None]:
    """Hold a lane for the body; raise LaneTaken, or LaneLost out of the body when it is lost."""
    failure: Exception | None = None
    lease_id = await leases.acquire(name)
    if lease_id is None:
        raise LaneTaken(name)
    try:
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(_keep(leases, clock, name, lease_id))
            try:
                yield
            except Exception as error:  # held back, because the group would wrap it
                failure = error
            keeper.cancel()
    except* LaneLost:
        raise LaneLost(name) from None
    finally:
        await leases.release(name, lease_id)
    if failure is not None:
        raise failure


async def _keep(leases: Leases, clock: Clock, name: str, lease_id: str) -> None:
    renewed = clock.monotonic()
    while True:
        await clock.sleep(_RENEW_SECONDS)
        try:
            kept = await leases.renew(name, lease_id)
        except Unavailable:
            kept = clock.monotonic() - renewed < _LEASE_SECONDS - _RENEW_SECONDS
        else:
            renewed = clock.monotonic()
        if not kept:
            raise LaneLost(name)
