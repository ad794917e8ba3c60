"""Whether an export has anything new to send, or to fail by; a scheduled run is skipped if it has not."""

from collections.abc import Sequence
from datetime import datetime

from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.run import Run, RunStatus
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

FAILED_ALREADY = say(
    "The segments of the export are those with which its last run failed, and are read in the same way. "
    "The next scheduled run follows a new file, or a change of the mapping or of how a segment is read. On "
    "demand the export runs all the same."
)

_FAILED = (STILL_INVALID, FAILED_ALREADY)

# Among so many runs the last successful one is looked for. Mostly it is the newest, or behind the run
# that asks.
_SHALLOW, _DEEP = 2, 20


type Newest = Sequence[SegmentVersion] | Message
"""The newest version of each segment of an export, or why one of them has none."""


class Freshness:
    """The newest versions of segments, each looked up once, however many exports have it."""

    def __init__(self, storage: Storage, now: datetime) -> None:
        self._storage = storage
        self._now = now
        self._newest: dict[str, SegmentVersion | Message | None] = {}

    async def last_try(self, export: Export) -> Run | None:
        """Return the run that says what another one now would; None if there is anything new."""
        newest = [await self._version(name) for name in export.segments]
        if None in newest:
            return None
        why = next((each for each in newest if isinstance(each, Message)), None)
        versions = [each for each in newest if isinstance(each, SegmentVersion)]
        return await last_try(self._storage, export, why or versions)

    async def _version(self, segment: str) -> SegmentVersion | Message | None:
        if segment not in self._newest:
            try:
                newest = await version_to_read(self._storage, segment, self._now)
                self._newest[segment] = newest
            except BadSegment as error:
                self._newest[segment] = error.reason
        return self._newest[segment]


async def last_try(storage: Storage, export: Export, found: Newest) -> Run | None:
    """Return the run that has said of `found` all that there is to say, if nothing came after it.

    It is the last successful one if that has sent these versions to where the export sends now: whether
    everything or only changes makes no difference, its list is up to date either way. Or it is one that
    failed by them, and would again. Or a newer one that was skipped because of such a run. What is unknown
    of a run may be missing from the list, so there is something to send after it.
    """
    last, because = await _last(storage, export)
    if because is None or because.target_digest != export.target_digest:
        return None
    if because.progress and because.progress.counts.unknown:
        return None
    if isinstance(found, Message):
        same = not because.versions and str(because.reason) == str(found)
    else:
        same = _keys(because.versions) == _keys(found)
    return last if same else None


def why_skipped(last: Run) -> Message:
    """Return why a run is skipped after `last`, which is what `last_try` has returned."""
    if last.status is RunStatus.SKIPPED and last.reason:
        return last.reason
    if last.is_all_invalid:
        return STILL_INVALID
    return FAILED_ALREADY if last.failed_by_files else NOTHING_NEW


def says_so(run: Run) -> bool:
    """Say whether a run was skipped because there was nothing new."""
    return run.status is RunStatus.SKIPPED and run.reason in (NOTHING_NEW, *_FAILED)


def _keys(versions: Sequence[SegmentVersion]) -> list[str]:
    return [version.key for version in versions]


async def _last(storage: Storage, export: Export) -> tuple[Run | None, Run | None]:
    """Return the newest run that tells what there is nothing new after, and the one that is why."""
    for limit in (_SHALLOW, _DEEP):
        page = await storage.runs.page(export.id, limit=limit)
        last: Run | None = None
        for stored in page:
            run = stored.value
            if says_so(run):
                last = last or run
                if run.reason == NOTHING_NEW:
                    return last, run
            elif run.status is RunStatus.SUCCESSFUL or run.failed_by_files:
                return last or run, run
        if len(page) < limit:
            break
    return None, None
