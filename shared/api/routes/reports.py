"""Takes what destinations report on jobs. The callers are their servers, which have no token of ours."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from shared.api.dependencies import TheServices
from shared.api.paths import REPORTS
from shared.runs.send import import_callbacks

router = APIRouter(tags=["runs"])

_BYTES = {"type": "string", "format": "binary"}  # whatever the destination posts


_BODY = {"requestBody": {"content": {"application/octet-stream": {"schema": _BYTES}}}}

type _Batch = Annotated[int, Path(ge=0, le=10_000_000)]


@router.post(
    REPORTS + "/{run_id}/{batch}",
    status_code=204,
    operation_id="reportJob",
    summary="Where a destination reports on a job",
    openapi_extra=_BODY,
)
async def report(
    services: TheServices, request: Request, run_id: str, batch: _Batch, token: str = ""
) -> None:
    """Keep what a destination says of a batch until its run ends; the token is the authorisation."""
    await import_callbacks.accept_report(services, run_id, token, batch, await request.body())


@router.post(
    REPORTS + "/{run_id}/{token}/{batch}",
    status_code=204,
    operation_id="reportJobByPath",
    summary="Where a destination reports on a job of a run that began before addresses had a query",
    deprecated=True,
    openapi_extra=_BODY,
)
async def report_by_path(
    services: TheServices, request: Request, run_id: str, token: str, batch: _Batch
) -> None:
    """Keep what a destination says of a batch until its run ends; the address is the authorisation."""
    await import_callbacks.accept_report(services, run_id, token, batch, await request.body())
