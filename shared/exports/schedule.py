"""When exports run: the schedule of one, or of many at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.domain.audit import Action, Actor
from shared.domain.errors import NotAllowed, NotFound, Outdated
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.schedule import ExportSchedule, Follows
from shared.exports.manage import find_to_edit, replace_export
from shared.exports.schemas import Existing, ManySchedules
from shared.exports.views import WHAT, all_connections
from shared.people.audit_trail import telling
from shared.records.bulk import Kept, LeftOut, each_of
from shared.records.records import SCAN, amend, everything
from shared.schedules.index import expect_changed
from shared.services import Services
from shared.storage.ports import Stored


async def set_export_schedule(
    services: Services, caller: Caller, key: str, etag: str | None, schedule: ExportSchedule
) -> Stored[Export]:
    """Give an export another schedule; raise NotFound, NotAllowed or Outdated."""
    stored = await find_to_edit(services, caller, key, etag)
    scheduled = stored.value.scheduled(schedule, services.clock.now())
    return await replace_export(services, caller, Action.EXPORT_SCHEDULED, stored, scheduled)


async def set_schedules(
    services: Services, caller: Caller, many: ManySchedules
) -> tuple[list[str], list[LeftOut]]:
    """Give many exports one schedule; return the ids of those that have it now, and the others.

    Where no exports are named it is all that the caller may edit. Each is stored by itself, so when
    this fails half-way, some have it; doing it again does the rest.
    """
    connections = await all_connections(services)
    schedule, now = many.schedule.as_schedule(), services.clock.now()

    def may_edit(export: Export) -> bool:
        return export.may_be_edited_by(caller, connections.get(export.connection_id))

    def change(export: Export) -> Export:
        if not may_edit(export):
            raise NotAllowed(say("The connection of this export is not shared with contributors."))
        if many.existing is Existing.KEEP and export.schedule.follows is not Follows.SYSTEM:
            raise Kept(say("The export keeps the schedule that it has."))
        return export.scheduled(schedule, now)

    told = telling(services, Actor.of(caller.person), Action.EXPORT_SCHEDULED)

    @asynccontextmanager
    async def tell(before: Export, after: Export) -> AsyncIterator[None]:
        async with told(before, after):
            await expect_changed(services, before, after)
            yield

    async def set_one(key: str) -> LeftOut | None:
        try:
            await amend(services.storage.exports, key, WHAT, None, change, tell)
        except (Kept, NotAllowed, NotFound, Outdated) as refusal:
            return LeftOut.refused(key, refusal)
        return None

    if many.exports is None:
        scan = everything(services.storage.exports, size=SCAN)
        keys = [stored.key async for stored in scan if may_edit(stored.value)]
    else:
        keys = list(dict.fromkeys(many.exports))
    left_out = await each_of(keys, set_one)
    changed = [key for key, left in zip(keys, left_out, strict=True) if left is None]
    return changed, [left for left in left_out if left]
