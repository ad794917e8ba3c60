"""The one refresh schedule of the system."""

from shared.domain.errors import Outdated
from shared.domain.message import say
from shared.domain.schedule import RefreshSchedule
from shared.exports.services import Services
from shared.exports.tick import REFRESH_SCHEDULE
from shared.storage.ports import ALL, AlreadyExists, Stale, Stored

_NEVER_SET = '"never-set"'  # stands for an ETag until there is a record


async def read_schedule(services: Services) -> Stored[RefreshSchedule]:
    """Return the schedule; until somebody sets it, the one that never refreshes."""
    stored = await services.storage.schedules.get(ALL, REFRESH_SCHEDULE)
    return stored or Stored(REFRESH_SCHEDULE, RefreshSchedule(), _NEVER_SET)


async def set_schedule(
    services: Services, etag: str | None, schedule: RefreshSchedule
) -> Stored[RefreshSchedule]:
    """Replace the schedule; raise Outdated when the caller read another one than there is."""
    records = services.storage.schedules
    try:
        if etag is None:
            await records.put(ALL, REFRESH_SCHEDULE, schedule)
            return await read_schedule(services)
        if etag == _NEVER_SET:
            etag = await records.insert(ALL, REFRESH_SCHEDULE, schedule)
        else:
            etag = await records.replace(ALL, REFRESH_SCHEDULE, schedule, etag)
    except (AlreadyExists, Stale):
        raise Outdated(
            say("Somebody changed the refresh schedule since you read it. Read it again.")
        ) from None
    return Stored(REFRESH_SCHEDULE, schedule, etag)
