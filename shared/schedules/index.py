"""The due index: what schedules will make due, by the instant, so that a tick reads only what has come.

An entry is a hint, and the export or the refresh schedule is the truth: an entry whose instant that does
not name runs nothing, and makes room for the right one. An entry is written before what it is of, so a
crash between the two leaves one too many. Once a day whatever should have an entry and has none gets it.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.export import Export
from shared.domain.schedule import Plan, Schedule
from shared.records.records import LARGEST_PAGE, scan
from shared.services import Services
from shared.storage.entries import ALL, REFRESH, Bookmark, Due, DueTable, SettingsTable
from shared.storage.ports import AlreadyExists, Storage

_BOOKMARK = "due-index"
_REPAIR_PERIOD = timedelta(days=1)
_FIRST_LOOK = timedelta(minutes=1)


def key_of(at: datetime, of: str = "") -> str:
    """Return the key of an entry; without `of`, what all keys of that instant begin with."""
    return f"{at:%Y%m%d%H%M%S%f}-{of}"


async def plan_of(storage: Storage, of: str) -> Plan | None:
    """Return when an export, or the refresh, is due as things are now; None if nothing makes it so."""
    if of == REFRESH:
        return await _plan_of_refresh(storage)
    export = await storage.exports.get(ALL, of)
    return export.value.plan if export else None


async def _plan_of_refresh(storage: Storage) -> Plan | None:
    refresh = await storage.schedules.get(ALL, REFRESH)
    since = await storage.bookmarks.get(SettingsTable.BOOKMARKS, REFRESH)
    if refresh is None:
        return None
    return Plan(refresh.value, since.value.at) if since else Plan(refresh.value)


async def enter(storage: Storage, of: str, at: datetime | None) -> None:
    """Enter an instant, unless it is None or entered already."""
    if at is not None:
        with suppress(AlreadyExists):
            await storage.due.insert(DueTable.SCHEDULES, key_of(at, of), Due(of=of, at=at))


async def enter_refresh(services: Services, schedule: Schedule) -> None:
    """Enter when the refresh is due by a schedule that is about to be stored, and counts from now."""
    now = services.clock.now()
    await services.storage.bookmarks.put(SettingsTable.BOOKMARKS, REFRESH, Bookmark(at=now))
    await enter(services.storage, REFRESH, schedule.next_due(now))


async def enter_changed(services: Services, before: Export | None, after: Export) -> None:
    """Enter when an export is due that is about to be stored, unless it is as before."""
    plan = after.plan
    if plan and (before is None or before.plan != plan):
        await enter(services.storage, after.id, plan.next_due(services.clock.now()))


async def repair(services: Services) -> None:
    """Once a day, enter what should be in the index and is not.

    That may be because somebody removed it, or changed an export in the instant in which it was due,
    or because the rules of a time zone have changed.
    """
    records, now = services.storage.bookmarks, services.clock.now()
    last = await records.get(SettingsTable.BOOKMARKS, _BOOKMARK)
    if last and now < last.value.at + _REPAIR_PERIOD:
        return
    since = last.value.at if last else now - _FIRST_LOOK
    first: dict[str, datetime] = {}
    async for entry in scan(services.storage.due, DueTable.SCHEDULES, size=LARGEST_PAGE):
        first.setdefault(entry.value.of, entry.value.at)
    async for of, plan in _plans(services.storage):
        there = first.get(of)
        at = plan.next_due(since if there is None else now) if plan else None
        if at and (there is None or at < there):
            await enter(services.storage, of, at)
    await records.put(SettingsTable.BOOKMARKS, _BOOKMARK, Bookmark(at=now))


async def _plans(storage: Storage) -> AsyncIterator[tuple[str, Plan | None]]:
    yield REFRESH, await plan_of(storage, REFRESH)
    async for stored in scan(storage.exports, size=LARGEST_PAGE):
        yield stored.key, stored.value.plan
