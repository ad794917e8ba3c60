"""Passes the sandbox's time, which may be faster than ours."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time in seconds since the epoch, and waiting in it."""

    def now(self) -> float:
        """The sandbox's time."""

    async def sleep(self, seconds: float) -> None:
        """Return when that many of the sandbox's seconds have passed."""


class FastClock:
    """Passes `speed` sandbox seconds in each real one."""

    def __init__(self, speed: float = 1) -> None:
        self._speed, self._start, self._began = speed, time.time(), time.monotonic()

    def now(self) -> float:
        """The sandbox's time."""
        return self._start + (time.monotonic() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait `seconds` of the sandbox, fewer of ours."""
        await asyncio.sleep(seconds / self._speed)
