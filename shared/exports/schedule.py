"""Setting when exports run: the schedule of one, or of many at once."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.domain.audit import Action, Actor
from shared.domain.connection import Connection
from shared.domain.errors import NotAllowed, NotFound, Outdated
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.schedule import ExportSchedule, Follows
from shared.exports.manage import find_to_edit, replace_export
from shared.exports.schemas import Existing, ManySchedules
from shared.exports.views import MESSAGES, all_connections
from shared.people.audit_trail import recorded
from shared.records.bulk import Kept, LeftOut, each_of
from shared.records.records import LARGEST_PAGE, ReadVersions, scan, update
from shared.schedules.index import enter_changed
from shared.services import Services
from shared.storage.ports import Stored


async def set_export_schedule(
    services: Services, caller: Caller, key: str, read: ReadVersions, schedule: ExportSchedule
) -> Stored[Export]:
    """Give an export another schedule; raise NotFound, NotAllowed or Outdated."""
    stored = await find_to_edit(services, caller, key, read)
    scheduled = stored.value.scheduled(schedule, services.clock.now())
    return await replace_export(services, caller, Action.EXPORT_SCHEDULED, stored, scheduled)


async def set_schedules(
    services: Services, caller: Caller, many: ManySchedules
) -> tuple[list[str], list[LeftOut]]:
    """Give many exports one schedule; return the ids of those that have it now, and the others.

    Where no exports are named it is all that the caller may edit. Each is stored by itself, so when
    this fails half-way, some have it; doing it again does the rest.
    """
    change = _ScheduleChange(services, caller, many, await all_connections(services))
    if many.exports is None:
        exports = scan(services.storage.exports, size=LARGEST_PAGE)
        keys = [each.key async for each in exports if change.may_edit(each.value)]
    else:
        keys = list(dict.fromkeys(many.exports))
    left_out = await each_of(keys, change.make)
    changed = [key for key, left in zip(keys, left_out, strict=True) if left is None]
    return changed, [left for left in left_out if left]


@dataclass(frozen=True, slots=True)
class _ScheduleChange:
    """The change of many exports to one schedule, which is made of one export at a time."""

    services: Services
    caller: Caller
    many: ManySchedules
    connections: Mapping[str | None, Connection]  # by id; none by None

    def may_edit(self, export: Export) -> bool:
        """Say whether the caller may change an export."""
        connection = self.connections.get(export.connection_id)
        return export.may_be_edited_by(self.caller, connection)

    async def make(self, key: str) -> LeftOut | None:
        """Give an export the schedule; return why not, if not."""
        try:
            exports = self.services.storage.exports
            await update(exports, key, MESSAGES, None, self._changed, self._recorded)
        except (Kept, NotAllowed, NotFound, Outdated) as refusal:
            return LeftOut.refused(key, refusal)
        return None

    def _changed(self, export: Export) -> Export:
        if not self.may_edit(export):
            raise NotAllowed(say("The connection of this export is not shared with contributors."))
        if self.many.existing is Existing.KEEP and export.schedule.follows is not Follows.SYSTEM:
            raise Kept(say("The export keeps the schedule that it has."))
        return export.scheduled(self.many.schedule.as_schedule(), self.services.clock.now())

    @asynccontextmanager
    async def _recorded(self, before: Export, after: Export) -> AsyncIterator[None]:
        by = Actor.of(self.caller.person)
        async with recorded(self.services, by, Action.EXPORT_SCHEDULED, before, after):
            await enter_changed(self.services, before, after)
            yield
