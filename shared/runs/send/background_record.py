"""Recording beside sending: the checkpoint follows behind what was answered, in one writing at a time."""

import asyncio
from collections.abc import Sequence
from functools import partial

from shared.domain.clock import Clock
from shared.runs.send.batch_sender import BatchResult
from shared.runs.send.poller import PollResult
from shared.runs.send.recorder import Recorder
from shared.storage.retrying import retried

_STORAGE_AWAY = (
    1.0,
    2.0,
    4.0,
    8.0,
    15.0,
)  # seconds between tries; what was answered is in memory only


class BackgroundRecord:
    """Results that are not in the checkpoint yet. Nothing of them is lost when a writing fails."""

    def __init__(self, clock: Clock, recorder: Recorder) -> None:
        self._clock = clock
        self._recorder = recorder
        self._answered: list[BatchResult] = []
        self._written: Sequence[BatchResult] = ()  # once the writing that is under way is over
        self._writing: asyncio.Task[None] | None = None

    @property
    def size(self) -> int:
        """How many batches were answered and are not in the checkpoint yet."""
        return len(self._answered) + len(self._written)

    @property
    def answered(self) -> int:
        """How many of them no writing takes along yet."""
        return len(self._answered)

    @property
    def writing(self) -> Sequence[asyncio.Task[None]]:
        """The writing that is under way, if one is."""
        return (self._writing,) if self._writing else ()

    def add(self, result: BatchResult) -> None:
        """Take a result, for the next writing."""
        self._answered.append(result)

    def start(self, polled: PollResult) -> None:
        """Begin to write all that there is. No writing may be under way."""
        self._written, self._answered = self._answered, []
        record = partial(self._recorder.record, self._written, polled)
        self._writing = asyncio.create_task(retried(record, self._clock, _STORAGE_AWAY))

    def check(self) -> None:
        """Take note of a writing that is over; raise what it has ended in."""
        if self._writing is not None and self._writing.done():
            writing, self._writing = self._writing, None
            if writing.exception():
                self._answered[:0] = self._written
            self._written = ()
            writing.result()

    async def finish(self) -> None:
        """Write all that there is."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))
            self.check()
        if self._answered:
            self.start(PollResult())
            await self.finish()

    async def cancel(self) -> None:
        """Break off the writing that is under way."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
