"""A run and its checkpoint, as whoever works on the run or ends it holds them."""

from dataclasses import replace
from typing import Any

from shared.domain.clock import Clock
from shared.domain.message import Message
from shared.domain.run import Run, RunStatus
from shared.runs.state.checkpoint import OpenCheckpoint
from shared.storage.ports import Records, Stored


class OpenRun:
    """A run and its checkpoint; a change of either is refused if somebody else has changed it."""

    def __init__(
        self, records: Records[Run], clock: Clock, stored: Stored[Run], checkpoint: OpenCheckpoint
    ) -> None:
        self.stored = stored
        self.checkpoint = checkpoint
        self.seconds_before = checkpoint.value.seconds  # spent on the run when it was opened
        self._records = records
        self._clock = clock
        self._opened = clock.monotonic()

    @property
    def value(self) -> Run:
        """The run as it was read or written last."""
        return self.stored.value

    @property
    def seconds(self) -> float:
        """The seconds spent on the run by now."""
        return self.seconds_before + self._clock.monotonic() - self._opened

    async def move(self, **update: Any) -> None:
        """Change some of the checkpoint; raise Fenced."""
        await self.checkpoint.write(self.checkpoint.value.model_copy(update=update))

    async def count_broken_off(self) -> None:
        """Count the requests of a slice that died, as far as it had reserved them; raise Fenced."""
        now = self.checkpoint.value
        reserved = len(now.unconfirmed())
        if self.value.status is RunStatus.PROCESSING and reserved:
            await self.move(requests=now.requests + reserved)

    async def say(self, text: Message, **update: Any) -> None:
        """Note on the run that a slice is working on it, and at what, and change some of it; raise Stale."""
        now = self.value.processing(self._clock.now(), text)
        await self.change(now.model_copy(update=update))

    def note(self, text: Message) -> None:
        """Note something on the run that is stored with the next change of it."""
        noted = self.value.noting(self._clock.now(), text)
        self.stored = replace(self.stored, value=noted)

    async def change(self, run: Run) -> None:
        """Store the run as it is now; raise Stale."""
        etag = await self._records.replace(run.export_id, run.key, run, self.stored.etag)
        self.stored = Stored(run.key, run, etag)
