"""The queue of a lane: the runs that wait until its quota is free, the earliest trigger first.

Who has the lane calls the next one when it is done, so a thousand runs on one account wait without a
message each. Where nobody has it, the sweep calls; and who found it taken and is the first in it looks
again by itself.
"""

from shared.domain.run import Run, SliceMessage
from shared.runs.lanes import wakeups
from shared.runs.state.checkpoint import OpenCheckpoint
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import Stale

_LOOK_SECONDS = 10.0  # between two looks of the first in a queue
_PATIENCE = 1800.0  # seconds after which the sweep makes sure that a run is still in its queue


async def join_queue(services: Services, run: Run, message: SliceMessage) -> None:
    """Let a run wait for its lane; the sweep, or whoever has the lane, calls it."""
    active = await services.storage.active_runs.get(ALL, run.id)
    if active is not None:
        await _enter(services, active.value.lane, run, message)
        await wakeups.schedule(services, run.id, _PATIENCE, in_queue=True)


async def wait_in_queue(services: Services, lane: str, run: Run, message: SliceMessage) -> None:
    """Let a run wait whose lane is taken; the first in its queue looks again by itself."""
    await _enter(services, lane, run, message)
    first = await services.storage.lane_queues.page(_partition(lane), limit=1)
    if first and first[0].key < _key(run):
        await wakeups.schedule(services, run.id, _PATIENCE, in_queue=True)
    elif first and first[0].key == _key(run):
        await wakeups.wake(services, message, _LOOK_SECONDS)


async def call_next(services: Services, lane: str) -> SliceMessage | None:
    """Take the first run out of a lane's queue and return what it goes on from; None if nobody waits."""
    queues = services.storage.lane_queues
    while first := await queues.page(_partition(lane), limit=1):
        [stored] = first
        message = stored.value
        entry = await services.storage.active_runs.get(ALL, message.run_id)
        waits = entry is not None and not await _has_moved_on(services, message)
        # Also of a run that has moved on and whose entry still says that it waits here: its slice may
        # have died before its next message, and the sweep must not take it for one that waits.
        if waits or (entry is not None and entry.value.in_queue):
            await wakeups.schedule(services, message.run_id, 0)
        try:
            await queues.delete(_partition(lane), stored.key, stored.etag)
        except Stale:
            return None  # somebody else has called it
        if waits:
            return message
    return None


async def call_if_free(services: Services, lane: str) -> None:
    """Send the first in a lane's queue on its way unless somebody has the lane."""
    if not await services.storage.lanes.is_held(lane):
        message = await call_next(services, lane)
        if message:
            await services.storage.slices.send(message)


async def _enter(services: Services, lane: str, run: Run, message: SliceMessage) -> None:
    await services.storage.lane_queues.put(_partition(lane), _key(run), message)


async def _has_moved_on(services: Services, message: SliceMessage) -> bool:
    """Say whether a run has moved on since it began to wait, to wait for something else now."""
    checkpoint = await OpenCheckpoint.read(services.storage.checkpoints, message.run_id)
    return checkpoint.value.slice != message.slice


def _partition(lane: str) -> str:
    # A queue is stored as a line, an older word for it.
    return f"line-{lane}"


def _key(run: Run) -> str:
    return f"{run.trigger.at:%Y%m%d%H%M%S%f}-{run.id}"
