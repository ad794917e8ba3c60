"""What triggers functions on the hosts of a simulation: queues, blob events, the timer, and people."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

from pydantic import BaseModel

from shared.runs.ending import give_up
from shared.runs.slice import run_slice
from shared.services import Services
from shared.triggers.arrivals import arrive
from shared.triggers.every_minute import tick
from tests.chaos.simulated_hosts import Ending, Host, Work
from tests.chaos.simulated_queue import RETRY_SECONDS, TRIES, Letter, Queue
from tests.chaos.simulated_weather import QUEUES
from tests.chaos.simulated_world import SimulatedWorld

MINUTE = 60.0
_LOOK = 2.0  # seconds between two looks at a queue

_DROPPED, _TWICE, _LATE = 0.5, 0.3, 0.3  # of blob events
_DOUBLED = 0.05  # of messages: two hosts have them at once
_LOST = 0.1  # of messages whose receiver died
_TWO_TICKS = 0.1


class Landed(BaseModel, frozen=True):
    """A blob event."""

    path: str


class Triggers:
    """What hands work to hosts. `poisoned` are messages that were given up, and how their tries ended."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.log: list[str] = []
        self.failures: list[str] = []  # of the simulation itself
        self.poisoned: list[tuple[BaseModel, list[str]]] = []
        self._world = world
        self._weather, self._clock = world.weather, world.clock
        self._poison = Queue(world.clock)
        self._under_way: dict[asyncio.Task[None], None] = {}

    def begin(self) -> None:
        """Let messages be delivered and the timer tick from now on."""
        self.spawn(self._post())
        self.spawn(self._timer())

    @property
    def messages(self) -> list[BaseModel]:
        """Everything that is still to be delivered."""
        queues = (self._world.queue, self._world.events, self._poison)
        return [letter.message for queue in queues for letter in queue.letters]

    def land(self, path: str) -> None:
        """Send the events of a file: one, or two, or none, soon or late, and so in any order."""
        weather = self._weather
        if weather.strikes("events dropped", _DROPPED):
            return
        for _ in range(2 if weather.strikes("events twice", _TWICE) else 1):
            longest = 900 if weather.strikes("events late", _LATE) else 5
            at = self._clock.monotonic() + weather.chance("delays of events").uniform(0, longest)
            self._world.events.letters.append(Letter(Landed(path=path), at))

    async def ask(self, work: Work) -> None:
        """Have somebody ask a host for something, and again if there is no answer."""
        for _ in range(5):
            host = self._some_host()
            if host and await host.execute(work) is Ending.DONE:
                return
            await self._clock.sleep(20)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, in no process."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._under_way[task] = None
        task.add_done_callback(self._done)

    def note(self, what: str) -> None:
        """Keep what happened, with the second in which it did."""
        self.log.append(f"{self._clock.monotonic():9.2f} {what}")

    async def _timer(self) -> None:
        """Tick every minute: on one host, and sometimes on two, which the host does not rule out."""
        while True:
            now = self._clock.monotonic()
            await self._clock.sleep(MINUTE - now % MINUTE)
            for _ in range(2 if self._weather.strikes("ticks on two hosts", _TWO_TICKS) else 1):
                if host := self._some_host():
                    self.spawn(self._tick(host))

    async def _tick(self, host: Host) -> None:
        self.note(f"tick on {host.number}: {(await host.execute(tick)).name}")

    async def _post(self) -> None:
        """Hand out the messages of all queues."""
        ways: tuple[tuple[Queue, Any], ...] = (
            (self._world.queue, run_slice),
            (self._world.events, _arrive),
            (self._poison, give_up),
        )
        while True:
            await self._clock.sleep(_LOOK)
            if self._weather.is_down(QUEUES):
                continue
            for queue, function in ways:
                for letter in queue.visible():
                    twice = self._weather.strikes("messages to two hosts", _DOUBLED)
                    for _ in range(2 if twice else 1):
                        if host := self._some_host():
                            self._hand_out(queue, letter, host, function)

    def _hand_out(self, queue: Queue, letter: Letter, host: Host, function: Any) -> None:
        letter.deliveries += 1
        letter.visible_at = float("inf")  # extended for as long as its function runs

        async def work(services: Services) -> None:
            await function(services, letter.message)

        self.spawn(self._deliver(queue, letter, host, work))

    async def _deliver(self, queue: Queue, letter: Letter, host: Host, work: Work) -> None:
        """Run a function for a message, and settle it as the host does."""
        ending = await host.execute(work)
        letter.endings.append(ending.name)
        self.note(f"{letter.message} on {host.number}: {ending.name}")
        now = self._clock.monotonic()
        if ending is Ending.DIED and self._weather.strikes("messages lost", _LOST):
            queue.delete(letter)
        elif ending is Ending.DIED or self._weather.is_down(QUEUES):
            letter.visible_at = now + self._world.plan.hidden
        elif ending is Ending.DONE:
            queue.delete(letter)
        else:
            letter.visible_at = now + RETRY_SECONDS
        if letter in queue.letters and letter.deliveries >= TRIES and queue is not self._poison:
            queue.delete(letter)
            self.poisoned.append((letter.message, letter.endings))
            if queue is self._world.queue:
                self._poison.letters.append(Letter(letter.message, now))

    def _some_host(self) -> Host | None:
        up = [host for host in self._world.hosts if host.is_up]
        return self._weather.chance("hosts").choice(up) if up else None

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        if not task.cancelled() and (error := task.exception()):
            self.failures.append(f"the simulation itself failed: {error!r}")


async def _arrive(services: Services, message: Landed) -> None:
    await arrive(services, message.path)
