"""Whether an export has anything new to send; a scheduled run is skipped if it has not."""

from collections.abc import Sequence

from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.run import Run, RunStatus, TriggerKind
from shared.domain.segment import SegmentVersion
from shared.segments.readings import version_to_read
from shared.storage.ports import Storage

NOTHING_NEW = say(
    "No segment of the export has a new file since its last successful run. On demand it runs all "
    "the same."
)

STILL_INVALID = say(
    "In the last run no row was valid, and no segment of the export has a new file since. On demand it runs "
    "all the same."
)

SCHEDULED = (TriggerKind.REFRESH, TriggerKind.SCHEDULE)
"""What begins runs whether or not there is anything new."""

# Among so many runs the last successful one is looked for. Mostly it is the newest, or behind the run
# that asks.
_SHALLOW, _DEEP = 2, 20


class Freshness:
    """The newest versions of segments, each looked up once, however many exports have it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._newest: dict[str, SegmentVersion | None] = {}

    async def last_delivery(self, export: Export) -> Run | None:
        """Return the run that has delivered all that the export has now; None if there is anything new."""
        versions = [await self._version(name) for name in export.segments]
        known = [version for version in versions if version]
        return (
            await last_delivery(self._storage, export, known)
            if len(known) == len(versions)
            else None
        )

    async def _version(self, segment: str) -> SegmentVersion | None:
        if segment not in self._newest:
            try:
                newest = await version_to_read(self._storage, segment)
            except BadSegment:
                newest = None  # a run says why
            self._newest[segment] = newest
        return self._newest[segment]


async def last_delivery(
    storage: Storage, export: Export, versions: Sequence[SegmentVersion]
) -> Run | None:
    """Return the run that has sent these versions to where the export sends now, if that was the last.

    It is the last successful one, or one that found no valid row in them, or a newer one that was skipped
    because of it. Whether it sent
    everything or only changes makes no difference: its list is up to date either way.
    """
    last = await _last(storage, export)
    if last is None or last.target_digest != export.target_digest:
        return None
    same = [version.key for version in last.versions] == [version.key for version in versions]
    return last if same else None


def is_nothing_new(run: Run) -> bool:
    """Say whether a run was skipped because there was nothing new."""
    return run.status is RunStatus.SKIPPED and run.reason in (NOTHING_NEW, STILL_INVALID)


def why_skipped(last: Run) -> Message:
    """Return why a run is skipped that would do the same as the last one."""
    return STILL_INVALID if last.is_all_invalid or last.reason == STILL_INVALID else NOTHING_NEW


async def _last(storage: Storage, export: Export) -> Run | None:
    for limit in (_SHALLOW, _DEEP):
        page = await storage.runs.page(export.id, limit=limit)
        for stored in page:
            run = stored.value
            if run.status is RunStatus.SUCCESSFUL or run.is_all_invalid or is_nothing_new(run):
                return run
        if len(page) < limit:
            return None
    return None
