"""Retention: runs that ended long ago are removed, and so are delivered states that nobody can use.

Runs are found by an index of when they ended, so a tick looks at no run that it does not remove, and one
that dies leaves the rest to the next. The index also has the runs of exports that were removed.
"""

from datetime import timedelta

from shared.connections.waiting_runs import waiting
from shared.domain.run import split_run_id
from shared.runs import index
from shared.runs.state.delivered import state_name
from shared.services import Services
from shared.storage.entries import Bookmark, DueTable, EndedRun, SettingsTable
from shared.storage.paths import folder
from shared.triggers.arrivals import all_exports

_AT_ONCE = 100  # runs of one tick
_BOOKMARK = "orphans"
_DAY = timedelta(days=1)


async def remove_old_runs(services: Services) -> None:
    """Remove runs that ended more than the retention ago, at most a hundred: history, rejects and all."""
    storage = services.storage
    before = services.clock.now() - timedelta(days=services.retention_days)
    old = await storage.ended_runs.page(
        DueTable.ENDED, before=f"{before:%Y%m%d%H%M%S%f}", limit=_AT_ONCE
    )
    for entry in old:
        await _remove(services, entry.value)
        await storage.ended_runs.delete(DueTable.ENDED, entry.key)


async def _remove(services: Services, entry: EndedRun) -> None:
    storage = services.storage
    stored = await storage.runs.get(*split_run_id(entry.run_id))
    if stored is not None and stored.value.finished_at != entry.at:
        return  # it went on after this end, and has another entry or is not over
    await storage.run_files.delete(folder(entry.run_id))
    await storage.active_runs.delete(waiting(entry.connection_id), entry.run_id)
    await storage.runs.delete(*split_run_id(entry.run_id))
    await index.remove(storage, entry.run_id)


async def remove_unused_states(services: Services) -> None:
    """Once a day, remove delivered states that no export compares with any more.

    Each is a day old at least: an export that is being changed, or a run that is ending, writes its own.
    """
    storage, now = services.storage, services.clock.now()
    bookmark = await storage.bookmarks.get(SettingsTable.BOOKMARKS, _BOOKMARK)
    if bookmark and now - bookmark.value.at < _DAY:
        return
    states = [blob.name async for blob in storage.delivered.list() if now - blob.modified >= _DAY]
    # After the states: an export that is not there by now is gone.
    used = {state_name(export) async for export in all_exports(services)}
    for name in states:
        if name not in used:
            await storage.delivered.delete(name)
    await storage.bookmarks.put(SettingsTable.BOOKMARKS, _BOOKMARK, Bookmark(at=now))
