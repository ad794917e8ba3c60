"""Trying a reading: the first rows of a segment as they would be read, of which nothing is kept.

What it shows holds personal data: it is answered to whoever asked, and neither logged nor kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from shared.destinations.encoding import numbers
from shared.destinations.encoding.field_types import check_of
from shared.destinations.encoding.habits import NULL, Habit
from shared.destinations.encoding.why import Why
from shared.destinations.model import Field, FieldType
from shared.domain.audit import Action, Actor
from shared.domain.errors import NotFound
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.reading import Dialect, Reading
from shared.domain.segment import SegmentFile, SegmentVersion
from shared.exports.readings import require_may_say
from shared.people.audit_trail import record, segment_object
from shared.segments.catalogue import newest_version
from shared.segments.formats.names import column_name
from shared.segments.formats.reader import Reader
from shared.segments.formats.rows import Block, Columns, Empty, ReadAnew, empty
from shared.segments.sources import open_source
from shared.services import Services
from shared.storage.ports import Blobs

ROWS = 20
"""How many rows are shown."""

_DATE = check_of(Field("", "", kind=FieldType.DATE))
_BLOCKS = 16  # of half a megabyte of a file that are looked through for them
_CHARACTERS = 256 * 1024  # of cells, behind which no other row is shown


@dataclass(frozen=True, slots=True)
class Trial:
    """The first rows of a segment under a reading; the cells of a row are in the order of the columns.

    Columns are those that fields can be filled with.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    dialect: Dialect | None  # None of a form that has none


async def try_reading(services: Services, caller: Caller, segment: str, reading: Reading) -> Trial:
    """Read the beginning of a segment's newest version, the first file of it that has one.

    Raise NotAllowed, NotFound, or BadSegment when it cannot be read so.
    """
    await require_may_say(services, caller, segment)
    files = services.storage.segments
    version = await newest_version(files, segment, services.clock.now())
    if version is None:
        raise NotFound(say("There is no such segment."))
    by, said = Actor.of(caller.person), reading.model_dump(mode="json", exclude_none=True)
    await record(services, by, Action.READING_TRIED, segment_object(segment), reading=said)
    return await _first(files, version.read_by(reading))


async def _first(files: Blobs, version: SegmentVersion) -> Trial:
    for file in version.sources:
        try:
            looked_at = await _opened(files, version, file)
            return await _beginning(files, version, file, _readable(looked_at))
        except ReadAnew as anew:
            return await _first(files, version.read_by(anew.reading))
        except Empty:
            continue
    raise empty(version.path)


def _readable(reader: Reader) -> Sequence[str]:
    """Return the columns to show: a fault of text may be what the reading is about, one of a type stays."""
    if reader.dialect is not None:
        return reader.columns
    return [name for name in reader.columns if name not in reader.faults]


async def _opened(files: Blobs, version: SegmentVersion, file: SegmentFile) -> Reader:
    """Return the reader of a file, of which so much was read that it knows the columns."""
    reader = await open_source(files, version, file)
    if await reader.total() is None:
        looked_at = 0
        async for block in reader.blocks():
            rows = len(block) if isinstance(block, Columns) else sum(1 for _ in block)
            looked_at += 1
            if rows >= ROWS or looked_at == _BLOCKS:
                break
    return reader


async def _beginning(
    files: Blobs, version: SegmentVersion, file: SegmentFile, wanted: Sequence[str]
) -> Trial:
    """Return the first rows of a file, with the cells of the wanted columns."""
    reader = await open_source(files, version, file, wanted)
    shown = _Shown(version.reading or Reading())
    rows: list[Sequence[str]] = []
    characters = looked_at = 0
    async for block in reader.blocks():
        looked_at += 1
        header = reader.header or []
        for cells in islice(_by_place(block), ROWS - len(rows)):
            if characters > _CHARACTERS:
                break
            characters += sum(map(len, cells.values()))
            typed = block.typed if isinstance(block, Columns) else ()
            rows.append(
                [
                    shown.cell(header[place], cell, place in typed)
                    for place, cell in cells.items()
                    if place >= len(header) or header[place]
                ]
            )
        if len(rows) == ROWS or looked_at == _BLOCKS or characters > _CHARACTERS:
            break
    return Trial([name for name in reader.header or () if name], rows, reader.dialect)


def _by_place(block: Block) -> Iterator[Mapping[int, str]]:
    """Yield the cells of rows by their places in the header."""
    places = sorted(block.texts) if isinstance(block, Columns) else None
    for _, cells in block:
        yield dict(enumerate(cells) if places is None else zip(places, cells, strict=True))


class _Shown:
    """Shows cells as what they are taken for under a reading."""

    def __init__(self, reading: Reading) -> None:
        self._nulls = {NULL, *(reading.nulls or ())}
        self._decimal = reading.decimal
        self._dates = {
            column_name(name): Habit(told_order=order)
            for name, order in (reading.dates or {}).items()
        }

    def cell(self, column: str, cell: str, is_typed: bool) -> str:
        """Return what becomes of a cell: nothing if it is left out where a field takes it for a date."""
        text = cell.strip()
        if not text or text in self._nulls:
            return ""
        if column in self._dates:
            plain = _DATE.plain(text, self._dates[column])
            return "" if isinstance(plain, Why) else plain
        return text if is_typed or self._decimal is None else self._number(text)

    def _number(self, text: str) -> str:
        """Return a number as a plain decimal if the decimal mark makes a difference, else the same text."""
        found = numbers.read(text)
        if found is None:
            return text
        if found.mark is not None:
            return found.plain if found.mark == self._decimal else found.in_thousands
        return found.plain if found.shows == self._decimal else text
