"""Exports: which segments go to which list with which fields."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import Field

from shared.api.dependencies import (
    After,
    AnyCaller,
    Contributor,
    IfMatch,
    Limit,
    Page,
    TheServices,
    cursor,
    tagged,
)
from shared.api.documented import documented
from shared.api.items import ExportItem, RunDetail, RunItem, export_item, run_detail, run_items
from shared.domain.errors import BatchRefused, Conflict
from shared.domain.export import Export
from shared.domain.people import Caller
from shared.domain.run import Mode
from shared.exports import manage_exports
from shared.exports.choices import Chosen, ExportChanges, ExportChoices
from shared.exports.read_runs import list_runs
from shared.exports.run_on_demand import run_on_demand
from shared.exports.services import Services
from shared.storage.ports import Stored

router = APIRouter(prefix="/api/v1/exports", tags=["exports"])


class RunBody(Chosen, frozen=True):
    """Which profiles to send: those that changed since the last successful run, or all."""

    mode: Annotated[Mode, Field(strict=False)] = Mode.CHANGES


async def _answer(
    response: Response, services: Services, caller: Caller, stored: Stored[Export]
) -> ExportItem:
    tagged(response, stored.etag)
    return export_item(await manage_exports.view(services, caller, stored))


@router.get("", operation_id="listExports", summary="All exports")
async def list_all(
    services: TheServices, caller: AnyCaller, after: After, limit: Limit = 50
) -> Page[ExportItem]:
    """Return a page of exports, the oldest first; each says what the caller may do with it."""
    found, onward = await manage_exports.list_exports(services, caller, after, limit)
    return Page(items=[export_item(each) for each in found], next=cursor(onward))


@router.post("", status_code=201, operation_id="createExport", summary="Create an export")
@documented(Conflict, BatchRefused, etag=True, location="/api/v1/exports/{key}")
async def create(
    services: TheServices, caller: Contributor, body: ExportChoices, response: Response
) -> ExportItem:
    """Check everything at the destination and in the segments, then save. Saving runs nothing."""
    stored = await manage_exports.create_export(services, caller, body)
    response.headers["Location"] = f"/api/v1/exports/{stored.key}"
    return await _answer(response, services, caller, stored)


@router.get("/{key}", operation_id="getExport", summary="One export")
@documented(etag=True)
async def get(services: TheServices, caller: AnyCaller, key: str, response: Response) -> ExportItem:
    """Return an export."""
    view = await manage_exports.find_export(services, caller, key)
    tagged(response, view.stored.etag)
    return export_item(view)


@router.patch("/{key}", operation_id="changeExport", summary="Change an export")
@documented(Conflict, BatchRefused, etag=True)
async def change(
    services: TheServices,
    caller: Contributor,
    key: str,
    etag: IfMatch,
    body: ExportChanges,
    response: Response,
) -> ExportItem:
    """Check and change what is given; 409 while a run depends on it."""
    stored = await manage_exports.change_export(services, caller, key, etag, body)
    return await _answer(response, services, caller, stored)


@router.delete("/{key}", status_code=204, operation_id="removeExport", summary="Remove an export")
@documented(Conflict)
async def remove(services: TheServices, caller: Contributor, key: str, etag: IfMatch) -> None:
    """Remove an export with its rejects; the destination's list stays as it is."""
    await manage_exports.remove_export(services, caller, key, etag)


@router.post("/{key}/run", status_code=202, operation_id="runExport", summary="Run an export now")
@documented(Conflict, location="/api/v1/runs/{key}")
async def run(
    services: TheServices,
    caller: Contributor,
    key: str,
    response: Response,
    body: RunBody | None = None,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, description="The same key is the same run."),
    ] = None,
) -> RunDetail:
    """Begin a run and return it; it goes on by itself."""
    mode = body.mode if body else Mode.CHANGES
    begun = await run_on_demand(services, caller, key, mode, idempotency_key)
    response.headers["Location"] = f"/api/v1/runs/{begun.id}"
    return await run_detail(services, begun)


@router.get("/{key}/runs", operation_id="listExportRuns", summary="Runs of an export")
async def runs(services: TheServices, key: str, after: After, limit: Limit = 50) -> Page[RunItem]:
    """Return a page of the export's runs, the newest first."""
    await manage_exports.require_export(services, key)
    found = await list_runs(services, key, after, limit + 1)
    onward = found[limit - 1].key if len(found) > limit else None
    items = await run_items(services, [each.value for each in found[:limit]])
    return Page(items=items, next=cursor(onward))
