"""Running an export, or all of them, because somebody asks for it."""

import hashlib
from datetime import datetime
from uuid import uuid4

from shared.domain.audit import Actor
from shared.domain.errors import Conflict, NotAllowed, NotFound
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.run import Mode, Run, Trigger, TriggerKind
from shared.exports.manage import find_to_edit
from shared.exports.views import all_connections
from shared.records.bulk import LeftOut, each_of
from shared.runs.start import start_run
from shared.services import Services
from shared.storage.entries import Bookmark, SettingsTable
from shared.storage.ports import AlreadyExists
from shared.triggers.arrivals import all_exports


async def run_on_demand(
    services: Services, caller: Caller, export_id: str, mode: Mode, request_key: str | None
) -> Run:
    """Begin a run, or return the one that a request with the same key has begun.

    Raise NotFound, NotAllowed, or Conflict when the export has no connection that is set up.
    """
    await find_to_edit(services, caller, export_id, None)
    trigger = await _trigger(services, export_id, request_key)
    run, _ = await start_run(services, export_id, trigger, mode, Actor.of(caller.person))
    return run


async def run_all(
    services: Services, caller: Caller, mode: Mode, request_key: str | None
) -> tuple[list[Run], list[LeftOut]]:
    """Begin a run of every export with an active schedule; return the runs, and who is left out.

    A request with the same key returns the runs that the first one has begun, and begins those that it
    did not come to.
    """
    trigger = await _trigger(services, SettingsTable.RUN_ALL, request_key)
    connections = await all_connections(services)

    async def begin(export: Export) -> Run | LeftOut:
        connection = connections.get(export.connection_id)
        if not export.may_be_edited_by(caller, connection):
            why = say("The connection of this export is not shared with contributors.")
            return LeftOut.refused(export.id, NotAllowed(why))
        if idle := export.why_idle(connection):
            return LeftOut.idle(export.id, idle)
        if not export.is_scheduled:
            return LeftOut.off(export.id)
        try:
            run, _ = await start_run(services, export.id, trigger, mode, Actor.of(caller.person))
        except (Conflict, NotFound) as refusal:
            return LeftOut.refused(export.id, refusal)  # it was detached or removed this moment
        return run

    begun = await each_of([export async for export in all_exports(services)], begin)
    runs = [each for each in begun if isinstance(each, Run)]
    return runs, [each for each in begun if isinstance(each, LeftOut)]


async def _trigger(services: Services, partition: str, request_key: str | None) -> Trigger:
    """Return what the same request key always makes of it; without one, a trigger of its own."""
    if request_key is None:
        at = services.clock.now()
        return Trigger(kind=TriggerKind.ON_DEMAND, key=uuid4().hex, at=at)
    # Only a digest is kept: nobody knows what a caller puts into the key.
    key = hashlib.sha256(f"{partition} {request_key}".encode()).hexdigest()
    at = await _asked_at(services, partition, key)
    return Trigger(kind=TriggerKind.ON_DEMAND, key=key, at=at)


async def _asked_at(services: Services, partition: str, key: str) -> datetime:
    """Return when this key was first used, since a run's own key begins with that instant."""
    records, now = services.storage.bookmarks, services.clock.now()
    try:
        await records.insert(partition, key, Bookmark(at=now))
    except AlreadyExists:
        first = await records.get(partition, key)
        return first.value.at if first else now
    return now
