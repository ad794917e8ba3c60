"""What runs the app while its processes die: queue, timer and blob events of a world."""

from collections.abc import Iterator

import httpx

from shared.connections.waiting_runs import resume_runs
from shared.domain.run import SliceMessage
from shared.runs.slice import run_slice
from shared.services import Services
from shared.triggers.arrivals import arrive
from shared.triggers.every_minute import tick
from tests.runs.mortal import Life, in_life, survives
from tests.runs.world import World

HIDDEN = 30
"""Seconds until the queue delivers a message again whose receiver died."""


class Machine:
    """What runs the app: it delivers messages, ticks every minute, and starts another process when one dies.

    With `redelivers` a message whose process died comes back; without, it is lost, and only the tick
    can find its run.
    """

    def __init__(
        self,
        world: World,
        lives: Iterator[Life],
        *,
        redelivers: bool,
        network: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.crashes = 0
        self._world = world
        self._lives = lives
        self._redelivers = redelivers
        self._network = network or world.mailchimp
        self._begin_life()

    async def land(self, path: str) -> None:
        """Deliver a blob event until a process has handled it."""
        while not await survives(self._life, arrive(self._services, path)):
            self._restart()

    async def resume(self) -> None:
        """Put the runs that wait for a sign-in back to work, trying until a process has done it."""
        while not await survives(self._life, resume_runs(self._services, "connection")):
            self._restart()

    async def run_for(self, minutes: int) -> None:
        """Let time go by."""
        for _ in range(minutes):
            await self._deliver_for_a_minute()
            if not await survives(self._life, tick(self._services)):
                self._restart()

    async def _deliver_for_a_minute(self) -> None:
        clock, queue = self._world.clock, self._world.queue
        end = clock.monotonic() + 60
        while clock.monotonic() < end:
            for message in queue.take():
                assert isinstance(message, SliceMessage)
                if not await survives(self._life, run_slice(self._services, message)):
                    self._restart()
                    if self._redelivers:
                        await queue.send(message, HIDDEN)
            clock.advance(5)

    def _begin_life(self) -> None:
        world = self._world
        self._life = next(self._lives)
        self._services: Services = in_life(world.services, self._network, self._life)

    def _restart(self) -> None:
        self.crashes += 1
        self._begin_life()


def lives(*ends: tuple[int, bool]) -> Iterator[Life]:
    """Yield lives that end so, and then one without an end."""
    for dies_at, after in ends:
        yield Life(dies_at, after)
    while True:
        yield Life()


def a_death_at(moment: int) -> Iterator[Life]:
    """Yield a life that ends at an operation, before or after it takes effect, and one without an end."""
    return lives((moment, moment % 2 == 0))


async def landed(
    world: World, data: str, ends: Iterator[Life], *, redelivers: bool, minutes: int = 6
) -> Machine:
    """Drop a file, and let the machine run until all is over."""
    path = await world.drop(data)
    machine = Machine(world, ends, redelivers=redelivers)
    await machine.land(path)
    await machine.run_for(minutes)
    return machine


async def moments(world: World, data: str) -> range:
    """Return the operations of a run that nothing disturbs, and of the first ticks after it."""
    life = Life()
    await landed(world, data, iter([life]), redelivers=True, minutes=2)
    return range(1, life.operations + 1)
