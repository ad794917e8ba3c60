"""Running a slice: a bounded piece of work on a run, under the lease of its lane."""

import logging
from asyncio import CancelledError
from dataclasses import replace

from shared.domain.message import Message
from shared.domain.run import Checkpoint, Run, SliceMessage, split_run_id
from shared.runs.ending import clean_up, orphan
from shared.runs.lanes.lane import LaneLost, LaneTaken, lane
from shared.runs.lanes.lane_queue import call_next, wait_in_queue
from shared.runs.start import Begun
from shared.runs.state.checkpoint import Fenced, OpenCheckpoint
from shared.runs.state.context import RunContext, load_context
from shared.runs.state.open_run import OpenRun
from shared.runs.worker import Worker
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.paths import CHECKPOINT, layout_folder
from shared.storage.ports import Stale, Stored
from shared.storage.remembered import Remembered
from shared.storage.side_by_side import side_by_side
from shared.telemetry import metrics
from shared.telemetry.logs import about_run
from shared.telemetry.spans import slice_of_run

log = logging.getLogger(__name__)


async def run_slice(services: Services, message: SliceMessage, begun: Begun | None = None) -> None:
    """Work on a run until it ends, its time is up, or it has to wait; then see to its continuation.

    As long as half of the slice's time is left, go on with the next run that waits for the same lane;
    then call that one by message. A message that comes twice, late or for a run that is over changes
    nothing. Whoever has begun the run just now passes it on, so that it is not read again.
    """
    began = services.clock.monotonic()
    deadline = began + services.slice_seconds
    following: SliceMessage | None = message
    while following is not None:
        with about_run(following.run_id):
            free = await _slice(services, following, deadline, begun)
        begun = None
        following = await call_next(services, free) if free else None
        if following and services.clock.monotonic() > began + services.slice_seconds / 2:
            await services.storage.slices.send(following)
            return


async def _slice(
    services: Services, message: SliceMessage, deadline: float, begun: Begun | None
) -> str | None:
    """Work on one run; return the lane that it does not need any more, None if others have that."""
    runs = services.storage.runs
    stored = begun.stored if begun else await runs.get(*split_run_id(message.run_id))
    if stored is None:
        return None
    if stored.value.status.is_over:
        left = await _lane_of(services, message.run_id)
        await clean_up(services, stored.value)
        return left
    context = await _context(services, stored.value, begun)
    if not isinstance(context, RunContext):
        left = await _lane_of(services, message.run_id)
        await orphan(services, stored, context)
        return left
    quota = services.destinations[context.connection.destination].lane(context.account)
    try:
        async with lane(services.storage.lanes, services.clock, quota):
            await _in_lane(services, message, context, deadline, begun)
    except LaneTaken:
        metrics.lane_wait(context.connection.destination)
        # A stale message must not come back: it would tell the sweep of a time that the run does not keep.
        checkpoint = await OpenCheckpoint.read(services.storage.checkpoints, message.run_id)
        if checkpoint.value.slice == message.slice:
            await wait_in_queue(services, quota, stored.value, message)
        return None
    except (LaneLost, Fenced, Stale) as error:
        # Somebody else has the run now, or the sweep will find it; what was answered is recorded.
        log.warning("slice stopped: %s", type(error).__name__)
        now = await services.storage.runs.get(*split_run_id(message.run_id))
        if now is not None and now.value.status.is_over:
            await clean_up(
                services, now.value
            )  # this slice may have laid out parts since it was over
        return None
    return quota


async def _context(services: Services, run: Run, begun: Begun | None) -> RunContext | Message:
    if begun and begun.connection.account:
        return RunContext(begun.export, begun.connection, begun.connection.account)
    return await load_context(services.storage, run)


async def _lane_of(services: Services, run_id: str) -> str | None:
    """Return the lane that a run waits for, as the index of active runs has it."""
    entry = await services.storage.active_runs.get(ALL, run_id)
    return entry.value.lane if entry else None


async def _in_lane(
    services: Services,
    message: SliceMessage,
    context: RunContext,
    deadline: float,
    begun: Begun | None,
) -> None:
    storage = services.storage
    if begun:  # this moment; should a slice have been at it already, the first writing is refused
        stored: Stored[Run] | None = begun.stored
        checkpoint = OpenCheckpoint(storage.checkpoints, message.run_id, Checkpoint(), None)
    else:
        # Read again: another slice may have moved both while this one waited for the lane.
        stored, checkpoint = await side_by_side(
            storage.runs.get(*split_run_id(message.run_id)),
            OpenCheckpoint.read(storage.checkpoints, message.run_id),
        )
    if stored is None or stored.value.status.is_over or checkpoint.value.slice != message.slice:
        return
    run = OpenRun(storage.runs, services.clock, stored, checkpoint)
    # Nobody else writes what is laid out here, so what is small need not be fetched to be sent.
    remembering = replace(storage, run_files=Remembered(storage.run_files))
    worked_with = replace(services, storage=remembering)
    work = Worker(worked_with, context, run, deadline, is_new=begun is not None)
    destination, before = context.connection.destination, checkpoint.value.counts
    began = services.clock.monotonic()
    try:
        with slice_of_run(stored.value.trace, run_id=message.run_id, slice=message.slice):
            await work.work()
    except (Fenced, Stale, CancelledError):  # the last if the lane is lost
        await _remove_if_nobodys(services, message.run_id, checkpoint.value.layout)
        raise
    finally:
        seconds = services.clock.monotonic() - began
        metrics.slice_worked(destination, seconds, checkpoint.value.counts.since(before))


async def _remove_if_nobodys(services: Services, run_id: str, layout: str) -> None:
    """Remove what this slice has laid out of a run, if that has another layout by now."""
    stored = await services.storage.checkpoints.get(run_id, CHECKPOINT)
    if layout and (stored is None or stored.value.layout != layout):
        await services.storage.run_files.delete(layout_folder(run_id, layout))
