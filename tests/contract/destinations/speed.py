"""How close a run comes to what the vendor's limits allow, on the sandbox's clock."""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.run import RunStatus
from tests.contract.destinations.side import Side
from tests.contract.destinations.world import World, csv


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
    run = await world.run()
    progress = await world.progress(run)
    took = (run.finished_at or run.created_at) - run.created_at
    return Speed(
        status=run.status,
        accepted=progress.counts.accepted,
        requests=progress.requests,
        refusals=sum(side.limit_refusals().values()),
        seconds=took / timedelta(seconds=1),
        floor=side.floor(rows),
        billed=sum(world.slice_seconds),
        flow=side.flow(progress.requests),
    )
