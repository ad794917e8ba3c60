"""Recording who did what, and reading it. The trail is only ever added to.

An entry is written before the change that it tells of, so nothing changes that the trail does not know:
while it cannot be written, nothing is changed. Where a change is then refused, because somebody else was
faster, a second entry withdraws the first. A crash between the two, or storage that does not say whether
it made the change, leaves an entry of something that may not have been done.
"""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, JsonValue

from shared.domain.audit import (
    Action,
    Actor,
    ActorKind,
    Entry,
    Object,
    ObjectKind,
    Snapshot,
    inverted_time,
)
from shared.domain.connection import Connection
from shared.domain.errors import Refusal
from shared.domain.export import Export
from shared.domain.reading import SegmentReading
from shared.domain.schedule import RefreshSchedule
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.limits import is_table_key
from shared.storage.ports import AlreadyExists, Stale, Unavailable
from shared.storage.retrying import retried
from shared.storage.side_by_side import side_by_side

type Thing = Connection | Export | RefreshSchedule | SegmentReading
"""What can change, and is known to the trail by a snapshot."""

_HIDDEN = {"segment", "id", "created_at", "attached_at", "scheduled_at", "secret_name"}
_WAITS = (0.2, 1.0)  # seconds between tries to write
_LAST = "~"  # sorts behind every id of an instant
_ONCE = "once"  # the partition of entries that stand for an hour, by the hour and what they tell of
_FIRST = "."  # ends their keys: a page begins behind a key


class Unrecorded(Unavailable):
    """The trail could not be written, so nothing was done."""


async def record(
    services: Services, by: Actor, action: Action, thing: Thing | Object, **facts: JsonValue
) -> None:
    """Record what changes nothing in storage; raise Unrecorded."""
    await _append(services, _entry(services, by, action, thing, {}, facts))


async def record_hourly(
    services: Services, by: Actor, action: Action, thing: Thing | Object, **facts: JsonValue
) -> None:
    """Do as `record`, once in each hour (UTC) for what is the same of all that is recorded.

    Whoever comes first in the hour writes the entry down under what it tells of; who comes later finds it
    there and sees to it that it is where all entries are.
    """
    entry = _entry(services, by, action, thing, {}, facts)
    told = json.dumps([by.id, action, entry.object.id, facts], sort_keys=True)
    once = f"{entry.at:%Y%m%d%H}-{hashlib.sha256(told.encode()).hexdigest()}"
    with _unrecorded():
        try:
            await _insert(services, _ONCE, f"{once}{_FIRST}", entry)
        except AlreadyExists:
            [first] = await services.storage.audit.page(_ONCE, after=once, before=once + _LAST)
            entry = first.value
    await _append(services, entry)


def recorded(
    services: Services, by: Actor, action: Action, before: Thing | None, after: Thing | None
) -> AbstractAsyncContextManager[None]:
    """Record a change of a thing and let the body make it; raise Unrecorded, and the body does not run.

    Without `before` the thing is created, without `after` removed. When the body refuses, or finds that
    somebody else was faster, the entry is withdrawn.
    """
    thing = after or before
    if thing is None:
        raise ValueError("a change of nothing")
    facts = _differing(_snapshot(before), _snapshot(after))
    return _withdrawn_if_refused(services, _entry(services, by, action, thing, *facts))


def recorded_with(
    services: Services, by: Actor, action: Action, thing: Thing | Object, **facts: JsonValue
) -> AbstractAsyncContextManager[None]:
    """Do as `recorded` for what leaves the thing as it is."""
    return _withdrawn_if_refused(services, _entry(services, by, action, thing, {}, facts))


@dataclass(frozen=True, slots=True)
class Recording:
    """Who is about to do what. Calling it with a thing before and after records that change."""

    services: Services
    by: Actor
    action: Action

    def __call__(self, before: Thing, after: Thing) -> AbstractAsyncContextManager[None]:
        """Do as `recorded`."""
        return recorded(self.services, self.by, self.action, before, after)


