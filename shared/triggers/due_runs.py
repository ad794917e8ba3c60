"""Running what is due: each entry of the due index whose instant has come is claimed, run and moved on.

An entry is claimed for one instant, and an instant makes one run of an export, so two hosts, or a crash
and another try, make no second one. What was missed is made up for once, by the newest instant.
"""

from datetime import datetime, timedelta

from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export
from shared.domain.run import SliceMessage, Trigger, TriggerKind
from shared.records.bulk import each_of
from shared.runs.freshness import Freshness, says_so
from shared.runs.lanes.lane_queue import join_queue
from shared.runs.start import create_run
from shared.schedules import index
from shared.schedules.index import key_of, plan_of
from shared.services import Services
from shared.storage.entries import ALL, REFRESH, Due, DueTable
from shared.storage.ports import Stale, Stored

_PAGE = 100  # entries, or exports of a refresh, between two looks at the clock
_INSTANT = timedelta(microseconds=1)

_CHANGING = timedelta(minutes=2)
"""How long after its instant an entry is kept whose export does not name it (yet)."""


class DueRuns:
    """One look at the due index. What it has no time for is still due at the next one."""

    def __init__(self, services: Services, seconds: float) -> None:
        self.lag = 0.0  # seconds by which the latest of what was run came behind its instant
        self._services = services
        self._clock = services.clock
        self._entries = services.storage.due
        self._freshness = Freshness(services.storage, services.clock.now())
        self._deadline = services.clock.monotonic() + seconds

    async def run(self) -> None:
        """Run what is due by now, in the order in which it came to be due."""
        before, after = key_of(self._clock.now() + _INSTANT), ""
        while page := await self._entries.page(
            DueTable.SCHEDULES, after=after, before=before, limit=_PAGE
        ):
            await each_of(page, self._run)
            if self._is_late():
                return
            after = page[-1].key

    async def _run(self, stored: Stored[Due]) -> None:
        claimed = await self._claimed(stored)
        if claimed is None:
            return
        of, at = claimed.value.of, claimed.value.claimed or claimed.value.at
        self.lag = max(self.lag, (self._clock.now() - at).total_seconds())
        if of != REFRESH:
            await self._run_own(of, at)
        elif not await self._run_refresh(claimed, at):
            return
        await self._move_on(claimed, at)

    async def _claimed(self, stored: Stored[Due]) -> Stored[Due] | None:
        """Return the entry as one that has been claimed; None if it is not to be run, or by others."""
        entry, now = stored.value, self._clock.now()
        if entry.claimed:  # whoever did so may have died
            return stored
        plan = await plan_of(self._services.storage, entry.of)
        newest = plan.newest(entry.at, now) if plan else None
        if newest is None:
            if now > entry.at + _CHANGING:
                await self._move_on(stored, entry.at)
            return None
        claimed = entry.model_copy(update={"claimed": newest})
        try:
            etag = await self._entries.replace(DueTable.SCHEDULES, stored.key, claimed, stored.etag)
        except Stale:
            return None
        return Stored(stored.key, claimed, etag)

    async def _move_on(self, stored: Stored[Due], after: datetime) -> None:
        """Put the entry of the next instant in the place of this one."""
        of = stored.value.of
        plan = await plan_of(self._services.storage, of)
        await index.enter(self._services.storage, of, plan.next_due(after) if plan else None)
        await self._entries.delete(DueTable.SCHEDULES, stored.key)

    async def _run_own(self, export_id: str, at: datetime) -> None:
        stored = await self._services.storage.exports.get(ALL, export_id)
        plan = stored.value.plan if stored else None
        if stored and plan and plan.newest(at, at):
            await self._begin(stored.value, TriggerKind.SCHEDULE, at)

    async def _run_refresh(self, stored: Stored[Due], at: datetime) -> bool:
        """Begin a run of each export that follows the refresh; return False if some are left for later."""
        plan = await plan_of(self._services.storage, REFRESH)
        if plan is None or not plan.newest(at, at):
            return True  # changed or turned off on the way
        exports = self._services.storage.exports

        async def begin(export: Stored[Export]) -> None:
            if export.value.follows_refresh(plan.schedule, at):
                await self._begin(export.value, TriggerKind.REFRESH, at)

        while page := await exports.page(ALL, after=stored.value.after, limit=_PAGE):
            await each_of(page, begin)
            entry = stored.value.model_copy(update={"after": page[-1].key})
            try:
                etag = await self._entries.replace(
                    DueTable.SCHEDULES, stored.key, entry, stored.etag
                )
            except Stale:
                return False  # another host goes on with it
            stored = Stored(stored.key, entry, etag)
            if self._is_late():
                return False
        return True

    async def _begin(self, export: Export, kind: TriggerKind, at: datetime) -> None:
        """Begin a run that waits in its lane's queue, or note once that there is nothing new to send."""
        last = await self._freshness.last_try(export)
        if last and says_so(last):
            return  # the newest run says so already
        trigger = Trigger(kind=kind, key=at.isoformat(), at=at)
        try:
            begun = await create_run(self._services, export.id, trigger, unchanged=last)
        except (Conflict, NotFound):
            return  # its connection is being set up again, or it was removed this moment
        if begun.is_to_go_on:
            message = SliceMessage(run_id=begun.run.id, slice=0)
            await join_queue(self._services, begun.run, message)

    def _is_late(self) -> bool:
        return self._clock.monotonic() >= self._deadline
