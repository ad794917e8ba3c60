"""Finds versions together with what people have said about how their segments are read."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.domain.reading import Reading, SegmentReading
from shared.domain.segment import SegmentVersion
from shared.segments.catalogue import landed_versions, newest_version
from shared.storage.entries import SettingsTable
from shared.storage.ports import Records, Storage

_PAGE = 1_000  # the most that a table gives at once


async def version_to_read(storage: Storage, segment: str, now: datetime) -> SegmentVersion | None:
    """Return the newest complete version of a segment and how it is read, or None if it has no files.

    Raise BadSegment when there are files and no complete version.
    """
    version = await newest_version(storage.segments, segment, now)
    return await to_read(storage, version) if version else None


async def landed_to_read(storage: Storage, path: str, now: datetime) -> Sequence[SegmentVersion]:
    """Return the versions that are complete now that a file has been written, and how they are read."""
    return [
        await to_read(storage, version)
        for version in await landed_versions(storage.segments, path, now)
    ]


async def to_read(storage: Storage, version: SegmentVersion) -> SegmentVersion:
    """Return a version as it is to be read, by what people have said about its segment."""
    return version.read_by(await said_of(storage.readings, version.segment))


async def said_of(records: Records[SegmentReading], segment: str) -> Reading | None:
    """Return how a segment is read, as far as anybody has said so."""
    stored = await records.get(SettingsTable.READINGS, key_of(segment))
    return stored.value.reading if stored else None


async def all_said(records: Records[SegmentReading]) -> Mapping[str, Reading]:
    """Return how segments are read, by name, of which anybody has said something."""
    said: dict[str, Reading] = {}
    after = ""
    while page := await records.page(SettingsTable.READINGS, after=after, limit=_PAGE):
        said |= {stored.value.segment: stored.value.reading for stored in page}
        after = page[-1].key
    return said


def key_of(segment: str) -> str:
    """Return the key of a segment's reading; no table takes every name of a segment for one."""
    return hashlib.sha256(segment.encode()).hexdigest()[:32]
