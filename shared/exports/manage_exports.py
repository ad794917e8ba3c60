"""Creating, changing, reading and removing exports. None of it runs one."""

import asyncio
from dataclasses import dataclass

from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.errors import Conflict, NotAllowed, Outdated
from shared.domain.export import Export
from shared.domain.people import Caller
from shared.domain.run import Run, RunStatus
from shared.exports.check_export import check_destination, check_segments, usable_connection
from shared.exports.choices import ExportChanges, ExportChoices
from shared.exports.read_runs import list_runs
from shared.exports.services import Services
from shared.exports.stored import everything, find, new_id, page_of, require_current
from shared.storage.ports import ALL, Stale, Stored

WHAT = "export"


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export as one caller sees it."""

    stored: Stored[Export]
    destination: str | None  # None when the connection is gone
    can_edit: bool
    can_run: bool
    last_run: Run | None


async def list_exports(
    services: Services, caller: Caller, after: str, limit: int
) -> tuple[list[ExportView], str | None]:
    """Return a page of all exports, the oldest first; everybody may read them."""
    found, onward = await page_of(services.storage.exports, after, limit)
    return await asyncio.gather(*(view(services, caller, each) for each in found)), onward


async def find_export(services: Services, caller: Caller, key: str) -> ExportView:
    """Return one export; raise NotFound."""
    return await view(services, caller, await find(services.storage.exports, key, WHAT))


async def require_export(services: Services, key: str) -> None:
    """Raise NotFound unless there is such an export."""
    await find(services.storage.exports, key, WHAT)


async def view(services: Services, caller: Caller, stored: Stored[Export]) -> ExportView:
    """Add to an export what the caller may do with it, and its newest run."""
    connection = await _connection(services, stored.value)
    can_edit = _may_edit(caller, connection)
    ready = connection is not None and connection.status is ConnectionStatus.READY
    runs = await list_runs(services, stored.key, limit=1)
    return ExportView(
        stored=stored,
        destination=connection.destination if connection else None,
        can_edit=can_edit,
        can_run=can_edit and ready,
        last_run=runs[0].value if runs else None,
    )


async def create_export(
    services: Services, caller: Caller, choices: ExportChoices
) -> Stored[Export]:
    """Check the choices and store them; raise Invalid, Conflict or TryLater."""
    connection = await usable_connection(services, caller, choices.connection_id)
    await check_segments(services.storage, choices)
    export = Export(
        id=new_id(services.clock),
        list_name=await check_destination(services, connection, choices),
        created_at=services.clock.now(),
        **choices.model_dump(),
    )
    return Stored(export.id, export, await services.storage.exports.insert(ALL, export.id, export))


async def change_export(
    services: Services, caller: Caller, key: str, etag: str | None, changes: ExportChanges
) -> Stored[Export]:
    """Check what differs and store it; raise NotFound, NotAllowed, Outdated or as `create_export`.

    Unlike a connection's, a change that somebody else's overtakes is not made again by itself: it
    was checked against what was there before.
    """
    stored = await find(services.storage.exports, key, WHAT)
    require_current(stored, etag, WHAT)
    await require_may_edit(services, caller, stored.value)
    changed = await _checked(services, caller, stored.value, changes)
    if changed == stored.value:
        return stored
    try:
        return Stored(
            key, changed, await services.storage.exports.replace(ALL, key, changed, stored.etag)
        )
    except Stale:
        raise Outdated("Somebody changed the export meanwhile. Read it again.") from None


async def remove_export(services: Services, caller: Caller, key: str, etag: str | None) -> None:
    """Remove an export, and what its runs kept of people's addresses; the runs' history stays.

    Raise NotFound, NotAllowed, Outdated, or Conflict while a slice is working on a run.
    """
    storage = services.storage
    stored = await find(storage.exports, key, WHAT)
    require_current(stored, etag, WHAT)
    await require_may_edit(services, caller, stored.value)
    if any(run.status is RunStatus.PROCESSING for run in await _recent(services, key)):
        raise Conflict("A run of this export is under way. Remove the export when it is over.")
    try:
        await storage.exports.delete(ALL, key, stored.etag)
    except Stale:
        raise Outdated("Somebody changed the export meanwhile. Read it again.") from None
    await storage.delivered.delete(f"{key}/")
    await storage.run_files.delete(f"{key}.")  # the beginning of every run's id
    async for asked in everything(storage.bookmarks, key):
        await storage.bookmarks.delete(key, asked.key)


async def require_may_edit(services: Services, caller: Caller, export: Export) -> None:
    """Raise NotAllowed unless the caller can use the export's connection."""
    if not _may_edit(caller, await _connection(services, export)):
        raise NotAllowed(
            "The connection of this export is not shared with contributors. Ask an administrator."
        )


def _may_edit(caller: Caller, connection: Connection | None) -> bool:
    # Without its connection an export is for administrators to put in order.
    return connection.may_be_used_by(caller) if connection else caller.is_administrator


async def _connection(services: Services, export: Export) -> Connection | None:
    stored = await services.storage.connections.get(ALL, export.connection_id)
    return stored.value if stored else None


async def _checked(
    services: Services, caller: Caller, before: Export, changes: ExportChanges
) -> Export:
    """Return the export with the changes; only what differs is asked of destination and segments."""
    after = before.model_copy(update=changes.given())
    moved = _differ(before, after, "connection_id", "list_id")
    remapped = _differ(before, after, "fields", "clear_when_empty", "options")
    reread = _differ(before, after, "segments")
    if not (moved or remapped or reread):
        return after
    # A run reads its export more than once; changed half-way, it would send to two lists.
    if any(not run.status.is_over for run in await _recent(services, before.id)):
        raise Conflict(
            "A run of this export is under way. Until it is over, only the name and when it runs "
            "can be changed."
        )
    connection = await usable_connection(services, caller, after.connection_id)
    choices = ExportChoices(**after.model_dump(include=set(ExportChoices.model_fields)))
    if remapped or reread:
        await check_segments(services.storage, choices)
    if moved or remapped:
        name = await check_destination(services, connection, choices)
        return after.model_copy(update={"list_name": name})
    return after


def _differ(before: Export, after: Export, *names: str) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)


async def _recent(services: Services, key: str) -> list[Run]:
    """Return the newest runs, which are the only ones that may not be over yet."""
    return [stored.value for stored in await list_runs(services, key, limit=20)]
