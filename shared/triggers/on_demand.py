"""Running an export, or all of them, because somebody asks for it."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4
from weakref import WeakValueDictionary

from shared.domain.audit import Actor
from shared.domain.errors import Conflict, KeyReused, NotAllowed, NotFound
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.run import Mode, Run, Trigger, TriggerKind, split_run_id
from shared.exports.manage import find_to_edit
from shared.exports.views import all_connections
from shared.records.bulk import LeftOut, each_of
from shared.runs.joining import join_waiting
from shared.runs.start import start_run
from shared.services import Services
from shared.storage.entries import AskedFor, SettingsTable
from shared.storage.ports import AlreadyExists
from shared.storage.side_by_side import side_by_side
from shared.triggers.arrivals import all_exports

_KEPT_FOR_ANYBODY = timedelta(days=1)
"""How long a key counts that was kept without its caller and body, for whoever repeats the request."""

_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
"""By export: of several who ask at once, one begins a run and the others find it waiting."""


@dataclass(frozen=True, slots=True)
class OnDemand:
    """The run that does what somebody asked for."""

    run: Run
    joined: bool  # it waited already, so none was begun


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a caller asks for; the same trigger for the same `Idempotency-Key`."""

    by: Actor
    trigger: Trigger
    mode: Mode
    has_key: bool


async def run_on_demand(
    services: Services, caller: Caller, export_id: str, mode: Mode, request_key: str | None
) -> OnDemand:
    """Begin a run, join one of this mode that waits, or return what the same request has led to before.

    Raise NotFound, NotAllowed, KeyReused, or Conflict when the export has no connection that is set up.
    """
    await find_to_edit(services, caller, export_id, None)
    asked = await _asked(services, caller, export_id, mode, request_key)
    return await _begin_or_join(services, export_id, asked)


async def run_all(
    services: Services, caller: Caller, mode: Mode, request_key: str | None
) -> tuple[list[OnDemand], list[LeftOut]]:
    """Begin or join a run of every export with an active schedule; return the runs, and who is left out.

    A request with the same key returns the runs of the first one, and begins those that it did not come
    to. Raise KeyReused.
    """
    asked = await _asked(services, caller, SettingsTable.RUN_ALL, mode, request_key)
    connections = await all_connections(services)

    async def begin(export: Export) -> OnDemand | LeftOut:
        connection = connections.get(export.connection_id)
        if not export.may_be_edited_by(caller, connection):
            why = say("The connection of this export is not shared with contributors.")
            return LeftOut.refused(export.id, NotAllowed(why))
        if idle := export.why_idle(connection):
            return LeftOut.idle(export.id, idle)
        if not export.is_scheduled:
            return LeftOut.off(export.id)
        try:
            return await _begin_or_join(services, export.id, asked)
        except (Conflict, NotFound) as refusal:
            return LeftOut.refused(export.id, refusal)  # it was detached or removed this moment

    begun = await each_of([export async for export in all_exports(services)], begin)
    runs = [each for each in begun if isinstance(each, OnDemand)]
    return runs, [each for each in begun if isinstance(each, LeftOut)]


async def _begin_or_join(services: Services, export_id: str, asked: _Asked) -> OnDemand:
    turn = _turns.setdefault(export_id, asyncio.Lock())
    async with turn:
        known = await _known(services, export_id, asked) if asked.has_key else None
        if known:
            return known
        if waiting := await join_waiting(services, export_id, asked.mode, asked.by):
            if asked.has_key:
                kept = AskedFor(at=asked.trigger.at, mode=asked.mode, joined=waiting.id)
                await services.storage.request_keys.put(export_id, asked.trigger.key, kept)
            return OnDemand(waiting, joined=True)
        run, _ = await start_run(services, export_id, asked.trigger, asked.mode, asked.by)
        return OnDemand(run, joined=False)


async def _known(services: Services, export_id: str, asked: _Asked) -> OnDemand | None:
    """Return the run that the same request has led to before; raise KeyReused."""
    runs, trigger = services.storage.runs, asked.trigger
    own, kept = await side_by_side(
        runs.get(export_id, trigger.run_key()),
        services.storage.request_keys.get(export_id, trigger.key),
    )
    if own and own.value.mode is not asked.mode:
        raise _reused()
    if own:
        return OnDemand(own.value, joined=False)
    joined = (
        await runs.get(*split_run_id(kept.value.joined)) if kept and kept.value.joined else None
    )
    return OnDemand(joined.value, joined=True) if joined else None


async def _asked(
    services: Services, caller: Caller, partition: str, mode: Mode, request_key: str | None
) -> _Asked:
    """Return what a request asks for, by its key if it has one; raise KeyReused."""
    by, now = Actor.of(caller.person), services.clock.now()
    if request_key is None:
        trigger = Trigger(kind=TriggerKind.ON_DEMAND, key=uuid4().hex, at=now)
        return _Asked(by, trigger, mode, has_key=False)
    if earlier := await _kept_for_anybody(services, partition, request_key):
        return _Asked(by, earlier, mode, has_key=True)
    # Only a digest is kept: nobody knows what a caller puts into the key. It is the caller's alone.
    key = _digest(json.dumps([caller.person.id, partition, request_key]))
    first = await _first_use(services, partition, key, AskedFor(at=now, mode=mode))
    if first.mode is not mode:
        raise _reused()
    return _Asked(by, Trigger(kind=TriggerKind.ON_DEMAND, key=key, at=first.at), mode, has_key=True)


async def _first_use(services: Services, partition: str, key: str, now: AskedFor) -> AskedFor:
    """Return when and for what this key was first used: a run's own key begins with that instant."""
    records = services.storage.request_keys
    try:
        await records.insert(partition, key, now)
    except AlreadyExists:
        first = await records.get(partition, key)
        return first.value if first else now
    return now


async def _kept_for_anybody(services: Services, partition: str, request_key: str) -> Trigger | None:
    """Return what an earlier version made of this key a short while ago, whoever used it."""
    key = _digest(f"{partition} {request_key}")
    stored = await services.storage.bookmarks.get(partition, key)
    if stored is None or services.clock.now() - stored.value.at > _KEPT_FOR_ANYBODY:
        return None
    return Trigger(kind=TriggerKind.ON_DEMAND, key=key, at=stored.value.at)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _reused() -> KeyReused:
    return KeyReused(
        say("You have used this key with another body before. Use a new one for each request.")
    )
