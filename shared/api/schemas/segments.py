"""Makes the bodies that tell of segments and their versions."""

from datetime import datetime

from pydantic import BaseModel

from shared.api.wording import Words
from shared.domain.reading import Dialect, Reading
from shared.domain.segment import Segment, SegmentStatus, SegmentVersion
from shared.exports.reading_trial import Trial
from shared.segments.formats.registry import format_of


class VersionItem(BaseModel):
    """One version of a segment: a file, or a folder of files."""

    segment: str
    path: str  # that of a folder ends in a slash
    form: str  # such as CSV or Parquet
    files: int
    size: int  # bytes
    modified: datetime


class UnreadFileItem(BaseModel):
    """A file of a segment that no run reads, and why."""

    path: str
    modified: datetime
    reason: Words


class SegmentItem(BaseModel):
    """A segment.

    `newest` is its newest complete version, whose columns and members these are; there may be none.
    `status` is about the newest files, complete or not, and `reason` says why it is not ready. While
    something is *incomplete* that is taken as it is if nothing more comes, `waits_until` says until when
    it is waited for.
    """

    name: str
    status: SegmentStatus
    reason: Words | None
    columns: list[str]
    dialect: (
        Dialect | None
    )  # how its text with columns is written, as it was found; None of other forms
    members: int | None  # rows of the newest version; None until they are counted
    versions: int
    newest: VersionItem | None
    waits_until: datetime | None = None
    unread: list[UnreadFileItem] = []  # the newest of those that lie beside it


class ReadingItem(Reading):
    """How a segment is read, as far as somebody has said so; whatever is null is found out."""


class TrialItem(BaseModel):
    """The first rows of a segment as they would be read; their cells are in the order of the columns."""

    columns: list[str]
    rows: list[list[str]]
    dialect: Dialect | None  # None of NDJSON and Parquet


def trial_item(trial: Trial) -> TrialItem:
    """Return a trial as its caller sees it."""
    rows = [list(each) for each in trial.rows]
    return TrialItem(columns=list(trial.columns), rows=rows, dialect=trial.dialect)


def segment_item(segment: Segment) -> SegmentItem:
    """Return a segment as everybody sees it."""
    return SegmentItem(
        name=segment.name,
        status=segment.status,
        reason=segment.reason,
        columns=list(segment.columns),
        dialect=segment.stats.dialect,
        members=segment.stats.rows,
        versions=segment.versions,
        newest=version_item(segment.newest) if segment.newest else None,
        waits_until=segment.until,
        unread=[
            UnreadFileItem(path=each.path, modified=each.at, reason=each.reason)
            for each in segment.unread
        ],
    )


def version_item(version: SegmentVersion) -> VersionItem:
    """Return a version of a segment as everybody sees it."""
    known = format_of(version.sources[0].path)
    return VersionItem(
        segment=version.segment,
        path=version.path,
        form=known.name if known else "",
        files=len(version.sources),
        size=version.size,
        modified=version.modified,
    )
