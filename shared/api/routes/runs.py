"""Shows and cancels runs of all exports."""

from fastapi import APIRouter

from shared.api.dependencies import After, AnyCaller, Contributor, Limit, Page, TheServices, cursor
from shared.api.openapi.declared import documented
from shared.api.paths import RUNS
from shared.api.schemas.runs import RunDetail, RunItem, run_detail, run_items
from shared.domain.errors import Conflict
from shared.runs.cancel import cancel_run
from shared.runs.history import find_run
from shared.runs.index import newest_runs

router = APIRouter(prefix=RUNS, tags=["runs"])


@router.get("", operation_id="listRuns", summary="Runs of all exports")
async def list_all(
    services: TheServices, caller: AnyCaller, after: After, limit: Limit = 50
) -> Page[RunItem]:
    """Return a page of runs, the newest first."""
    found, onward = await newest_runs(services.storage, after, limit)
    return Page(items=await run_items(services, caller, found), next=cursor(onward))


@router.get("/{key}", operation_id="getRun", summary="One run with its progress")
async def get(services: TheServices, caller: AnyCaller, key: str) -> RunDetail:
    """Return a run."""
    return await run_detail(services, caller, await find_run(services, key))


@router.post("/{key}/cancel", status_code=202, operation_id="cancelRun", summary="Cancel a run")
@documented(Conflict)
async def cancel(services: TheServices, caller: Contributor, key: str) -> RunDetail:
    """Have a run end without sending any more; 409 when it is over.

    A run that is being worked on ends once the requests under way are answered, and the destination has
    told what became of the jobs that it has, at most an hour later. Until then it is `canceling`.
    """
    return await run_detail(services, caller, await cancel_run(services, caller, key))
