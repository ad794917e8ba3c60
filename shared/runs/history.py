"""Reading one run for people, or the runs of one export; `index` lists those of all exports."""

from collections.abc import AsyncIterator, Sequence

from shared.domain.audit import Action, Actor, Object, ObjectKind
from shared.domain.errors import NotFound
from shared.domain.message import say
from shared.domain.outcomes import Reject
from shared.domain.people import Caller
from shared.domain.run import Checkpoint, Progress, Run, split_run_id
from shared.people.audit_trail import record
from shared.runs.state.rejects import stored_rejects
from shared.services import Services
from shared.storage.entries import ALL, SettingsTable
from shared.storage.paths import CHECKPOINT
from shared.storage.ports import Stored


async def find_run(services: Services, run_id: str) -> Run:
    """Return a run by its public id; raise NotFound."""
    export_id, key = split_run_id(run_id)
    stored = await services.storage.runs.get(export_id, key) if export_id and key else None
    if stored is None:
        raise NotFound(say("There is no such run."))
    return stored.value


async def list_runs(
    services: Services, export_id: str, after: str = "", limit: int = 50
) -> Sequence[Stored[Run]]:
    """Return an export's runs, newest first, from behind the key `after`."""
    return await services.storage.runs.page(export_id, after=after, limit=limit)


async def run_progress(services: Services, run: Run) -> Progress:
    """Return how far a run has come."""
    return run.progress or (await _checkpoint(services, run)).as_progress()


async def is_canceling(services: Services, run: Run) -> bool:
    """Say whether somebody has canceled a run that is not over yet."""
    if run.status.is_over:
        return False
    return await services.storage.bookmarks.get(SettingsTable.CANCELS, run.id) is not None


async def record_download(services: Services, caller: Caller, run: Run) -> None:
    """Record that somebody reads a run's rejects: they hold addresses, which leave the app here."""
    export = await services.storage.exports.get(ALL, run.export_id)
    name = export.value.name if export else ""  # its runs outlive it
    of = Object(kind=ObjectKind.EXPORT, id=run.export_id, name=name)
    await record(services, Actor.of(caller.person), Action.REJECTS_DOWNLOADED, of, run=run.id)


async def reject_lines(services: Services, run: Run) -> AsyncIterator[Reject]:
    """Yield every row of a run that was not accepted and not unchanged, as far as it has come."""
    checkpoint = await _checkpoint(services, run)
    async for reject, _ in stored_rejects(services.storage.run_files, run.id, checkpoint):
        yield reject


async def _checkpoint(services: Services, run: Run) -> Checkpoint:
    stored = await services.storage.checkpoints.get(run.id, CHECKPOINT)
    return stored.value if stored else Checkpoint()
