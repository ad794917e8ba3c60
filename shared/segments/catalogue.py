"""Which segments there are: their newest files and their columns."""

from collections.abc import Sequence

from shared.domain.errors import BadSegment
from shared.domain.segment import Segment, SegmentVersion, segment_of
from shared.segments.csv_rows import CsvRows
from shared.storage.ports import BlobInfo, Blobs, Missing, Stale

_BLOCK = 256 * 1024  # bytes parsed at once


async def newest_versions(files: Blobs) -> dict[str, tuple[SegmentVersion, int]]:
    """Return the newest version of every segment, with how many versions there are."""
    found: dict[str, tuple[SegmentVersion, int]] = {}
    async for blob in files.list():
        version = version_of(blob)
        if version is None:
            continue
        newest, count = found.get(version.segment, (version, 0))
        found[version.segment] = (max(newest, version, key=_age), count + 1)
    return found


async def newest_version(files: Blobs, name: str) -> SegmentVersion | None:
    """Return the newest version of one segment, or None if there is none."""
    versions = [
        version
        async for blob in files.list(name)
        if (version := version_of(blob)) and version.segment == name
    ]
    return max(versions, key=_age, default=None)


async def list_segments(files: Blobs) -> Sequence[Segment]:
    """Return every segment by name. A file whose header cannot be read has no columns."""
    return [
        Segment(name, newest, count, await _columns_or_none(files, newest))
        for name, (newest, count) in sorted((await newest_versions(files)).items())
    ]


async def find_segment(files: Blobs, name: str) -> Segment | None:
    """Return one segment, or None; raise BadSegment when its header cannot be read."""
    versions = [
        version
        async for blob in files.list(name)
        if (version := version_of(blob)) and version.segment == name
    ]
    if not versions:
        return None
    newest = max(versions, key=_age)
    return Segment(name, newest, len(versions), await columns(files, newest))


async def columns(files: Blobs, version: SegmentVersion) -> tuple[str, ...]:
    """Return the columns of a version; raise BadSegment when its header cannot be read."""
    rows = CsvRows(version.path)
    try:
        async for block in files.stream(version.path, version.etag):
            for _ in rows.feed(block):
                break
            if rows.header is not None:
                return tuple(rows.header)
    except (Missing, Stale):
        raise replaced(version) from None
    for _ in rows.close():
        break
    return tuple(rows.header or ())


async def count_rows(files: Blobs, version: SegmentVersion, most: int) -> int:
    """Return how many rows a version has; reading stops soon after `most` of them, at any number above.

    Raise BadSegment when it cannot be read so far.
    """
    rows, count = CsvRows(version.path), 0
    try:
        async for data in files.stream(version.path, version.etag):
            for start in range(0, len(data), _BLOCK):
                count += sum(1 for _ in rows.feed(data[start : start + _BLOCK]))
                if count > most:
                    return count
    except (Missing, Stale):
        raise replaced(version) from None
    return count + sum(1 for _ in rows.close())


def version_of(blob: BlobInfo) -> SegmentVersion | None:
    """Return the segment version that a blob is, or None if it is no segment file."""
    segment = segment_of(blob.name)
    if segment is None:
        return None
    return SegmentVersion(
        segment=segment, path=blob.name, etag=blob.etag, size=blob.size, modified=blob.modified
    )


def replaced(version: SegmentVersion) -> BadSegment:
    """Return what to say of a file that is no longer the version it was."""
    return BadSegment(
        f"{version.path} was replaced or removed while it was read. Nothing was sent; "
        "the next run takes the file that is there then."
    )


async def _columns_or_none(files: Blobs, version: SegmentVersion) -> tuple[str, ...]:
    try:
        return await columns(files, version)
    except BadSegment:
        return ()


def _age(version: SegmentVersion) -> tuple[object, str]:
    return version.modified, version.path
