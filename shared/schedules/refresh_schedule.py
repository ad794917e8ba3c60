"""Reading and setting the one refresh schedule of the system."""

from shared.domain.audit import Action, Actor
from shared.domain.errors import Outdated
from shared.domain.message import say
from shared.domain.people import Person
from shared.domain.schedule import RefreshSchedule
from shared.people.audit_trail import recorded
from shared.records.records import ReadVersions, is_current
from shared.schedules.index import enter_refresh
from shared.services import Services
from shared.storage.entries import ALL, REFRESH
from shared.storage.ports import AlreadyExists, Stale, Stored

_OUTDATED = say("Somebody changed the refresh schedule since you read it. Read it again.")

_NEVER_SET = '"never-set"'  # stands for an ETag until there is a record


async def read_schedule(services: Services) -> Stored[RefreshSchedule]:
    """Return the schedule; until somebody sets it, the one that never refreshes."""
    stored = await services.storage.schedules.get(ALL, REFRESH)
    return stored or Stored(REFRESH, RefreshSchedule(), _NEVER_SET)


async def set_schedule(
    services: Services, person: Person, read: ReadVersions, schedule: RefreshSchedule
) -> Stored[RefreshSchedule]:
    """Replace the schedule; raise Outdated when the caller read another one than there is."""
    before = await read_schedule(services)
    if not is_current(before, read):
        raise Outdated(_OUTDATED)
    if schedule == before.value:
        return before
    by, action = Actor.of(person), Action.SCHEDULE_CHANGED
    try:
        async with recorded(services, by, action, before.value, schedule):
            await enter_refresh(services, schedule)
            return Stored(before.key, schedule, await _write(services, before.etag, schedule))
    except (AlreadyExists, Stale):
        raise Outdated(_OUTDATED) from None


async def _write(services: Services, etag: str, schedule: RefreshSchedule) -> str:
    """Store the schedule in the place of one that was read; raise AlreadyExists or Stale."""
    records = services.storage.schedules
    if etag == _NEVER_SET:
        return await records.insert(ALL, REFRESH, schedule)
    return await records.replace(ALL, REFRESH, schedule, etag)
