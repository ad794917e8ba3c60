"""The minute tick: schedules that are due, and the sweeps that find what was lost."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export
from shared.domain.run import RunStatus, SliceMessage, Trigger, TriggerKind, split_run_id
from shared.domain.schedule import Follows
from shared.exports.arrive import all_exports, sweep_arrivals
from shared.exports.end_run import tidy
from shared.exports.names import CHECKPOINT
from shared.exports.services import Services
from shared.exports.start_run import start_run
from shared.exports.wake import wake
from shared.storage.ports import ALL, BOOKMARKS, ActiveRun, Bookmark
from shared.telemetry import metrics

REFRESH_SCHEDULE = "refresh"
"""The key of the refresh schedule."""

_BOOKMARK = "refresh"
_PERIOD = timedelta(minutes=1)

_LATE = timedelta(seconds=60)
"""How long after its time a run may be silent before it is woken again."""


async def tick(services: Services) -> None:
    """Do what is due. Doing it twice at once, or late, makes no run twice."""
    await refresh(services)
    await sweep_arrivals(services)
    await sweep_runs(services)


async def refresh(services: Services) -> None:
    """Start a run of each export whose schedule, the system's or its own, names an instant that has come."""
    storage, now = services.storage, services.clock.now()
    bookmark = await storage.bookmarks.get(BOOKMARKS, _BOOKMARK)
    stored = await storage.schedules.get(ALL, REFRESH_SCHEDULE)
    system = stored.value if stored else None
    since = bookmark.value.at if bookmark else now - _PERIOD
    lag = 0.0
    async for export in all_exports(services):
        due = export.last_due(system, since, now)
        if due is not None:
            lag = max(lag, (now - due).total_seconds())
            await _start(services, export.id, _trigger(export, due))
    metrics.schedule_lag(lag)
    # Only now: a crash before this repeats the instant, and a repeated instant makes no second run.
    await storage.bookmarks.put(BOOKMARKS, _BOOKMARK, Bookmark(at=now))


async def sweep_runs(services: Services) -> None:
    """Wake the runs that should have shown a sign of life and have not."""
    age = 0.0
    async for entry in _active(services):
        stored = await services.storage.runs.get(*split_run_id(entry.run_id))
        if stored is None:
            if _is_late(services, entry):
                await services.storage.active_runs.delete(ALL, entry.run_id)
        elif stored.value.status.is_over:
            await tidy(services, stored.value)
        else:
            if stored.value.status is not RunStatus.PROCESSING:
                age = max(age, (services.clock.now() - entry.wakes_at).total_seconds())
            if await _is_lost(services, entry, stored.value.status):
                await _wake(services, entry)
    metrics.queue_age("slices", age)


def _trigger(export: Export, due: datetime) -> Trigger:
    own = export.schedule.follows is Follows.OWN
    kind = TriggerKind.SCHEDULE if own else TriggerKind.REFRESH
    return Trigger(kind=kind, key=due.isoformat(), at=due)


async def _start(services: Services, export_id: str, trigger: Trigger) -> None:
    try:
        await start_run(services, export_id, trigger)
    except (Conflict, NotFound):
        return  # its connection is being set up again, or it was removed this moment


async def _active(services: Services) -> AsyncIterator[ActiveRun]:
    after = ""
    while page := await services.storage.active_runs.page(ALL, after=after):
        for stored in page:
            yield stored.value
        after = page[-1].key


async def _is_lost(services: Services, entry: ActiveRun, status: RunStatus) -> bool:
    """Say whether nothing is moving the run: its slice died, or its message is gone."""
    if status is RunStatus.PROCESSING:
        return not await services.storage.lanes.is_held(entry.lane)
    return _is_late(services, entry)


def _is_late(services: Services, entry: ActiveRun) -> bool:
    return services.clock.now() > entry.wakes_at + _LATE


async def _wake(services: Services, entry: ActiveRun) -> None:
    checkpoint = await services.storage.checkpoints.get(entry.run_id, CHECKPOINT)
    number = checkpoint.value.slice if checkpoint else 0
    await wake(services, SliceMessage(run_id=entry.run_id, slice=number), 0)
