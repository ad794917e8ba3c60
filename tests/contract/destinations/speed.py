"""How close a run comes to what the vendor's limits allow, on the sandbox's clock."""

import time
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from shared.destinations.contract import Destination
from shared.domain.run import Run, RunStatus
from tests.contract.destinations.side import Side
from tests.contract.destinations.world import World, csv

PROFILES = 50  # of a small batch
CHANGED = 100  # one of so many profiles is changed between two runs


@dataclass(frozen=True)
class Speed:
    """What a run took. Times are in seconds of the sandbox's clock."""

    status: RunStatus
    accepted: int
    requests: int
    refusals: int  # of requests that exceeded a limit
    seconds: float  # from its beginning to its end
    floor: float  # the least that the limits allow for so many profiles
    billed: float  # the sum of its slices
    flow: float  # the least that the limits allow for so many requests

    @property
    def over_floor(self) -> float:
        """How many times the floor the run took."""
        return self.seconds / self.floor

    @property
    def over_flow(self) -> float:
        """How many times what its requests need was paid for."""
        return self.billed / self.flow


async def measure(side: Side, rows: int) -> Speed:
    """Send so many profiles to an empty account."""
    world = World(side, recording=False)
    await world.connect()
    await world.export()
    await world.drop(csv(rows))
    return await speed_of(world, rows)


async def in_small_batches(side: Side, batches: int) -> World:
    """Return a world with an export of so many batches, each of PROFILES, to an empty account."""
    world = World(side, recording=False)
    small = _in_small_batches(side.destination)
    world.services = replace(world.services, destinations={small.name: small})
    await world.connect()
    await world.export()
    await world.drop(csv(batches * PROFILES))
    return world


def _in_small_batches(destination: Destination) -> Destination:
    """Return a destination that differs in the size of its batches alone."""
    kind: Any = type(destination)
    limits = replace(destination.limits, profiles_per_batch=PROFILES)
    given = {each.name: getattr(destination, each.name) for each in fields(kind)}
    small: Destination = type(kind.__name__, (kind,), {"limits": limits})(**given)
    return small


async def speed_of(world: World, rows: int) -> Speed:
    """Send what was dropped."""
    side = world.side
    run = await world.run()
    progress = await world.progress(run)
    return Speed(
        status=run.status,
        accepted=progress.counts.accepted,
        requests=progress.requests,
        refusals=sum(side.limit_refusals().values()),
        seconds=_seconds(run),
        floor=side.floor(rows),
        billed=sum(world.slice_seconds),
        flow=side.flow(progress.requests),
    )


@dataclass(frozen=True)
class Sent:
    """What one of two runs sent and took."""

    sent: int
    unchanged: int
    requests: int
    elapsed_seconds: float  # of the sandbox's clock, from its beginning to its end
    cpu_seconds: float  # of this machine, engine and sandbox together


async def measure_again(side: Side, rows: int) -> tuple[Sent, Sent]:
    """Send so many profiles to an empty account, then again with one of CHANGED changed."""
    world = World(side, recording=False)
    await world.connect()
    await world.export()
    lines = csv(rows).split("\n")
    first = await _sent(world, lines)
    for number in range(1, rows, CHANGED):
        lines[number] = lines[number].replace("First", "New")
    return first, await _sent(world, lines)


async def _sent(world: World, lines: list[str]) -> Sent:
    await world.drop("\n".join(lines))
    began = time.process_time()
    run = await world.run()
    cpu_seconds = time.process_time() - began
    progress = await world.progress(run)
    assert run.status is RunStatus.SUCCESSFUL
    return Sent(
        sent=progress.counts.accepted,
        unchanged=progress.counts.unchanged,
        requests=progress.requests,
        elapsed_seconds=_seconds(run),
        cpu_seconds=cpu_seconds,
    )


def _seconds(run: Run) -> float:
    return ((run.finished_at or run.created_at) - run.created_at) / timedelta(seconds=1)
