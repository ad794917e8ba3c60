"""Takes what destinations report on jobs. The callers are their servers, which have no token of ours."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from shared.api.allowances import TooMany, address_of
from shared.api.dependencies import TheServices
from shared.api.openapi.declared import documented
from shared.api.paths import REPORTS
from shared.runs.send import import_callbacks
from shared.services import Services

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
@documented(TooMany)
async def report(
    services: TheServices, request: Request, run_id: str, batch: _Batch, token: str = ""
) -> None:
    """Keep what a destination says of a batch until its run ends; the token is the authorisation."""
    await _accept(services, request, run_id, token, batch)


@router.post(
    REPORTS + "/{run_id}/{token}/{batch}",
    status_code=204,
    operation_id="reportJobByPath",
    summary="Where a destination reports on a job of a run that began before addresses had a query",
    deprecated=True,
    openapi_extra=_BODY,
)
@documented(TooMany)
async def report_by_path(
    services: TheServices, request: Request, run_id: str, token: str, batch: _Batch
) -> None:
    """Keep what a destination says of a batch until its run ends; the address is the authorisation."""
    await _accept(services, request, run_id, token, batch)


async def _accept(
    services: Services, request: Request, run_id: str, token: str, batch: int
) -> None:
    """Keep a report; only those with a wrong token count against the address that they come from."""
    try:
        await import_callbacks.accept_report(services, run_id, token, batch, await request.body())
    except import_callbacks.WrongToken:
        request.app.state.allowances.addresses.use(address_of(request.scope))
        raise
