"""A clock that tests move by hand."""

import asyncio
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A `shared.domain.clock.Clock` on which a wait takes no time.

    `sleep` moves the clock at once and yields to the loop once. It does not reproduce waits that
    overlap: two tasks that sleep 20 seconds side by side move the clock by 40, and a task that
    sleeps in an endless loop moves it at every turn of the loop.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)) -> None:
        self._began = now
        self._seconds = 0.0
        self.slept: list[float] = []  # what was asked of sleep(), in order

    def now(self) -> datetime:
        """Return the current instant, in UTC."""
        return self._began + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Return the seconds that went by on this clock."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Move the clock and let the other tasks have a turn."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Let that many seconds go by."""
        self._seconds += max(seconds, 0)
