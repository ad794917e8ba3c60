"""Takes what destinations report on jobs. The callers are their servers, which have no token of ours."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from shared.api.dependencies import TheServices
from shared.api.paths import REPORTS
from shared.runs.send import import_callbacks

router = APIRouter(tags=["runs"])

_BYTES = {"type": "string", "format": "binary"}  # whatever the destination posts


@router.post(
    REPORTS + "/{run_id}/{token}/{batch}",
    status_code=204,
    operation_id="reportJob",
    summary="Where a destination reports on a job",
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {"schema": _BYTES}}}},
)
async def report(
    services: TheServices,
    request: Request,
    run_id: str,
    token: str,
    batch: Annotated[int, Path(ge=0, le=10_000_000)],
) -> None:
    """Keep what a destination says of a batch until its run ends; the address is the authorisation."""
    await import_callbacks.accept_report(services, run_id, token, batch, await request.body())
