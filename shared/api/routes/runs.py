"""Shows and cancels runs of all exports, and gives out the rows that they did not bring across."""

import csv
import io
import re
from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from shared.api.dependencies import After, AnyCaller, Contributor, Limit, Page, TheServices, cursor
from shared.api.openapi.declared import documented
from shared.api.paths import RUNS
from shared.api.schemas.runs import RunDetail, RunItem, run_detail, run_items
from shared.api.wording import spoken, worded
from shared.domain.errors import Conflict
from shared.domain.outcomes import REJECT_COLUMNS, Reject
from shared.domain.people import Language
from shared.runs.cancel import cancel_run
from shared.runs.history import find_run, record_download, reject_lines
from shared.runs.index import newest_runs

router = APIRouter(prefix=RUNS, tags=["runs"])

# Spreadsheets take a file for UTF-8 by the mark that it begins with.
_MARK = "\ufeff"
# What Excel separates by where commas are decimal; everywhere else it is the comma.
_SEPARATORS = {Language.SWEDISH: ";", Language.FRENCH: ";"}
# Before what a spreadsheet may take for a formula: a sign, also in its wide form, where a cell begins. To
# one that separates by something else than we do, a cell may begin within one of ours.
_FORMULA = re.compile(
    r"(?:\A|(?<=[,;|\t\r\n]))(?=[ \u00a0\u3000\"]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])"
)


@router.get("", operation_id="listRuns", summary="Runs of all exports")
async def list_all(services: TheServices, after: After, limit: Limit = 50) -> Page[RunItem]:
    """Return a page of runs, the newest first."""
    found, onward = await newest_runs(services.storage, after, limit)
    return Page(items=await run_items(services, found), next=cursor(onward))


@router.get("/{key}", operation_id="getRun", summary="One run with its progress")
async def get(services: TheServices, key: str) -> RunDetail:
    """Return a run."""
    return await run_detail(services, await find_run(services, key))


@router.post("/{key}/cancel", status_code=202, operation_id="cancelRun", summary="Cancel a run")
@documented(Conflict)
async def cancel(services: TheServices, caller: Contributor, key: str) -> RunDetail:
    """Have a run end without sending any more; 409 when it is over.

    A run that is being worked on ends once the requests under way are answered, and the destination has
    told what became of the jobs that it has, at most an hour later. Until then it is `canceling`.
    """
    return await run_detail(services, await cancel_run(services, caller, key))


@router.get(
    "/{key}/rejects",
    operation_id="listRejects",
    summary="Rows that were not accepted, as CSV",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def rejects(services: TheServices, caller: AnyCaller, key: str) -> StreamingResponse:
    """Return the rejects so far. No cell is one that a spreadsheet would run as a formula.

    It begins with a byte order mark, and is separated by semicolons in Swedish and French: so Excel opens
    it right.
    """
    run = await find_run(services, key)
    await record_download(services, caller, run)
    return StreamingResponse(
        _csv(reject_lines(services, run)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="rejects-{run.id}.csv"'},
    )


async def _csv(lines: AsyncIterator[Reject]) -> AsyncIterator[str]:
    separator = _SEPARATORS.get(spoken.get(), ",")
    yield _MARK + line(REJECT_COLUMNS, separator)
    async for reject in lines:
        cells = {column: str(getattr(reject, column)) for column in REJECT_COLUMNS}
        yield line([*(cells | {"reason": worded(reject.reason)}).values()], separator)


def line(cells: Sequence[str], separator: str) -> str:
    """Return a line of CSV of cells that are made inert."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator).writerow(map(inert, cells))
    return buffer.getvalue()


def inert(cell: str) -> str:
    """Return a cell that spreadsheets take for text (OWASP, "CSV injection")."""
    return _FORMULA.sub("'", cell)
