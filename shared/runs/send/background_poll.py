"""Polling jobs beside sending batches: a poll that fails is tried again, and ends nothing."""

import asyncio
from collections.abc import Sequence

from shared.domain.errors import DestinationError, TryLater
from shared.domain.job import Job
from shared.runs.send.poller import JobPoller, PollResult
from shared.storage.ports import Unavailable

_FIRST_WAIT = 1.0  # seconds after a poll that failed; doubled for each one in a row
_LONGEST_WAIT = 30.0


class BackgroundPoll:
    """At most one poll under way. Whatever is wrong for good, sending finds out, too."""

    def __init__(self, poller: JobPoller) -> None:
        self._poller = poller
        self._task: asyncio.Task[PollResult] | None = None
        self._failures = 0  # in a row
        self._not_before = float("-inf")  # of the monotonic clock

    def start(self, jobs: Sequence[Job]) -> None:
        """Poll the jobs that are due, unless a poll is under way or one has failed just now."""
        held_back = self._poller.clock.monotonic() < self._not_before
        if self._task is None and not held_back and (due := self._poller.due(jobs)):
            self._task = asyncio.create_task(self._poller.poll(due))

    def take(self) -> PollResult:
        """Return what a poll has found that is over; nothing if it failed, or none is over."""
        if self._task is None or not self._task.done():
            return PollResult()
        task, self._task = self._task, None
        try:
            found = task.result()
        except (DestinationError, Unavailable) as error:
            self._hold_back(error)
            return PollResult()
        self._failures = 0
        return found

    async def finish(self) -> PollResult | None:
        """Wait for the poll that is under way, and return what it has found; None if none is."""
        if self._task is None:
            return None
        await asyncio.wait((self._task,))
        return self.take()

    async def cancel(self) -> None:
        """Break off the poll that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _hold_back(self, error: Exception) -> None:
        asked = error.after or 0.0 if isinstance(error, TryLater) else 0.0
        wait = max(asked, min(_FIRST_WAIT * 2**self._failures, _LONGEST_WAIT))
        self._failures += 1
        self._not_before = self._poller.clock.monotonic() + wait
