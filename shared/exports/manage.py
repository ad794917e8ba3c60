"""Creating, changing, copying and removing exports. None of it runs one."""

from collections.abc import Callable

from shared.connections.index import placed
from shared.domain.audit import Action, Actor
from shared.domain.errors import Conflict, NotAllowed, Outdated
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.people import Caller
from shared.domain.run import Run, RunStatus
from shared.exports.schemas import ExportChanges, ExportChoices
from shared.exports.validation import check_destination, check_segments, usable_connection
from shared.exports.views import MESSAGES, connection_of
from shared.people.audit_trail import recorded
from shared.records.records import ReadVersions, find, new_id, require_current, scan
from shared.schedules.index import enter_changed
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import Stale, Stored

_LONGEST_NAME = 100


async def create_export(
    services: Services, caller: Caller, choices: ExportChoices
) -> Stored[Export]:
    """Check the choices and store them; raise Invalid, Conflict or TryLater."""
    connection = await usable_connection(services, caller, choices.connection_id)
    now = services.clock.now()
    export = Export(
        id=new_id(services.clock),
        destination=connection.destination,
        list_name="",
        created_at=now,
        attached_at=now,
        scheduled_at=now,
        **choices.model_dump(),
    )
    await check_segments(services, export)
    export = await check_destination(services, connection, export)
    return await _insert(services, caller, Action.EXPORT_CREATED, export)


async def change_export(
    services: Services, caller: Caller, key: str, read: ReadVersions, changes: ExportChanges
) -> Stored[Export]:
    """Check what differs and store it; raise NotFound, NotAllowed, Outdated or as `create_export`."""
    stored = await find_to_edit(services, caller, key, read)
    changed = await _checked(services, caller, stored.value, changes)
    if _works_otherwise(stored.value, changed):
        await require_no_run(
            services,
            key,
            say(
                "A run of this export is under way. Until it is over, only the name and when it "
                "runs can be changed."
            ),
        )
    return await replace_export(services, caller, Action.EXPORT_CHANGED, stored, changed)


async def copy_export(
    services: Services, caller: Caller, key: str, name: str | None, worded: Callable[[Message], str]
) -> Stored[Export]:
    """Store a copy of an export; raise NotFound or NotAllowed.

    Without a name it is called a copy of the original, as `worded` puts that.

    It is as the original, with nothing asked again, and delivers everything on its first run.
    """
    original = (await find_to_edit(services, caller, key, None)).value
    now = services.clock.now()
    update = {
        "id": new_id(services.clock),
        "name": name or worded(say("Copy of {name}", name=original.name))[:_LONGEST_NAME].rstrip(),
        "created_at": now,
        "attached_at": now,
        "scheduled_at": now,
    }
    copy = original.model_copy(update=update)
    return await _insert(services, caller, Action.EXPORT_COPIED, copy)


async def remove_export(services: Services, caller: Caller, key: str, read: ReadVersions) -> None:
    """Remove an export, and what its runs kept of people's addresses; the runs' history stays.

    Raise NotFound, NotAllowed, Outdated, or Conflict while a slice is working on a run.
    """
    storage = services.storage
    stored = await find_to_edit(services, caller, key, read)
    if any(run.status is RunStatus.PROCESSING for run in await recent(services, key)):
        raise Conflict(say("A run of this export is under way. Remove the export when it is over."))
    by = Actor.of(caller.person)
    try:
        async with (
            placed(services.storage, stored.value, None),
            recorded(services, by, Action.EXPORT_REMOVED, stored.value, None),
        ):
            await storage.exports.delete(ALL, key, stored.etag)
    except Stale:
        raise Outdated(MESSAGES.outdated) from None
    await storage.delivered.delete(f"{key}/")
    await storage.run_files.delete(f"{key}.")  # the beginning of every run's id
    async for asked in scan(storage.request_keys, key):
        await storage.request_keys.delete(key, asked.key)
    async for bookmark in scan(storage.bookmarks, key):  # what keys once were kept as
        await storage.bookmarks.delete(key, bookmark.key)


async def find_to_edit(
    services: Services, caller: Caller, key: str, read: ReadVersions
) -> Stored[Export]:
    """Return an export that the caller means to change; raise NotFound, Outdated or NotAllowed."""
    stored = await find(services.storage.exports, key, MESSAGES)
    require_current(stored, read, MESSAGES)
    await require_may_edit(services, caller, stored.value)
    return stored


async def require_may_edit(services: Services, caller: Caller, export: Export) -> None:
    """Raise NotAllowed unless the caller manages the export."""
    connection = await connection_of(services, export.connection_id)
    if not export.may_be_edited_by(caller, connection):
        raise NotAllowed(
            say(
                "The connection of this export is not shared with contributors. Ask an "
                "administrator."
            )
        )


async def require_no_run(services: Services, key: str, otherwise: Message) -> None:
    """Raise Conflict while a run of the export is not over.

    A run that begins right after this was looked at finds out that the export has another target.
    """
    if any(not run.status.is_over for run in await recent(services, key)):
        raise Conflict(otherwise)


async def replace_export(
    services: Services, caller: Caller, action: Action, stored: Stored[Export], changed: Export
) -> Stored[Export]:
    """Store a changed export; raise Outdated.

    Unlike a connection's, a change that somebody else's overtakes is not made again by itself: it
    was checked against what was there before.
    """
    if changed == stored.value:
        return stored
    by, records = Actor.of(caller.person), services.storage.exports
    try:
        async with (
            placed(services.storage, stored.value, changed),
            recorded(services, by, action, stored.value, changed),
        ):
            await enter_changed(services, stored.value, changed)
            etag = await records.replace(ALL, stored.key, changed, stored.etag)
    except Stale:
        raise Outdated(MESSAGES.outdated) from None
    return Stored(stored.key, changed, etag)


async def recent(services: Services, key: str) -> list[Run]:
    """Return the newest runs, which are the only ones that may not be over yet."""
    return [stored.value for stored in await services.storage.runs.page(key, limit=20)]


async def _insert(
    services: Services, caller: Caller, action: Action, export: Export
) -> Stored[Export]:
    async with (
        placed(services.storage, None, export),
        recorded(services, Actor.of(caller.person), action, None, export),
    ):
        await enter_changed(services, None, export)
        etag = await services.storage.exports.insert(ALL, export.id, export)
    return Stored(export.id, export, etag)


async def _checked(
    services: Services, caller: Caller, before: Export, changes: ExportChanges
) -> Export:
    """Return the export with the changes; only what differs is asked of destination and segments."""
    after = before.model_copy(update=changes.given())
    remapped = _differ(before, after, "fields", "clear_when_empty", "options")
    moved = remapped or _differ(before, after, "connection_id", "list_id")
    if moved and before.is_detached:
        raise Conflict(
            say(
                "The export is detached. Attach it first: POST …/attach takes list and fields, too."
            )
        )
    if remapped or _differ(before, after, "segments"):
        await check_segments(services, after)
    if after.connection_id is None or not _works_otherwise(before, after):
        return after
    connection = await usable_connection(services, caller, after.connection_id)
    if not moved:
        return after
    checked = await check_destination(services, connection, after)
    return checked.model_copy(update={"destination": connection.destination})


def _works_otherwise(before: Export, after: Export) -> bool:
    # A run reads its export more than once; changed half-way, it would send to two lists.
    return before.target_digest != after.target_digest or before.segments != after.segments


def _differ(before: Export, after: Export, *names: str) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)
