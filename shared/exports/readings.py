"""Saying how a segment is read: by whoever manages all exports that use it."""

from shared.domain.audit import Action, Actor
from shared.domain.errors import NotAllowed, Outdated
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.reading import Reading, SegmentReading
from shared.exports.views import all_connections
from shared.people.audit_trail import recorded
from shared.records.records import LARGEST_PAGE, ReadVersions, is_current, scan
from shared.segments.readings import key_of
from shared.services import Services
from shared.storage.entries import SettingsTable
from shared.storage.ports import AlreadyExists, Stale, Stored

_OUTDATED = say("Somebody changed how the segment is read since you read it. Read it again.")

_NOTHING_SAID = '"nothing-said"'  # stands for an ETag until there is a record


async def find_reading(services: Services, caller: Caller, segment: str) -> Stored[Reading]:
    """Return what was said of how a segment is read, which may be nothing; raise NotAllowed."""
    await require_may_say(services, caller, segment)
    stored = await _stored(services, segment)
    return Stored(stored.key, stored.value.reading, stored.etag)


async def set_reading(
    services: Services, caller: Caller, segment: str, read: ReadVersions, reading: Reading
) -> Stored[Reading]:
    """Say how a segment is read from now on, whether or not it has a file yet.

    Raise NotAllowed, or Outdated when the caller read another reading than there is.
    """
    await require_may_say(services, caller, segment)
    before = await _current(services, segment, read)
    after = SegmentReading(segment=segment, reading=reading)
    if before.value == after:
        return Stored(before.key, reading, before.etag)
    by, action = Actor.of(caller.person), Action.READING_CHANGED
    try:
        async with recorded(services, by, action, before.value, after):
            return Stored(before.key, reading, await _write(services, before, after))
    except (AlreadyExists, Stale):
        raise Outdated(_OUTDATED) from None


async def remove_reading(
    services: Services, caller: Caller, segment: str, read: ReadVersions
) -> None:
    """Leave it to what the files show again; raise NotAllowed or Outdated."""
    await require_may_say(services, caller, segment)
    before = await _current(services, segment, read)
    if before.etag == _NOTHING_SAID:
        return
    records, by = services.storage.readings, Actor.of(caller.person)
    try:
        async with recorded(services, by, Action.READING_REMOVED, before.value, None):
            await records.delete(SettingsTable.READINGS, before.key, before.etag)
    except Stale:
        raise Outdated(_OUTDATED) from None


async def require_may_say(services: Services, caller: Caller, segment: str) -> None:
    """Raise NotAllowed unless the caller is an administrator, or manages all exports of a segment.

    Where no export uses it there is nothing that a contributor manages.
    """
    if caller.is_administrator:
        return
    connections = await all_connections(services)
    exports = [
        stored.value
        async for stored in scan(services.storage.exports, size=LARGEST_PAGE)
        if segment in stored.value.segments
    ]
    may = [each.may_be_edited_by(caller, connections.get(each.connection_id)) for each in exports]
    if not may:
        raise NotAllowed(
            say("No export uses this segment yet. Use it in an export, or ask an administrator.")
        )
    if not all(may):
        raise NotAllowed(
            say(
                "Another export uses this segment, whose connection is not shared with contributors. "
                "Ask an administrator."
            )
        )


async def _stored(services: Services, segment: str) -> Stored[SegmentReading]:
    key, nothing = key_of(segment), SegmentReading(segment=segment, reading=Reading())
    stored = await services.storage.readings.get(SettingsTable.READINGS, key)
    return stored or Stored(key, nothing, _NOTHING_SAID)


async def _current(services: Services, segment: str, read: ReadVersions) -> Stored[SegmentReading]:
    stored = await _stored(services, segment)
    if not is_current(stored, read):
        raise Outdated(_OUTDATED)
    return stored


async def _write(services: Services, before: Stored[SegmentReading], after: SegmentReading) -> str:
    """Store a reading in the place of one that was read; raise AlreadyExists or Stale."""
    records = services.storage.readings
    if before.etag == _NOTHING_SAID:
        return await records.insert(SettingsTable.READINGS, before.key, after)
    return await records.replace(SettingsTable.READINGS, before.key, after, before.etag)
