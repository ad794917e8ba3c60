"""A process that can be killed and paused, and what it has under way."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.simulated_weather import Weather
from tests.runs.mortal import Crash

_ROUNDS = 1000  # of ending tasks that may each wait for another

_execution: ContextVar["Execution | None"] = ContextVar("execution", default=None)


@dataclass(frozen=True)
class Held:
    """A slice that an execution works on: its number, and when it read the checkpoint of its run."""

    number: int
    since: float


@dataclass(eq=False)
class Execution:
    """One execution of a function in a process.

    `upset` says that something went wrong in it since when it may have had to stop half-way: its process
    died or was paused, or storage or a vendor gave it anything but a plain answer. `broken_off` says the
    same of what keeps a slice from recording what was answered: it died, was paused, or could not write
    its checkpoint or keep its lane.
    """

    number: int
    process: "Process"
    upset: bool = False
    broken_off: bool = False
    paused: bool = False
    slices: dict[str, Held] = field(default_factory=dict)  # by run
    moved: dict[str, float] = field(default_factory=dict)  # when it last wrote a checkpoint, by run


@dataclass(frozen=True)
class Fate:
    """At which of its operations a process dies, before or after it takes effect, or is paused."""

    dies_at: int
    after: bool
    pauses_at: int
    pause: float  # seconds


class Process:
    """One life of a host."""

    def __init__(self, weather: Weather, fate: Fate) -> None:
        self.dead = False
        self.died_at = 0.0
        self.weather = weather
        self.executions: list[Execution] = []
        self._fate = fate
        self._operations = 0
        self._paused_until = 0.0
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in the order in which they began

    def run(self, execution: Execution, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin an execution."""
        self.executions.append(execution)
        context = Context()
        context.run(_execution.set, execution)
        task = asyncio.get_running_loop().create_task(work, context=context)
        task.add_done_callback(lambda _: self.executions.remove(execution))
        return task

    async def live[T](self, operation: Callable[[], Awaitable[T]]) -> T:
        """Do an operation, unless this life is over; raise Crash."""
        await self.awake()
        self._operations += 1
        if self.weather.is_bad and self._operations == self._fate.pauses_at:
            self.pause(self._fate.pause)
            await self.awake()
        is_the_last = self.weather.is_bad and self._operations == self._fate.dies_at
        if self.dead or (is_the_last and not self._fate.after):
            self.kill()
            raise Crash
        try:
            result = await operation()
        finally:  # whether it gave a result or an error, nobody is left to see it
            if self.dead or is_the_last:
                self.kill()
                raise Crash
        await self.awake()
        return result

    async def awake(self) -> None:
        """Wait for the end of a pause."""
        clock = self.weather.clock
        while (left := self._paused_until - clock.monotonic()) > 0 and not self.dead:
            await clock.sleep(left)

    @property
    def is_paused(self) -> bool:
        """Whether it does nothing now."""
        return self.weather.clock.monotonic() < self._paused_until

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, as a machine does that is moved or put to sleep."""
        self.weather.met["pauses"] += bool(self.executions)
        self._paused_until = self.weather.clock.monotonic() + seconds
        self.upset()
        for execution in self.executions:
            execution.paused = True

    def kill(self) -> None:
        """End, at once."""
        if not self.dead:
            self.dead, self.died_at = True, self.weather.clock.monotonic()
            self.weather.met["crashes"] += 1
            self.upset()
            asyncio.get_running_loop().create_task(self._bury(), context=Context())

    def own(self, task: asyncio.Task[Any]) -> None:
        """Take a task that was begun in this process."""
        self._tasks[task] = None
        task.add_done_callback(self._done)

    def upset(self) -> None:
        """Note that all that it has under way may have to stop half-way."""
        for execution in self.executions:
            execution.upset = execution.broken_off = True

    def _done(self, task: asyncio.Task[Any]) -> None:
        del self._tasks[task]
        if self.dead and not task.cancelled():
            task.exception()  # nobody in a dead process asks for it, and asyncio would complain

    async def _bury(self) -> None:
        for _ in range(_ROUNDS):
            for task in list(self._tasks):
                task.cancel()
            await asyncio.sleep(0)
            if not self._tasks:
                return
        raise AssertionError(f"these go on after their process died: {list(self._tasks)}")


def execution_now() -> Execution | None:
    """Return the execution that the running task belongs to."""
    return _execution.get()


def upset() -> None:
    """Note that something went wrong in the execution that the running task belongs to."""
    if execution := _execution.get():
        execution.upset = True


def break_off() -> None:
    """Note that the execution that the running task belongs to cannot record what was answered."""
    if execution := _execution.get():
        execution.broken_off = True


def registering(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **named: Any
) -> asyncio.Task[Any]:
    """Make a task, as the loop's task factory, so that it dies with the process that it is begun in."""
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **named)
    execution = task.get_context().get(_execution)
    if execution:
        execution.process.own(task)
    return task
