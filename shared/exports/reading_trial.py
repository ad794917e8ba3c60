"""Trying a reading: the first rows of a segment as they would be read, of which nothing is kept.

What it shows holds personal data: it is answered to whoever asked, and neither logged nor kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from shared.domain.audit import Action, Actor
from shared.domain.errors import Conflict, NotFound
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.reading import Dialect, Reading
from shared.domain.segment import SegmentFile, SegmentVersion
from shared.exports.readings import require_may_say
from shared.people.audit_trail import record, segment_object
from shared.segments.catalogue import newest_version
from shared.segments.formats.rows import Empty, ReadAnew, empty
from shared.segments.sources import open_source
from shared.services import Services
from shared.storage.ports import Blobs

ROWS = 20
"""How many rows are shown."""

_NULL = "\\N"  # what databases write for an empty cell, whatever else does
_BLOCKS = 16  # of half a megabyte of a file that are looked through for them
_CHARACTERS = 256 * 1024  # of cells, behind which no other row is shown


@dataclass(frozen=True, slots=True)
class Trial:
    """The first rows of a segment under a reading; the cells of a row are in the order of the columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    dialect: Dialect | None  # None of a form that has none


async def try_reading(services: Services, caller: Caller, segment: str, reading: Reading) -> Trial:
    """Read the beginning of a segment's newest version, the first file of it that has one.

    Raise NotAllowed, NotFound, Conflict when its files say themselves how they are read, or BadSegment
    when they cannot be read so.
    """
    await require_may_say(services, caller, segment)
    files = services.storage.segments
    version = await newest_version(files, segment, services.clock.now())
    if version is None:
        raise NotFound(say("There is no such segment."))
    by, said = Actor.of(caller.person), reading.model_dump(mode="json", exclude_none=True)
    await record(services, by, Action.READING_TRIED, segment_object(segment), reading=said)
    if version.sources[0].path.lower().endswith(".parquet"):
        raise Conflict(
            say("Parquet files say themselves how they are read. Only text files can be tried.")
        )
    return await _first(files, version.read_by(reading))


async def _first(files: Blobs, version: SegmentVersion) -> Trial:
    for file in version.sources:
        try:
            columns = (await _beginning(files, version, file, ())).columns
            return await _beginning(files, version, file, columns)
        except ReadAnew as anew:
            return await _first(files, version.read_by(anew.reading))
        except Empty:
            continue
    raise empty(version.path)


async def _beginning(
    files: Blobs, version: SegmentVersion, file: SegmentFile, wanted: Sequence[str]
) -> Trial:
    """Return the first rows of a file, with the cells of the wanted columns."""
    reader = await open_source(files, version, file, wanted)
    said = version.reading.nulls if version.reading else None
    nulls = {_NULL, *(said or ())}
    rows: list[Sequence[str]] = []
    characters = looked_at = 0
    async for block in reader.blocks():
        looked_at += 1
        for _, cells in islice(block, ROWS - len(rows)):
            if characters > _CHARACTERS:
                break
            characters += sum(map(len, cells))
            rows.append(["" if cell.strip() in nulls else cell for cell in cells])
        if len(rows) == ROWS or looked_at == _BLOCKS or characters > _CHARACTERS:
            break
    return Trial(reader.columns, rows, reader.dialect)
