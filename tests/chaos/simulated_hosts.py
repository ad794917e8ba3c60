"""Hosts: each runs executions in a process, on a clock of its own, and starts another when that dies."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import count

import httpx

from shared.services import Services
from shared.storage.ports import Unavailable
from tests.chaos.simulated_defects import Soundness
from tests.chaos.simulated_network import Book, Network
from tests.chaos.simulated_plan import Plan
from tests.chaos.simulated_process import Execution, Fate, Process
from tests.chaos.simulated_storage import in_process
from tests.chaos.simulated_vendors import Vendor
from tests.chaos.simulated_weather import Weather
from tests.fakes.clock import FakeClock

type Work = Callable[[Services], Awaitable[object]]

_RESTART = 20.0  # seconds, at most
_PAUSE = (10, 300)  # seconds

_numbers = count(1)


class Ending(Enum):
    """How an execution ended."""

    DONE = auto()
    FAILED = auto()
    DIED = auto()


@dataclass
class HostClock:
    """The clock of a host, which differs from the others' by some seconds."""

    clock: FakeClock
    host: "Host"
    apart: float  # seconds

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.apart)

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        await self.host.process.awake()


class Host:
    """A host. `surprises` are errors that no trouble of the plan explains, in words."""

    def __init__(
        self,
        number: int,
        weather: Weather,
        services: Services,
        vendors: Mapping[str, Vendor],
        book: Book,
        defect: Soundness,
    ) -> None:
        self.number = number
        self.surprises: list[str] = []
        self.executions: list[Execution] = []  # all that there were
        self._weather = weather
        self._plan: Plan = weather.plan
        self._vendors = vendors
        self._book = book
        self._defect = defect
        self._given = services
        self._chance = self._plan.stream(f"host {number}")
        self.clock = HostClock(weather.clock, self, self._chance.uniform(-3, 3))
        self._begin_life()

    @property
    def is_up(self) -> bool:
        """Whether it can begin an execution now."""
        now = self._weather.clock.monotonic()
        if self.process.dead and now >= self.process.died_at + self._down_for:
            self._begin_life()
        return not self.process.dead and not self.process.is_paused

    async def execute(self, work: Work) -> Ending:
        """Run a function to its end."""
        process = self.process
        execution = Execution(next(_numbers), process)
        self.executions.append(execution)
        task = process.run(execution, _awaited(work, self._services))
        await asyncio.wait((task,))
        if process.dead:
            return Ending.DIED
        error = task.exception()
        if error is None:
            return Ending.DONE
        if not (isinstance(error, Unavailable) and execution.upset):
            self.surprises.append(f"{type(error).__name__}: {error}")
        return Ending.FAILED

    def _begin_life(self) -> None:
        mean = self._plan.life
        fate = Fate(
            dies_at=1 + round(self._chance.expovariate(1 / mean)),
            after=self._chance.random() < 0.5,
            pauses_at=1 + round(self._chance.expovariate(1 / mean)),
            pause=self._chance.uniform(*_PAUSE),
        )
        self.process = Process(self._weather, fate)
        self._down_for = self._chance.uniform(1, _RESTART)
        network = Network(self.process, self._vendors, self._book)
        self._services = replace(
            self._given,
            storage=in_process(self._defect.storage(self._given.storage), self.process),
            destinations={
                name: self._defect.destination(each.destination(self.clock))
                for name, each in self._vendors.items()
            },
            http=httpx.AsyncClient(transport=network),
            clock=self.clock,
        )


async def _awaited(work: Work, services: Services) -> None:
    await work(services)
