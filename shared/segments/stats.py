"""Finds out what there is to know of a version once, and keeps it until newer versions push it out.

Columns are read when somebody looks. Rows are counted by whoever reads the whole version anyway, which is
prepare, by the arrival of a version that no run has read, and by a look at a small one.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice

from shared.domain.errors import BadSegment, OutOfReach
from shared.domain.message import Message
from shared.domain.reading import DateOrder, Dialect, Reading, SegmentReading
from shared.domain.segment import (
    Segment,
    SegmentStatus,
    SegmentVersion,
    VersionStats,
)
from shared.segments.catalogue import find_one, settled
from shared.segments.formats.reader import Reader
from shared.segments.formats.registry import may_leave_out_members
from shared.segments.formats.rows import Columns, Empty, ReadAnew
from shared.segments.inventory import SegmentFiles
from shared.segments.readings import said_of
from shared.segments.sources import open_source
from shared.storage.ports import Blobs, Records, Stored

KEPT = 5
"""Versions of a segment of which stats are kept."""

_FAULTS = 20  # columns of which a fault is kept
_SMALL = 8 * 1024 * 1024  # bytes that are counted while somebody waits
_COLUMN_CHARACTERS = 100_000  # of the names of columns that are kept
_LATEST = 9_999_999_999_999  # milliseconds; subtracted from, so that newer versions sort first


async def find_segment(
    files: Blobs,
    records: Records[VersionStats],
    readings: Records[SegmentReading],
    name: str,
    now: datetime,
) -> Segment | None:
    """Return a segment, or None if there is none; raise BadSegment when it cannot be read."""
    found = await find_one(files, name, now)
    if found is None:
        return None
    segment = await describe(files, records, name, found, await said_of(readings, name))
    if segment.reason is not None and (segment.newest is None or segment.stats.problem):
        raise BadSegment(segment.stats.problem or segment.reason)
    return segment


async def describe(
    files: Blobs,
    records: Records[VersionStats],
    name: str,
    found: SegmentFiles,
    reading: Reading | None = None,
) -> Segment:
    """Return a segment as people see it; `reading` is how they said that it is read."""
    found = await settled(files, found)
    newest = found.newest.read_by(reading) if found.newest else None
    stats = VersionStats()
    status, reason = SegmentStatus.READY, None
    if newest is not None:
        stats = await stats_of(files, records, newest)
        if stats.problem is not None:
            status, reason = SegmentStatus.UNREADABLE, stats.problem
    if (awaited := found.awaited) is not None:
        status, reason = awaited.status, awaited.reason
    until = awaited.until if awaited else None
    return Segment(name, newest, found.versions, stats, status, reason, until, found.unread)


async def stats_of(
    files: Blobs, records: Records[VersionStats], version: SegmentVersion, count: bool = False
) -> VersionStats:
    """Return the stats of a version; count its rows, however many, if that is asked for."""
    stored = await records.get(*_key(version))
    if stored and (stored.value.rows is not None or stored.value.problem or not count):
        return stored.value
    try:
        stats = await _read(files, version, count or version.size <= _SMALL)
    except OutOfReach as error:
        return VersionStats(problem=error.reason)  # not kept: it says nothing of the version
    await keep(records, version, stats)
    return stats


async def keep(
    records: Records[VersionStats], version: SegmentVersion, stats: VersionStats
) -> None:
    """Store the stats of a version, and remove those of older versions that nobody asks for any more."""
    partition, key = _key(version)
    stats = stats.model_copy(update={"faults": dict(islice(stats.faults.items(), _FAULTS))})
    older = await records.page(partition, after=key)
    if may_leave_out_members(version):
        had = dict.fromkeys(chain(*(names_of(stored.value) for stored in older)))
        missing = [name for name in had if name not in stats.columns]
        stats = stats.model_copy(update={"earlier": bounded(missing)})
    stats = stats.model_copy(update={"dates": {**_orders_of(older), **stats.dates}})
    await records.put(partition, key, stats)
    for stored in older[KEPT - 1 :]:
        await records.delete(partition, stored.key)


async def earlier_names(records: Records[VersionStats], version: SegmentVersion) -> frozenset[str]:
    """Return the columns of all versions before this one, as far as they are known."""
    partition, key = _key(version)
    older = await records.page(partition, after=key, limit=KEPT)
    return frozenset(chain(*(names_of(stored.value) for stored in older)))


async def earlier_orders(
    records: Records[VersionStats], version: SegmentVersion
) -> Mapping[str, DateOrder]:
    """Return the order of dates in each column in which a version before this one showed it."""
    partition, key = _key(version)
    return _orders_of(await records.page(partition, after=key, limit=KEPT))


def _orders_of(newest_first: Sequence[Stored[VersionStats]]) -> Mapping[str, DateOrder]:
    orders: dict[str, DateOrder] = {}
    for stored in reversed(newest_first):
        orders |= stored.value.dates
    return orders


def names_of(stats: VersionStats) -> Iterator[str]:
    """Yield the columns that a version had, and those of the versions before it."""
    return chain(stats.columns, stats.earlier)


def bounded(columns: Sequence[str]) -> list[str]:
    """Return as many columns as a record can hold."""
    kept, characters = [], 0
    for column in columns:
        characters += len(column) + 3
        if characters > _COLUMN_CHARACTERS:
            break
        kept.append(column)
    return kept


async def _read(files: Blobs, version: SegmentVersion, count: bool) -> VersionStats:
    """Read a version to its end, or as far as its columns can be seen."""
    reading = version.reading or Reading()
    while True:
        try:
            return await _read_by(reading, files, version, count)
        except ReadAnew as anew:
            reading = anew.reading


async def _read_by(
    reading: Reading, files: Blobs, version: SegmentVersion, count: bool
) -> VersionStats:
    columns: Sequence[str] = ()
    dialect: Dialect | None = None
    faults: dict[str, Message] = {}
    rows: int | None = 0
    for file in version.sources:
        try:
            reader = await open_source(files, version, file, reading=reading)
            seen = await _seen(reader, count)
        except OutOfReach:
            raise
        except Empty as error:
            if len(version.sources) == 1:
                return VersionStats(problem=error.reason)
            continue
        except BadSegment as error:
            return VersionStats(columns=bounded(columns), problem=error.reason)
        columns = columns or reader.columns
        dialect = dialect or reader.dialect
        faults = {**reader.faults, **faults}
        rows = None if rows is None or seen is None else rows + seen
        if rows is None and columns:
            break
    return VersionStats(columns=bounded(columns), rows=rows, faults=faults, dialect=dialect)


async def _seen(reader: Reader, count: bool) -> int | None:
    """Return how many rows a file has, or None when only its columns were looked at."""
    total = await reader.total()
    if total is not None:
        return total
    rows = 0
    async for block in reader.blocks():
        rows += len(block) if isinstance(block, Columns) else sum(1 for _ in block)
        if reader.header is not None and not count:
            return None
    return rows


def _key(version: SegmentVersion) -> tuple[str, str]:
    """Return the partition and the key of the stats of a version: newer ones sort first."""
    partition = hashlib.sha256(version.segment.encode()).hexdigest()[:32]
    digest = hashlib.sha256(version.key.encode()).hexdigest()[:32]
    return partition, f"{_LATEST - int(version.modified.timestamp() * 1000):013d}-{digest}"
