"""Running an export because somebody asks for it."""

import hashlib
from datetime import datetime
from uuid import uuid4

from shared.domain.audit import Actor
from shared.domain.people import Caller
from shared.domain.run import Mode, Run, Trigger, TriggerKind
from shared.exports.manage_exports import WHAT, require_may_edit
from shared.exports.services import Services
from shared.exports.start_run import start_run
from shared.exports.stored import find
from shared.storage.ports import AlreadyExists, Bookmark


async def run_on_demand(
    services: Services, caller: Caller, export_id: str, mode: Mode, request_key: str | None
) -> Run:
    """Begin a run, or return the one that a request with the same key has begun.

    Raise NotFound, NotAllowed, or Conflict when the connection is not set up.
    """
    stored = await find(services.storage.exports, export_id, WHAT)
    await require_may_edit(services, caller, stored.value)
    # Only a digest is kept: nobody knows what a caller puts into the key.
    key = hashlib.sha256(request_key.encode()).hexdigest() if request_key else uuid4().hex
    at = await _asked_at(services, export_id, key) if request_key else services.clock.now()
    trigger = Trigger(kind=TriggerKind.ON_DEMAND, key=key, at=at)
    run, _ = await start_run(services, export_id, trigger, mode, Actor.of(caller.person))
    return run


async def _asked_at(services: Services, export_id: str, key: str) -> datetime:
    """Return when this key was first used, since a run's own key begins with that instant."""
    records, now = services.storage.bookmarks, services.clock.now()
    try:
        await records.insert(export_id, key, Bookmark(at=now))
    except AlreadyExists:
        first = await records.get(export_id, key)
        return first.value.at if first else now
    return now