async def read_trail(
    services: Services,
    object_id: str | None,
    since: datetime | None,
    until: datetime | None,
    after: str,
    limit: int,
) -> tuple[list[Entry], str | None]:
    """Return a page of entries, newest first, with `since` <= time < `until`, and where the next begins."""
    found = await services.storage.audit.page(
        ALL if object_id is None else _partition(object_id),
        after=max(after, inverted_time(until) + _LAST if until else ""),
        before=inverted_time(since) + _LAST if since else _LAST,
        limit=limit + 1,
    )
    entries = [stored.value for stored in found[:limit]]
    return entries, entries[-1].id if len(found) > limit else None


def segment_object(segment: str) -> Object:
    """Return a segment as an object of entries."""
    return Object(kind=ObjectKind.SEGMENT, id=f"segment:{segment}", name=segment)


def destination_of(services: Services, connection: Connection) -> Actor:
    """Return the destination of a connection as an actor."""
    destination = services.destinations[connection.destination]
    return Actor(kind=ActorKind.DESTINATION, id=destination.name, name=destination.title)


@asynccontextmanager
async def _withdrawn_if_refused(services: Services, entry: Entry) -> AsyncIterator[None]:
    await _append(services, entry)
    try:
        yield
    except (AlreadyExists, Refusal, Stale):
        now = services.clock.now()
        withdrawal = {"id": _new_id(now), "at": now, "withdraws": entry.id}
        await _append(services, entry.model_copy(update=withdrawal))
        raise


def _entry(
    services: Services,
    by: Actor,
    action: Action,
    thing: Thing | Object,
    before: Snapshot,
    after: Snapshot,
) -> Entry:
    now = services.clock.now()
    return Entry(
        id=_new_id(now),
        at=now,
        by=by,
        action=action,
        object=_object(thing),
        before=before,
        after=after,
    )


def _new_id(at: datetime) -> str:
    return f"{inverted_time(at)}-{secrets.token_hex(8)}"


def _object(thing: Thing | Object) -> Object:
    match thing:
        case Object():
            return thing
        case Connection():
            return Object(kind=ObjectKind.CONNECTION, id=thing.id, name=thing.display_name)
        case Export():
            return Object(kind=ObjectKind.EXPORT, id=thing.id, name=thing.name)
        case RefreshSchedule():
            return Object(kind=ObjectKind.REFRESH_SCHEDULE, id="refresh", name="Refresh schedule")
        case SegmentReading():
            return segment_object(thing.segment)


def _snapshot(thing: BaseModel | None) -> Snapshot:
    """Return what the trail may know of a thing."""
    if thing is None:
        return {}
    taken: Snapshot = thing.model_dump(mode="json", exclude=_HIDDEN, exclude_none=True)
    if isinstance(thing, Connection) and thing.reason:
        taken["reason"] = str(thing.reason)  # the trail is in English
    return taken


def _differing(before: Snapshot, after: Snapshot) -> tuple[Snapshot, Snapshot]:
    """Leave out what is the same on both sides."""
    names = {name for name in before | after if before.get(name) != after.get(name)}
    return _only(before, names), _only(after, names)


def _only(snapshot: Snapshot, names: set[str]) -> Snapshot:
    return {name: value for name, value in snapshot.items() if name in names}


def _partition(object_id: str) -> str:
    """Return where the entries of an object are; the names of some segments can be no key."""
    plain = f"of-{object_id}"
    return plain if is_table_key(plain) else hashlib.sha256(plain.encode()).hexdigest()


async def _append(services: Services, entry: Entry) -> None:
    """Write an entry where it is found by its object, and where all are found."""
    with _unrecorded():
        await side_by_side(
            _write(services, _partition(entry.object.id), entry), _write(services, ALL, entry)
        )


async def _write(services: Services, partition: str, entry: Entry) -> None:
    with suppress(AlreadyExists):  # then an earlier try had worked
        await _insert(services, partition, entry.id, entry)


@contextmanager
def _unrecorded() -> Iterator[None]:
    """Turn what storage does not do into Unrecorded."""
    try:
        yield
    except Unavailable as error:
        raise Unrecorded(*error.args) from error


async def _insert(services: Services, partition: str, key: str, entry: Entry) -> None:
    async def insert() -> None:
        await services.storage.audit.insert(partition, key, entry)

    await retried(insert, services.clock, _WAITS)
