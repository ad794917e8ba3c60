"""Reading one run for people, or the runs of one export; `index` lists those of all exports."""

from collections.abc import Sequence

from shared.domain.errors import NotFound
from shared.domain.message import say
from shared.domain.run import Checkpoint, Progress, Run, split_run_id
from shared.services import Services
from shared.storage.entries import SettingsTable
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
    return run.progress or (await checkpoint_of(services, run)).as_progress()


async def is_canceling(services: Services, run: Run) -> bool:
    """Say whether somebody has canceled a run that is not over yet."""
    if run.status.is_over:
        return False
    return await services.storage.bookmarks.get(SettingsTable.CANCELS, run.id) is not None


async def checkpoint_of(services: Services, run: Run) -> Checkpoint:
    """Return where a run goes on from, or where it ended."""
    stored = await services.storage.checkpoints.get(run.id, CHECKPOINT)
    return stored.value if stored else Checkpoint()
