"""Makes a version of files, or says why they are none. No I/O: names, times and ETags decide."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.message import Message, say
from shared.domain.segment import (
    MAX_FILES,
    CsvSettings,
    SegmentFile,
    SegmentStatus,
    SegmentVersion,
)
from shared.segments.formats.registry import FORMATS, extension_of
from shared.segments.formats.rows import empty
from shared.segments.shards import shard_of
from shared.storage.ports import BlobInfo

QUIET = timedelta(minutes=10)
"""How long nothing more may come until what has come is taken for the whole."""


@dataclass(frozen=True, slots=True)
class IncompleteVersion:
    """What is not a version, or not yet, and why."""

    path: str
    at: datetime  # when its newest file was written
    reason: Message
    status: SegmentStatus = SegmentStatus.INCOMPLETE  # or UNREADABLE, if it will never be one
    until: datetime | None = None  # when it is one if nothing more comes


def refused(path: str, at: datetime, reason: Message) -> IncompleteVersion:
    """Return what never will be a version."""
    return IncompleteVersion(path, at, reason, SegmentStatus.UNREADABLE)


def file_version(
    segment: str, blob: BlobInfo, now: datetime, closed: datetime | None = None
) -> SegmentVersion | IncompleteVersion:
    """Return the version that a file is by itself, or why it is none."""
    if not blob.size:
        until = blob.modified + QUIET
        if now < until:
            reason = say(
                "{path} is still being written: nothing is in it yet. It is waited for until {time}.",
                path=blob.name,
                time=clock_time(until),
            )
            return IncompleteVersion(blob.name, blob.modified, reason, until=until)
        return refused(blob.name, blob.modified, empty(blob.name).reason)
    if blob.archived:
        return refused(blob.name, blob.modified, archived(blob.name))
    return SegmentVersion(
        segment=segment,
        path=blob.name,
        etag=blob.etag,
        size=blob.size,
        modified=blob.modified,
        closed=closed,
    )


def joined_version(
    segment: str, path: str, blobs: Sequence[BlobInfo], closed: datetime
) -> SegmentVersion | IncompleteVersion:
    """Return the version that some files are together, complete since `closed`, or why they are none."""
    newest = max(blob.modified for blob in blobs)
    if reason := _why_not(path, blobs):
        return refused(path, max(newest, closed), reason)
    return joined(segment, path, blobs, closed)


def joined(
    segment: str,
    path: str,
    blobs: Iterable[BlobInfo],
    closed: datetime | None,
    csv: CsvSettings | None = None,
) -> SegmentVersion:
    """Return the version that some files are together."""
    found = sorted(blobs, key=lambda blob: blob.name)
    files = [SegmentFile(path=each.name, etag=each.etag, size=each.size) for each in found]
    csv = csv or CsvSettings()
    identity = "\n".join([csv.model_dump_json(), *(f"{file.path}|{file.etag}" for file in files)])
    return SegmentVersion(
        segment=segment,
        path=path,
        etag=hashlib.sha256(identity.encode()).hexdigest()[:32],
        size=sum(file.size for file in files),
        modified=max(blob.modified for blob in found),
        closed=closed,
        files=files,
        csv=csv,
    )


def too_many(path: str, count: int) -> Message:
    """Return what to say of a version of too many files."""
    return say(
        "{path} has {number} files, and the segments of a run may have {most} together. Write fewer and "
        "larger files.",
        path=path,
        number=count,
        most=MAX_FILES,
    )


def archived(path: str) -> Message:
    """Return what to say of a file that cannot be read where it lies."""
    return say(
        "{path} is in the archive tier, from which nothing can be read. Move it to the hot or cool tier, "
        "which takes hours, or add it again.",
        path=path,
    )


def clock_time(at: datetime) -> str:
    """Return an instant as sentences tell it."""
    return f"{at:%H:%M:%S} UTC"


def _why_not(path: str, blobs: Sequence[BlobInfo]) -> Message | None:
    if len(blobs) > MAX_FILES:
        return too_many(path, len(blobs))
    cold = next((blob.name for blob in blobs if blob.archived), None)
    if cold is not None:
        return archived(cold)
    forms = {_form(blob.name) for blob in blobs}
    if None in forms or len(forms) > 1:
        return say(
            "{path} has files of several forms, or of one that is not read here. The forms are {forms}.",
            path=path,
            forms=", ".join(FORMATS),
        )
    return None


def _form(path: str) -> str | None:
    """Return the form of a file among others, nothing for one that only its first bytes tell."""
    extension = extension_of(path)
    if extension is not None:
        return FORMATS[extension].name
    return "" if shard_of(path.rpartition("/")[2]) else None
