"""Creates, changes and runs exports: which segments go to which list with which fields."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, Field

from shared.api.dependencies import (
    After,
    AnyCaller,
    Contributor,
    IfMatch,
    Limit,
    Page,
    TheServices,
    TheWanted,
    cursor,
    tagged,
)
from shared.api.openapi.declared import documented
from shared.api.paths import EXPORTS, RUNS
from shared.api.schemas.exports import (
    ExportItem,
    LeftOutItem,
    SavedExportItem,
    export_item,
    left_out_items,
    saved_export_item,
)
from shared.api.schemas.runs import (
    AskedRun,
    BegunRun,
    PreviewItem,
    RunItem,
    asked_run,
    begun_run,
    preview_item,
    run_items,
)
from shared.api.wording import worded
from shared.domain.errors import BadSegment, BatchRefused, Conflict, NeedsAttention
from shared.domain.export import Export
from shared.domain.people import Caller
from shared.domain.run import Mode
from shared.exports import manage
from shared.exports.attach import attach_export, detach_export
from shared.exports.schemas import Attachment, CopyChoices, ExportChanges, ExportChoices
from shared.exports.views import Filters, find_export, list_exports, require_export, view
from shared.exports.warnings import warnings
from shared.records.chosen import Chosen
from shared.runs.history import list_runs
from shared.runs.preview.preview import preview
from shared.services import Services
from shared.storage.ports import Stored
from shared.triggers.on_demand import run_all, run_on_demand

router = APIRouter(prefix=EXPORTS, tags=["exports"])


class RunBody(Chosen, frozen=True):
    """Which profiles to send: those that changed since the last successful run, or all."""

    mode: Annotated[Mode, Field(strict=False)] = Mode.CHANGES


type RequestKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Of one caller the same key with the same body is the same request, however often it "
        "is sent; with another body it is refused.",
    ),
]


class RunsOfAll(BaseModel):
    """The runs of all exports with an active schedule, and which exports have none."""

    runs: list[BegunRun]
    left_out: list[LeftOutItem]


async def _saved(
    response: Response, services: Services, caller: Caller, stored: Stored[Export]
) -> SavedExportItem:
    """Answer with an export that is stored by now: counting its members may take a while."""
    tagged(response, stored.etag)
    warned = await warnings(services, stored.value)
    return saved_export_item(await view(services, caller, stored), warned)


async def _filters(
    connection: Annotated[str | None, Query(max_length=100, description="On this one.")] = None,
    destination: Annotated[str | None, Query(max_length=100, description="To this one.")] = None,
    active: Annotated[bool | None, Query(description="Whether triggers run it.")] = None,
) -> Filters:
    return Filters(connection, destination, active)


@router.get("", operation_id="listExports", summary="All exports")
async def list_all(
    services: TheServices,
    caller: AnyCaller,
    wanted: TheWanted,
    filters: Annotated[Filters, Depends(_filters)],
) -> Page[ExportItem]:
    """Return a page of exports; each says what the caller may do with it, and if it is active."""
    found, onward = await list_exports(services, caller, wanted, filters)
    return Page(items=[export_item(each) for each in found], next=cursor(onward))


@router.post("", status_code=201, operation_id="createExport", summary="Create an export")
@documented(Conflict, BatchRefused, etag=True, location=EXPORTS + "/{key}")
async def create(
    services: TheServices, caller: Contributor, body: ExportChoices, response: Response
) -> SavedExportItem:
    """Check everything at the destination and in the segments, then save. Saving runs nothing."""
    stored = await manage.create_export(services, caller, body)
    response.headers["Location"] = f"{EXPORTS}/{stored.key}"
    return await _saved(response, services, caller, stored)


@router.get("/{key}", operation_id="getExport", summary="One export")
@documented(etag=True)
async def get(services: TheServices, caller: AnyCaller, key: str, response: Response) -> ExportItem:
    """Return an export."""
    found = await find_export(services, caller, key)
    tagged(response, found.stored.etag)
    return export_item(found)


@router.patch("/{key}", operation_id="changeExport", summary="Change an export")
@documented(Conflict, BatchRefused, etag=True)
async def change(
    services: TheServices,
    caller: Contributor,
    key: str,
    etag: IfMatch,
    body: ExportChanges,
    response: Response,
) -> SavedExportItem:
    """Check and change what is given; 409 while a run depends on it."""
    stored = await manage.change_export(services, caller, key, etag, body)
    return await _saved(response, services, caller, stored)


@router.delete("/{key}", status_code=204, operation_id="removeExport", summary="Remove an export")
@documented(Conflict)
async def remove(services: TheServices, caller: Contributor, key: str, etag: IfMatch) -> None:
    """Remove an export with its rejects; the destination's list stays as it is."""
    await manage.remove_export(services, caller, key, etag)


