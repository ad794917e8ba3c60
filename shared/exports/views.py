"""Reading exports: one, or a page of all of them, each with what its reader may do with it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from shared.domain.connection import Connection
from shared.domain.export import Export, Idle
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.run import Run
from shared.records.paging import Wanted, listed
from shared.records.records import LARGEST_PAGE, RecordMessages, find, scan
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import Stored

MESSAGES = RecordMessages(
    none=say("There is no such export."),
    outdated=say("Somebody changed the export since you read it. Read it again."),
    busy=say("Others are changing the export right now. Try again."),
)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which exports somebody wants to see; None is all."""

    connection_id: str | None = None
    destination: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class ExportView:
    """An export as one caller sees it."""

    stored: Stored[Export]
    can_edit: bool
    can_run: bool
    idle: Idle | None  # why no trigger runs it
    last_run: Run | None


async def list_exports(
    services: Services, caller: Caller, wanted: Wanted, filters: Filters
) -> tuple[list[ExportView], str | None]:
    """Return a page of all exports; everybody may read them."""
    records = services.storage.exports
    among = await _among(services, filters)
    found, onward = await listed(records, wanted, lambda each: each.name, among)
    connections = await _connections_of(services, [each.value for each in found])
    views = (_view(services, caller, each, connections[each.value.connection_id]) for each in found)
    return await asyncio.gather(*views), onward


async def find_export(services: Services, caller: Caller, key: str) -> ExportView:
    """Return one export; raise NotFound."""
    return await view(services, caller, await find(services.storage.exports, key, MESSAGES))


async def editable(services: Services, caller: Caller, keys: Iterable[str]) -> frozenset[str]:
    """Return which of these exports are there and may be edited by the caller."""
    if not caller.is_contributor:
        return frozenset()
    found = await asyncio.gather(*(services.storage.exports.get(ALL, key) for key in set(keys)))
    exports = [stored.value for stored in found if stored]
    connections = await _connections_of(services, exports)
    return frozenset(
        each.id
        for each in exports
        if each.may_be_edited_by(caller, connections[each.connection_id])
    )


async def require_export(services: Services, key: str) -> None:
    """Raise NotFound unless there is such an export."""
    await find(services.storage.exports, key, MESSAGES)


async def view(services: Services, caller: Caller, stored: Stored[Export]) -> ExportView:
    """Add to an export what the caller may do with it, and its newest run."""
    connection = await connection_of(services, stored.value.connection_id)
    return await _view(services, caller, stored, connection)


async def connection_of(services: Services, key: str | None) -> Connection | None:
    """Return the connection with this id; None if there is none any more, or for no id."""
    stored = await services.storage.connections.get(ALL, key) if key else None
    return stored.value if stored else None


async def _connections_of(
    services: Services, exports: Iterable[Export]
) -> Mapping[str | None, Connection | None]:
    """Return the connection of each of these exports, by its id."""
    keys = {export.connection_id for export in exports}
    read = await asyncio.gather(*(connection_of(services, key) for key in keys))
    return dict(zip(keys, read, strict=True))


async def all_connections(services: Services) -> Mapping[str | None, Connection]:
    """Return every connection by its id, for whoever has to look at every export."""
    records = services.storage.connections
    return {stored.key: stored.value async for stored in scan(records, size=LARGEST_PAGE)}


async def _view(
    services: Services, caller: Caller, stored: Stored[Export], connection: Connection | None
) -> ExportView:
    export = stored.value
    idle = export.why_idle(connection)
    can_edit = export.may_be_edited_by(caller, connection)
    runs = await services.storage.runs.page(stored.key, limit=1)
    return ExportView(
        stored=stored,
        can_edit=can_edit,
        can_run=can_edit and idle is None,
        idle=idle,
        last_run=runs[0].value if runs else None,
    )


async def _among(services: Services, filters: Filters) -> Callable[[Export], bool]:
    connections = await all_connections(services) if filters.active is not None else {}

    def among(export: Export) -> bool:
        is_active = export.why_idle(connections.get(export.connection_id)) is None
        return (
            filters.connection_id in (None, export.connection_id)
            and filters.destination in (None, export.destination)
            and filters.active in (None, is_active)
        )

    return among
