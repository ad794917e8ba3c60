"""The sign that somebody has canceled a run, for whoever works on the run to look out for.

It is a record of its own: a run's record is changed under its ETag by the slice that works on it, and
whoever cancels must not get in its way.
"""

from datetime import datetime

from shared.domain.clock import Clock
from shared.storage.entries import Bookmark, SettingsTable
from shared.storage.ports import Records

_LOOK_SECONDS = 1.0


class Canceled(Exception):
    """The sign is up, and what was done so far need not be recorded."""


class CancelSign:
    """Whether somebody has canceled a run. Storage is asked once a second at most.

    A run that was made a moment ago (`is_new`) is not looked at before a second has gone by.
    """

    def __init__(
        self, records: Records[Bookmark], clock: Clock, run_id: str, is_new: bool = False
    ) -> None:
        self.since: datetime | None = None
        self._records = records
        self._clock = clock
        self._run_id = run_id
        self._looks_at = clock.monotonic() + _LOOK_SECONDS if is_new else float("-inf")

    async def is_up(self) -> bool:
        """Say whether the sign was up at the last look, which was less than a second ago."""
        now = self._clock.monotonic()
        if self.since is None and now >= self._looks_at:
            self._looks_at = now + _LOOK_SECONDS
            stored = await self._records.get(SettingsTable.CANCELS, self._run_id)
            if stored is not None:  # an answer that was long on its way does not take it down again
                self.since = stored.value.at
        return self.since is not None
