"""Whether there is anything new to send: what a scheduled run is skipped for the want of."""

from collections.abc import Sequence

from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.run import Run, RunStatus, TriggerKind
from shared.domain.segment import SegmentVersion
from shared.runs.history import list_runs
from shared.segments.catalogue import newest_version
from shared.services import Services

NOTHING_NEW = say(
    "No segment of the export has a new file since its last successful run. On demand it runs all "
    "the same."
)

SCHEDULED = (TriggerKind.REFRESH, TriggerKind.SCHEDULE)
"""What begins runs whether or not there is anything new."""

# Among so many runs the last successful one is looked for. Mostly it is the newest, or behind the run
# that asks.
_SHALLOW, _DEEP = 2, 20


class News:
    """The newest versions of segments, each looked up once, however many exports have it."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._newest: dict[str, SegmentVersion | None] = {}

    async def told(self, export: Export) -> Run | None:
        """Return the run that has told the export's list of all there is; None if there is news."""
        versions = [await self._version(name) for name in export.segments]
        known = [version for version in versions if version]
        return await told(self._services, export, known) if len(known) == len(versions) else None

    async def _version(self, segment: str) -> SegmentVersion | None:
        if segment not in self._newest:
            try:
                newest = await newest_version(self._services.storage.segments, segment)
            except BadSegment:
                newest = None  # a run says why
            self._newest[segment] = newest
        return self._newest[segment]


async def told(
    services: Services, export: Export, versions: Sequence[SegmentVersion]
) -> Run | None:
    """Return the run that has sent these versions to where the export sends now, if that was the last.

    It is the last successful one, or a newer one that was skipped because of it. Whether it sent
    everything or only changes makes no difference: its list is up to date either way.
    """
    last = await _last(services, export)
    if last is None or last.target != export.target:
        return None
    same = [version.key for version in last.versions] == [version.key for version in versions]
    return last if same else None


def is_nothing_new(run: Run) -> bool:
    """Say whether a run was skipped because there was nothing new."""
    return run.status is RunStatus.SKIPPED and run.reason == NOTHING_NEW


async def _last(services: Services, export: Export) -> Run | None:
    for limit in (_SHALLOW, _DEEP):
        page = await list_runs(services, export.id, limit=limit)
        for stored in page:
            if stored.value.status is RunStatus.SUCCESSFUL or is_nothing_new(stored.value):
                return stored.value
        if len(page) < limit:
            return None
    return None
