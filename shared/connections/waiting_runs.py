"""Going on with runs that stopped because their connection needed sign-in."""

from shared.domain.message import say
from shared.domain.run import RunStatus, SliceMessage, split_run_id
from shared.services import Services
from shared.storage.entries import ALL, ActiveRun
from shared.storage.paths import CHECKPOINT


def waiting(connection_id: str) -> str:
    """Return the partition of the due index with the runs that wait for a connection's sign-in."""
    return f"waiting-{connection_id}"


async def resume_runs(services: Services, connection_id: str) -> None:
    """Put every run that stopped half-way for want of a sign-in back to work from its checkpoint."""
    storage = services.storage
    while entries := await storage.active_runs.page(waiting(connection_id)):
        for entry in entries:
            await _resume(services, entry.value)
            await storage.active_runs.delete(waiting(connection_id), entry.key)


async def _resume(services: Services, entry: ActiveRun) -> None:
    storage, now = services.storage, services.clock.now()
    stored = await storage.runs.get(*split_run_id(entry.run_id))
    if stored is None or stored.value.status is not RunStatus.SKIPPED:
        return
    again = stored.value.waiting(RunStatus.QUEUED, now, now, say("Signed in again; going on."))
    again = again.model_copy(update={"finished_at": None, "progress": None})
    index = entry.model_copy(update={"wakes_at": now})
    await storage.active_runs.put(ALL, entry.run_id, index)
    await storage.runs.replace(again.export_id, again.key, again, stored.etag)
    # Once more: until now a sweep could take the entry for one of a run that is over.
    await storage.active_runs.put(ALL, entry.run_id, index)
    checkpoint = await storage.checkpoints.get(again.id, CHECKPOINT)
    number = checkpoint.value.slice if checkpoint else 0
    await storage.slices.send(SliceMessage(run_id=again.id, slice=number))
