"""Reading all rejects of a run at once, as no caller can."""

from shared.domain.outcomes import Reject
from shared.domain.run import Run
from shared.runs.history import checkpoint_of
from shared.runs.state.rejects import stored_rejects
from shared.services import Services


async def all_rejects(services: Services, run: Run) -> list[Reject]:
    """Return every reject that a run has kept so far."""
    checkpoint = await checkpoint_of(services, run)
    stored = stored_rejects(services.storage.run_files, run.id, checkpoint)
    return [reject async for reject, _ in stored]
