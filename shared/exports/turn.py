"""The turn of a run: what has begun to be sent is finished before another run of its export begins.

A run that has set back or lost its host leaves the lane to others. If one of them were a newer run of
the same export, the older one would put old values over the newer ones when it goes on, and what both
write down as delivered would not be what the list was told.
"""

from datetime import timedelta

from shared.domain.message import say
from shared.domain.run import Phase, Run, RunStatus, SliceMessage, split_run_id
from shared.exports.checkpoints import OpenCheckpoint
from shared.exports.names import CHECKPOINT
from shared.exports.services import Services
from shared.exports.wake import wake
from shared.storage.ports import ALL, Stored

_LOOK_SECONDS = 10.0  # between two looks, unless the other run is known to wait for longer


async def begun(services: Services, run: Run) -> Run | None:
    """Return another run of the same export that has begun to be sent and is not over."""
    storage = services.storage
    active = await storage.active_runs.page(
        ALL, after=f"{run.export_id}.", before=f"{run.export_id}/"
    )
    for key in (entry.key for entry in active if entry.key != run.id):
        checkpoint = await storage.checkpoints.get(key, CHECKPOINT)
        if checkpoint is None or checkpoint.value.phase is Phase.PREPARE:
            continue
        other = await storage.runs.get(*split_run_id(key))
        if other is not None and not other.value.status.is_over:
            return other.value
    return None


async def wait_for(
    services: Services, other: Run, stored: Stored[Run], checkpoint: OpenCheckpoint
) -> None:
    """Let a run look again when the other one may be over; raise Fenced or Stale."""
    now = services.clock.now()
    until = max(now + timedelta(seconds=_LOOK_SECONDS), other.resumes_at or now)
    number = checkpoint.value.slice + 1
    await checkpoint.write(checkpoint.value.model_copy(update={"slice": number}))
    reason = say("Waiting for an earlier run of this export to end.")
    run = stored.value.waiting(RunStatus.QUEUED, now, until, reason)
    await services.storage.runs.replace(run.export_id, run.key, run, stored.etag)
    message = SliceMessage(run_id=run.id, slice=number)
    await wake(services, message, (until - now).total_seconds())
