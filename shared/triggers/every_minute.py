"""The tick of every minute: it begins what is due, and sweeps up what was lost."""

from collections.abc import AsyncIterator
from datetime import timedelta

from shared.domain.run import Run, RunStatus, SliceMessage, split_run_id
from shared.records.records import LARGEST_PAGE, scan
from shared.runs.cancel import sweep_cancels
from shared.runs.ending import clean_up
from shared.runs.lanes.lane_queue import call_if_free, join_queue
from shared.runs.lanes.wakeups import wake
from shared.schedules.index import repair
from shared.services import Services
from shared.storage.entries import ALL, ActiveRun
from shared.storage.paths import CHECKPOINT, POISON_ARRIVALS, POISON_SLICES, folder
from shared.telemetry import metrics
from shared.triggers.arrivals import sweep_arrivals
from shared.triggers.due_runs import DueRuns
from shared.triggers.retention import remove_late_files, remove_old_runs, remove_unused_states
from shared.triggers.webhook_outbox import send_messages

_DUE_SECONDS = 40
"""How long one tick may begin what is due, before it looks for what was lost and the next one comes."""

_LATE = timedelta(seconds=60)
"""How long after its time a run may be silent before it is woken again."""


_NEVER_MADE = timedelta(minutes=20)
"""How long after its time the entry of a run that is not there is kept.

host.json ends every execution after 15 minutes: until then whoever entered it may still store the run.
"""


_MINUTES_BETWEEN_REMOVALS = 10
"""Nobody waits for what is removed, and looking costs two operations."""
_MINUTES_BETWEEN_COUNTS = 10
"""Three counts are within the half hour that the alert on them looks at."""


async def tick(services: Services) -> None:
    """Do what is due. Doing it twice at once, or late, makes no run twice."""
    await run_due(services)
    await sweep_arrivals(services)
    await sweep_runs(services)
    await sweep_cancels(services)
    await send_messages(services)
    if services.clock.now().minute % _MINUTES_BETWEEN_REMOVALS == 0:
        await remove_late_files(services)
    await remove_old_runs(services)
    await remove_unused_states(services)
    await count_poison(services)


async def run_due(services: Services) -> None:
    """Begin what a schedule, the system's or an export's own, names and what has come since."""
    await repair(services)
    due = DueRuns(services, _DUE_SECONDS)
    await due.run()
    metrics.schedule_lag(due.lag)


async def sweep_runs(services: Services) -> None:
    """Wake the runs that should have shown a sign of life and have not, and call who waits in vain."""
    lanes: set[str] = set()
    age = 0.0
    async for entry in _active(services):
        if entry.in_queue:
            lanes.add(entry.lane)
            if not _is_late(services, entry):
                continue
        stored = await services.storage.runs.get(*split_run_id(entry.run_id))
        if stored is None:
            if services.clock.now() > entry.wakes_at + _NEVER_MADE:
                await services.storage.run_files.delete(folder(entry.run_id))
                await services.storage.active_runs.delete(ALL, entry.run_id)
        elif stored.value.status.is_over:
            await clean_up(services, stored.value)
        else:
            if stored.value.status is not RunStatus.PROCESSING:
                age = max(age, (services.clock.now() - entry.wakes_at).total_seconds())
            if await _is_lost(services, entry, stored.value.status):
                await _wake(services, entry, stored.value)
    for lane in sorted(lanes):
        await call_if_free(services, lane)
    metrics.queue_age("slices", age)


async def count_poison(services: Services) -> None:
    """Report, once in ten minutes, how much lies in the queues of what was given up."""
    if services.clock.now().minute % _MINUTES_BETWEEN_COUNTS == 0:
        storage = services.storage
        metrics.poison_messages(POISON_SLICES, await storage.poison_slices.count())
        metrics.poison_messages(POISON_ARRIVALS, await storage.poison_arrivals.count())


async def _active(services: Services) -> AsyncIterator[ActiveRun]:
    async for stored in scan(services.storage.active_runs, size=LARGEST_PAGE):
        yield stored.value


async def _is_lost(services: Services, entry: ActiveRun, status: RunStatus) -> bool:
    """Say whether nothing is moving the run: its slice died, or its message is gone."""
    if status is RunStatus.PROCESSING:
        return not await services.storage.lanes.is_held(entry.lane)
    return _is_late(services, entry)


def _is_late(services: Services, entry: ActiveRun) -> bool:
    return services.clock.now() > entry.wakes_at + _LATE


async def _wake(services: Services, entry: ActiveRun, run: Run) -> None:
    checkpoint = await services.storage.checkpoints.get(entry.run_id, CHECKPOINT)
    number = checkpoint.value.slice if checkpoint else 0
    message = SliceMessage(run_id=entry.run_id, slice=number)
    await (join_queue(services, run, message) if entry.in_queue else wake(services, message, 0))
