"""The checkpoint of a run, as the one slice that may write it holds it."""

from shared.domain.run import Checkpoint
from shared.storage.paths import CHECKPOINT
from shared.storage.ports import AlreadyExists, Guarded, Stale, Unavailable


class Fenced(Exception):
    """Another slice has written the checkpoint since: this one must stop and change nothing."""


class OpenCheckpoint:
    """A checkpoint with the ETag of its last writing; each write is refused if somebody else wrote."""

    def __init__(
        self, records: Guarded[Checkpoint], run_id: str, value: Checkpoint, etag: str | None
    ) -> None:
        self.value = value
        self.was_written = False  # here, so that whoever had it before is refused
        self._records = records
        self._run_id = run_id
        self._etag = etag
        self._unsure: list[Checkpoint] = []  # written since, without an answer

    @classmethod
    async def read(cls, records: Guarded[Checkpoint], run_id: str) -> "OpenCheckpoint":
        """Open a run's checkpoint; a run without one is at its beginning."""
        stored = await records.get(run_id, CHECKPOINT)
        if stored is None:
            return cls(records, run_id, Checkpoint(), None)
        return cls(records, run_id, stored.value, stored.etag)

    async def write(self, value: Checkpoint) -> None:
        """Move the checkpoint; raise Fenced, or Unavailable when it may or may not have moved."""
        try:
            await self._write(value)
        except (AlreadyExists, Stale):
            if not await self._moved_unseen():
                raise Fenced(self._run_id) from None
            await self._write(value)
        self.value, self._unsure, self.was_written = value, [], True

    async def _write(self, value: Checkpoint) -> None:
        try:
            if self._etag is None:
                self._etag = await self._records.insert(self._run_id, CHECKPOINT, value)
            else:
                self._etag = await self._records.replace(
                    self._run_id, CHECKPOINT, value, self._etag
                )
        except Unavailable:
            self._unsure.append(value)
            raise

    async def _moved_unseen(self) -> bool:
        """Say whether it was a writing of ours without an answer that has moved the checkpoint."""
        stored = await self._records.get(self._run_id, CHECKPOINT) if self._unsure else None
        if stored is None or stored.value not in self._unsure:
            return False
        self._etag = stored.etag
        return True
