"""A clock on which nobody waits."""

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count


class FakeClock:
    """A `shared.domain.clock.Clock` that jumps to the next sleeper as soon as nothing else can run.

    Tasks that sleep side by side wake in the right order and at the right instants, so leases,
    back-off and time budgets can be tested together. It fits tests whose I/O is in memory: with a real
    socket, "nothing can run" may only mean that an answer is on its way. Whoever has one says so, by
    `held`.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)) -> None:
        self._began = now
        self._seconds = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._watching = False
        self._held = 0

    def now(self) -> datetime:
        """Return the current instant, in UTC."""
        return self._began + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Return the seconds that went by on this clock."""
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let that many seconds go by."""
        self._seconds += max(seconds, 0)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wake nobody while the body waits for something that takes real time."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def sleep(self, seconds: float) -> None:
        """Wait until every other task waits too and this sleeper is the next to wake."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        deadline = self._seconds + max(seconds, 0)
        heapq.heappush(self._sleepers, (deadline, next(self._order), woken))
        if not self._watching:
            self._watching = True
            loop.call_soon(self._jump_when_idle, loop)
        await woken

    def _jump_when_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
        heapq.heapify(self._sleepers)  # without those whose task was cancelled
        # asyncio has no public way to ask whether anything can run; this is what "idle" means to it.
        if self._sleepers and not self._held and not loop._ready:  # type: ignore[attr-defined]
            deadline, _, woken = heapq.heappop(self._sleepers)
            self._seconds = max(self._seconds, deadline)
            woken.set_result(None)
        self._watching = bool(self._sleepers)
        if self._watching:
            loop.call_soon(self._jump_when_idle, loop)
