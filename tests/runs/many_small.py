"""Many small exports in one refresh, over several accounts, by several hosts."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from shared.domain.connection import Account
from shared.domain.run import Run, SliceMessage
from shared.domain.schedule import RefreshSchedule
from shared.runs.slice import run_slice
from shared.storage.entries import ALL, REFRESH
from shared.triggers.every_minute import tick
from tests.runs.operations import counted
from tests.runs.world import World, csv

MINUTE = 59.0  # a timer is never exact, and a lease lasts for 60


@dataclass
class ManySmall:
    """What a refresh of so many exports took."""

    world: World
    exports: int
    profiles: int  # of each
    executions: int = 0  # of the slices function
    minutes: int = 0  # on the world's clock, from the instant of the refresh

    def __post_init__(self) -> None:
        self.services, self.operations = counted(self.world.services)

    async def set_up(self, accounts: int) -> None:
        """Store the exports, each with a segment of its own, and schedule their refresh in a minute."""
        world = self.world
        for number in range(accounts):
            account = Account(id=f"us1-{number}", name=f"Acme {number}", endpoint="us1")
            await world.connect(f"connection-{number}", account)
        for number in range(self.exports):
            connection = f"connection-{number % accounts}"
            segments = [f"Segment{number:05d}"]
            await world.export(
                f"{number:05d}", connection_id=connection, segments=segments, on_arrival=False
            )
            domain = f"of{number}.example.com"
            await self.world.services.storage.segments.write(
                f"{segments[0]}.csv", csv(self.profiles, domain).encode()
            )
        at = {"times": ["09:11"]}
        await self.world.services.storage.schedules.put(
            ALL, REFRESH, RefreshSchedule.model_validate(at)
        )
        world.clock.advance(600)  # the files are no arrivals any more
        await tick(self.world.services)
        world.clock.advance(MINUTE / 2)
        self.operations.clear()

    async def refresh(self) -> None:
        """Let the instant of the refresh come, and time go by until every run is over."""
        while self.minutes < 24 * 60:
            await self.minute()
            if not await self.world.services.storage.active_runs.page(ALL, limit=1):
                return
            self.minutes += 1
        raise TimeoutError("the refresh takes more than a day")

    async def minute(self) -> None:
        """Let a minute go by, tick, and deliver what is visible."""
        self.world.clock.advance(MINUTE)
        await tick(self.services)
        await self._deliver()

    async def runs(self) -> list[Run]:
        """Return every run of every export."""
        runs = self.world.services.storage.runs
        return [
            stored.value
            for number in range(self.exports)
            for stored in await runs.page(f"{number:05d}")
        ]

    def by_port(self) -> Counter[str]:
        """Return the storage operations since the refresh was due, by port."""
        counts: Counter[str] = Counter()
        for operation, count in self.operations.items():
            counts[operation.partition(".")[0]] += count
        return counts

    async def _deliver(self) -> None:
        """Deliver what is visible, all at once: there are as many hosts as messages."""
        while messages := self.world.queue.take():
            self.executions += len(messages)
            slices = (each for each in messages if isinstance(each, SliceMessage))
            await asyncio.gather(*(run_slice(self.services, each) for each in slices))
