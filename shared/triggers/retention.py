"""Retention: runs that ended long ago are removed, and so is before what nobody can use any more.

Runs are found by an index of when they ended, so a tick looks at no run that it does not remove, and one
that dies leaves the rest to the next. The index also has the runs of exports that were removed.
"""

from datetime import datetime, timedelta

from shared.connections.waiting_runs import waiting
from shared.domain.run import split_run_id
from shared.runs import index
from shared.runs.state.delivered import state_name
from shared.services import Services
from shared.storage.entries import Bookmark, DueTable, EndedRun, SettingsTable
from shared.storage.paths import folder, parts_folder
from shared.triggers.arrivals import all_exports

_AT_ONCE = 100  # runs of one tick
_UNUSED_STATES = "orphans"
_LATE_FILES = "late-files"
_NOBODY_WRITES = timedelta(hours=1)
"""How long after the end of a run nobody lays out anything of it any more.

host.json ends every execution after 15 minutes; a host that was paused finds out when it goes on.
"""
_DAY = timedelta(days=1)


async def remove_old_runs(services: Services) -> None:
    """Remove runs that ended more than the retention ago, at most a hundred: history, rejects and all."""
    storage = services.storage
    before = services.clock.now() - timedelta(days=services.retention_days)
    old = await storage.ended_runs.page(DueTable.ENDED, before=_instant(before), limit=_AT_ONCE)
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


async def remove_late_files(services: Services) -> None:
    """Remove what was laid out of runs after they had ended, an hour later; of at most a hundred runs.

    A slice that was paused until its run was over removes that itself, but not if it dies or storage is
    away. Runs that ended before this was first called are left to `remove_old_runs`.
    """
    storage, until = services.storage, services.clock.now() - _NOBODY_WRITES
    bookmark = await storage.bookmarks.get(SettingsTable.BOOKMARKS, _LATE_FILES)
    since = bookmark.value.at if bookmark else until
    ended = await storage.ended_runs.page(
        DueTable.ENDED, after=_instant(since), before=_instant(until), limit=_AT_ONCE
    )
    for entry in ended:
        await _remove_late(services, entry.value)
    if ended or bookmark is None:
        done = ended[-1].value.at if len(ended) == _AT_ONCE else until
        await storage.bookmarks.put(SettingsTable.BOOKMARKS, _LATE_FILES, Bookmark(at=done))


async def _remove_late(services: Services, entry: EndedRun) -> None:
    storage = services.storage
    # Before the run: one that goes on after a sign-in leaves this index last.
    if await storage.active_runs.get(waiting(entry.connection_id), entry.run_id):
        return
    stored = await storage.runs.get(*split_run_id(entry.run_id))
    if stored is not None and stored.value.finished_at == entry.at:
        await storage.run_files.delete(parts_folder(entry.run_id))


def _instant(at: datetime) -> str:
    """Return what the keys of runs that ended then begin with."""
    return f"{at:%Y%m%d%H%M%S%f}"


async def remove_unused_states(services: Services) -> None:
    """Once a day, remove delivered states that no export compares with any more.

    Each is a day old at least: an export that is being changed, or a run that is ending, writes its own.
    """
    storage, now = services.storage, services.clock.now()
    bookmark = await storage.bookmarks.get(SettingsTable.BOOKMARKS, _UNUSED_STATES)
    if bookmark and now - bookmark.value.at < _DAY:
        return
    states = [blob.name async for blob in storage.delivered.list() if now - blob.modified >= _DAY]
    # After the states: an export that is not there by now is gone.
    used = {state_name(export) async for export in all_exports(services)}
    for name in states:
        if name not in used:
            await storage.delivered.delete(name)
    await storage.bookmarks.put(SettingsTable.BOOKMARKS, _UNUSED_STATES, Bookmark(at=now))
