"""Beginning runs when a new version of a segment lands: one of every export that follows it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export
from shared.domain.run import SliceMessage, Trigger, TriggerKind
from shared.domain.segment import SegmentVersion
from shared.records.records import LARGEST_PAGE, scan
from shared.runs.slice import run_slice
from shared.runs.start import Begun, create_run, start_run
from shared.segments.catalogue import is_one
from shared.segments.inventory import versions_in
from shared.segments.paths import MODEL, PathKind, parse_path
from shared.segments.readings import landed_to_read, to_read
from shared.segments.stats import stats_of
from shared.services import Services
from shared.storage.entries import Bookmark, SettingsTable
from shared.storage.ports import BlobInfo

_SETTLED = timedelta(minutes=2)
"""How long an event may take before the sweep looks for the file itself."""

_BOOKMARK = "arrivals"
_WAITED = "waited"
"""How far the sweep has come with what lands, and with what no more comes of."""


async def arrive(services: Services, path: str) -> None:
    """Begin a run for each export that follows what a file completes, and work on their first slices.

    The same version delivered again makes no second run. Exports whose lane is taken go on by queue.
    """
    storage = services.storage
    versions = await landed_to_read(storage, path, services.clock.now())
    begun = [
        (version, run)
        for version in versions
        async for export in all_exports(services)
        if (run := await _begin(services, export, version)) is not None
    ]
    slices = (
        run_slice(services, SliceMessage(run_id=each.run.id, slice=0), each) for _, each in begun
    )
    # All of them come to their end first: what goes on after the function has returned may be frozen.
    for failure in await asyncio.gather(*slices, return_exceptions=True):
        if isinstance(failure, BaseException):
            raise failure
    read = [version for version, _ in begun]
    for version in versions:  # one that no run reads is counted here
        if version not in read:
            await stats_of(storage.segments, storage.versions, version, count=True)


async def sweep_arrivals(services: Services) -> None:
    """Begin the runs of versions whose event was lost: the timer is the truth, events are hints.

    What is complete because nothing more has come has no event, and is begun here alone.
    """
    storage, now = services.storage, services.clock.now()
    blobs = [blob async for blob in storage.segments.list()]
    until = now - _SETTLED
    since = await _reached(services, _BOOKMARK, until)
    waited_since = await _reached(services, _WAITED, until)
    for version in versions_in(blobs, now):
        waited = version.closed is not None and waited_since < version.landed <= now
        if (waited or since < version.landed <= until) and await is_one(storage.segments, version):
            await _start_all(services, await to_read(storage, version))
    for path in _models(blobs, since, until):
        for version in await landed_to_read(storage, path, now):
            if since < version.landed <= until:
                await _start_all(services, version)
    # Never beyond what storage has shown: a host whose clock is ahead would pass over what lands next.
    newest = max((blob.modified for blob in blobs), default=None)
    done = min(newest, max(since, until)) if newest else since
    await _reach(services, _BOOKMARK, done)
    # Whether nothing more comes is told by the host's clock, and so is how far this has come.
    await _reach(services, _WAITED, max(waited_since, until))


async def _reached(services: Services, task: str, first: datetime) -> datetime:
    """Return how far a task of the sweep has come."""
    stored = await services.storage.bookmarks.get(SettingsTable.BOOKMARKS, task)
    return stored.value.at if stored else first


async def _reach(services: Services, task: str, at: datetime) -> None:
    await services.storage.bookmarks.put(SettingsTable.BOOKMARKS, task, Bookmark(at=at))


def _models(blobs: Sequence[BlobInfo], since: datetime, until: datetime) -> Sequence[str]:
    """Return the paths of each model.json that may have completed a version in a time."""
    paths: dict[str, None] = {}
    for blob in blobs:
        parsed = parse_path(blob.name) if since < blob.modified <= until else None
        if parsed and parsed.kind in (PathKind.EXPORTED, PathKind.MODEL):
            paths[parsed.folder + MODEL] = None
    return list(paths)


async def all_exports(services: Services) -> AsyncIterator[Export]:
    """Yield every export."""
    async for stored in scan(services.storage.exports, size=LARGEST_PAGE):
        yield stored.value


async def _start_all(services: Services, version: SegmentVersion) -> None:
    async for export in all_exports(services):
        if _follows(export, version):
            # One export that cannot run must not keep the sweep from the others, minute after minute.
            with suppress(Conflict, NotFound):
                await start_run(services, export.id, _trigger(version))


async def _begin(services: Services, export: Export, version: SegmentVersion) -> Begun | None:
    """Create the run of one export; None if it does not follow the segment or the run is there."""
    if not _follows(export, version):
        return None
    try:
        begun = await create_run(services, export.id, _trigger(version), arrived=[version])
    except (Conflict, NotFound):
        return None  # its connection is being set up again, or it was removed this moment
    return begun if begun.is_to_go_on else None


def _follows(export: Export, version: SegmentVersion) -> bool:
    return export.follows_file(version.segment, version.landed)


def _trigger(version: SegmentVersion) -> Trigger:
    return Trigger(kind=TriggerKind.ARRIVAL, key=version.key, at=version.modified)