@router.post(
    "/{key}/duplicate", status_code=201, operation_id="copyExport", summary="Copy an export"
)
@documented(etag=True, location=EXPORTS + "/{key}")
async def duplicate(
    services: TheServices,
    caller: Contributor,
    key: str,
    response: Response,
    body: CopyChoices | None = None,
) -> SavedExportItem:
    """Save a copy under another name. It runs nothing, and delivers everything on its first run."""
    stored = await manage.copy_export(services, caller, key, body.name if body else None, worded)
    response.headers["Location"] = f"{EXPORTS}/{stored.key}"
    return await _saved(response, services, caller, stored)


@router.post(
    "/{key}/detach", operation_id="detachExport", summary="Take an export's connection away"
)
@documented(Conflict, etag=True)
async def detach(
    services: TheServices, caller: Contributor, key: str, etag: IfMatch, response: Response
) -> ExportItem:
    """Make an export inactive until a connection is attached; 409 while a run is not over."""
    stored = await detach_export(services, caller, key, etag)
    tagged(response, stored.etag)
    return export_item(await view(services, caller, stored))


@router.post("/{key}/attach", operation_id="attachExport", summary="Attach a detached export again")
@documented(Conflict, BatchRefused, etag=True)
async def attach(
    services: TheServices,
    caller: Contributor,
    key: str,
    etag: IfMatch,
    body: Attachment,
    response: Response,
) -> SavedExportItem:
    """Check list, fields and options, then make the export active. Its next run sends everything."""
    stored = await attach_export(services, caller, key, etag, body)
    return await _saved(response, services, caller, stored)


@router.post(
    "/run-all",
    status_code=202,
    operation_id="runAllExports",
    summary="Run every export whose schedule is active",
)
async def run_every(
    services: TheServices,
    caller: Contributor,
    body: RunBody | None = None,
    idempotency_key: RequestKey = None,
) -> RunsOfAll:
    """Begin a run of each export that the caller may run, has a connection and is not off.

    Where one of the same mode waits already, that is joined.
    """
    mode = body.mode if body else Mode.CHANGES
    begun, left_out = await run_all(services, caller, mode, idempotency_key)
    runs = [begun_run(each) for each in begun]
    return RunsOfAll(runs=runs, left_out=left_out_items(left_out))


@router.post("/{key}/run", status_code=202, operation_id="runExport", summary="Run an export now")
@documented(Conflict, location=RUNS + "/{key}")
async def run(
    services: TheServices,
    caller: Contributor,
    key: str,
    response: Response,
    body: RunBody | None = None,
    idempotency_key: RequestKey = None,
) -> AskedRun:
    """Begin a run, or join one of the same mode that waits, and return it; it goes on by itself."""
    mode = body.mode if body else Mode.CHANGES
    begun = await run_on_demand(services, caller, key, mode, idempotency_key)
    response.headers["Location"] = f"{RUNS}/{begun.run.id}"
    return await asked_run(services, caller, begun)


@router.post(
    "/{key}/preview",
    operation_id="previewExport",
    summary="See what a run would send, sending nothing",
)
@documented(Conflict, BadSegment, NeedsAttention, BatchRefused)
async def see(
    services: TheServices, caller: Contributor, key: str, body: RunBody | None = None
) -> PreviewItem:
    """Read and check all that a run would, and show the first requests. Nothing is sent or stored.

    The answer holds personal data. It takes as long as reading the files, up to some three minutes.
    """
    return preview_item(await preview(services, caller, key, body.mode if body else Mode.CHANGES))


@router.get("/{key}/runs", operation_id="listExportRuns", summary="Runs of an export")
async def runs(
    services: TheServices, caller: AnyCaller, key: str, after: After, limit: Limit = 50
) -> Page[RunItem]:
    """Return a page of the export's runs, the newest first."""
    await require_export(services, key)
    found = await list_runs(services, key, after, limit + 1)
    onward = found[limit - 1].key if len(found) > limit else None
    items = await run_items(services, caller, [each.value for each in found[:limit]])
    return Page(items=items, next=cursor(onward))
