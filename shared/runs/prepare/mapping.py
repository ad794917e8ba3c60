"""The first pass of prepare: rows of segment files become profiles in the spool, or rejects."""

from collections.abc import Awaitable, Callable, Collection, MutableMapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

from shared.destinations.contract import Encoder
from shared.destinations.encoding.habits import NULL, Habit, Habits
from shared.destinations.model import InvalidProfile
from shared.domain.email import why_no_address
from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.reading import DateOrder, Dialect, Reading
from shared.domain.segment import SegmentFile, SegmentVersion, VersionStats
from shared.runs.state.rejects import InvalidRow, RejectWriter
from shared.segments.formats.names import column_name, it_has
from shared.segments.formats.reader import Reader
from shared.segments.formats.rows import Columns, Empty, ReadAnew, Row
from shared.segments.sources import open_source
from shared.segments.stats import bounded, earlier_names, earlier_orders, keep
from shared.storage.ports import Storage

if TYPE_CHECKING:
    from shared.runs.prepare.spool import Spool

type Report = Callable[[int], Awaitable[None]]
"""Told the number of rows read so far, now and then."""

REJECTS_PER_FILE = 5_000


@dataclass(frozen=True, slots=True)
class _ColumnIndexes:
    """At which index the mapped columns stand in the rows of one file."""

    width: int
    email: int
    others: Sequence[int]  # of the other mapped fields, in the export's order


class Mapper:
    """Reads versions one after the other; `rows` is how many rows they had so far.

    `readings` is, by segment, how its version is read, `habits` how the cells of it are written; both take
    what is found out about that on the way.
    """

    def __init__(
        self,
        export: Export,
        encoder: Encoder,
        spool: "Spool",
        rejects: RejectWriter,
        report: Report,
        readings: MutableMapping[str, Reading],
        habits: MutableMapping[str, Habits],
    ) -> None:
        self.rows = 0
        self._habits = habits
        self._readings = readings
        self._fields = {field: column_name(name) for field, name in export.fields.items()}
        self._wanted = list(dict.fromkeys(self._fields.values()))
        self._others = [name for field, name in self._fields.items() if field != "email"]
        self._nulls: Collection[str] = ()
        self._at_hand: Sequence[Habit] = ()  # of the version that is being read
        self._encoder = encoder
        self._spool = spool
        self._rejects = rejects
        self._report = report
        self._number = -1  # of the file, as in `Run.sources`
        self._source = ("", "")

    async def read(self, storage: Storage, version: SegmentVersion) -> None:
        """Read a version from front to back, and keep what there is to know of it; raise BadSegment.

        Raise ReadAnew once `readings` knows better than when it began: everything that came of the
        versions so far is then to be thrown away.
        """
        reading = self._readings.setdefault(version.segment, version.reading or Reading())
        habits = self._habits.setdefault(version.segment, self._told_by(version, reading))
        self._nulls, self._at_hand = habits.nulls, habits.columns
        self._encoder.begin(habits)
        try:
            await self._read(storage, version, reading)
        except ReadAnew as anew:
            self._readings[version.segment] = anew.reading
            del self._habits[version.segment]  # cells that were taken apart wrongly show nothing
            raise
        if any(habit.lacks_order for habit in habits.columns):
            earlier = await earlier_orders(storage.versions, version)
            for column, habit in zip(self._others, habits.columns, strict=True):
                habit.earlier_order = earlier.get(column)
        if not habits.is_settled:
            self._habits[version.segment] = habits.anew()
            raise ReadAnew(reading)

    def _told_by(self, version: SegmentVersion, reading: Reading) -> Habits:
        """Return what people have said of how the cells of a version are written."""
        told = {column_name(name): order for name, order in (reading.dates or {}).items()}
        columns = [Habit(told.get(column), told_decimal=reading.decimal) for column in self._others]
        return Habits(columns, frozenset([NULL, *(reading.nulls or ())]))

    def _shown(self, version: SegmentVersion) -> dict[str, DateOrder]:
        """Return by column in which order its dates are, where they have shown that."""
        habits = zip(self._others, self._habits[version.segment].columns, strict=True)
        return {
            column: next(iter(habit.orders)) for column, habit in habits if len(habit.orders) == 1
        }

    async def _read(self, storage: Storage, version: SegmentVersion, reading: Reading) -> None:
        before = self.rows
        columns: list[str] = []
        dialect: Dialect | None = None
        faults: dict[str, Message] = {}
        unseen: list[frozenset[str]] = []
        for file in version.sources:
            reader = await open_source(storage.segments, version, file, self._wanted, reading)
            self._number += 1
            self._source = (version.segment, version.name_of(file))
            try:
                await self._read_file(file, reader)
            except Empty:
                if len(version.sources) == 1:
                    raise
                continue  # Spark writes files of nothing
            columns = columns or list(reader.columns)
            dialect = dialect or reader.dialect
            faults = {**reader.faults, **faults}
            unseen.append(reader.unseen)
        if unseen and (nowhere := frozenset.intersection(*unseen)):
            nowhere -= await earlier_names(storage.versions, version)
            if nowhere:
                raise self._nowhere(version, min(nowhere))
        stats = VersionStats(
            columns=bounded(columns),
            rows=self.rows - before,
            dates=self._shown(version),
            faults=faults,
            dialect=dialect,
        )
        await keep(storage.versions, version, stats)

    async def _read_file(self, file: SegmentFile, reader: Reader) -> None:
        indexes: _ColumnIndexes | None = None
        async for block in reader.blocks():
            rows = block if isinstance(block, Columns) else list(block)
            if rows:
                indexes = indexes or self._indexes(file, reader)
                self._map(rows, indexes)
            await self._rejects.write(REJECTS_PER_FILE)
            await self._report(self.rows)
        if indexes is None:
            self._indexes(file, reader)

    def _map(self, rows: Columns | Sequence[Row], indexes: _ColumnIndexes) -> None:
        """Put the profiles of a block into the spool, and the other rows among the rejects."""
        from shared.runs.prepare.row_encoder import (
            encode_rows,  # with it comes pyarrow: see shared/arrow.py
        )

        self.rows += len(rows)
        rejects: list[InvalidRow] = []
        if not isinstance(rows, Columns):
            rows = self._columns(rows, indexes, rejects)
        emails, numbers = rows.texts[indexes.email], rows.numbers
        cells = [rows.texts[index] for index in indexes.others]
        for index, habit in zip(indexes.others, self._at_hand, strict=True):
            habit.is_typed = index in rows.typed
        encoded = encode_rows(
            self._number,
            numbers,
            self._encoder,
            emails,
            cells,
            lambda at: self._place(numbers[at]),
            self._nulls,
        )
        rejects += [(numbers[at], text, why_no_address(text)) for at, text in encoded.no_address]
        for at, address, values in encoded.left:
            try:
                fragment = self._encoder.encode(address, values, self._place(numbers[at]))
                encoded.put(at, address, fragment)
            except InvalidProfile as unfit:
                rejects.append((numbers[at], address, (unfit.code, unfit.reason)))
        self._spool.add(encoded.written())
        self._rejects.add_invalid(*self._source, sorted(rejects, key=itemgetter(0)))

    def _columns(
        self, rows: Sequence[Row], indexes: _ColumnIndexes, rejects: list[InvalidRow]
    ) -> Columns:
        """Return the rows that have as many cells as the header."""
        width = indexes.width
        for number, cells in rows:
            if len(cells) != width:
                reason = _miscounted(len(cells), width)
                rejects.append((number, "", ("wrong_field_count", reason)))
        whole = [row for row in rows if len(row[1]) == width] if rejects else rows
        numbers = [number for number, _ in whole]
        wanted = (indexes.email, *indexes.others)
        columns = {index: [cells[index] for _, cells in whole] for index in wanted}
        return Columns.of(numbers, columns)

    def _place(self, row: int) -> Message:
        """Return words for where a row of the file stands."""
        segment, file = self._source
        where = f"{segment}, {file}" if file else segment
        return say("row {row} of {segment}", row=str(row), segment=where)

    def _indexes(self, file: SegmentFile, reader: Reader) -> _ColumnIndexes:
        header = reader.header or []
        for field, column in self._fields.items():
            there = header.count(column)
            if there != 1:
                has = it_has(reader.columns)
                raise BadSegment(_not_one_column(there, file.path, column, field, has))
        mapped = self._fields
        others = [header.index(column) for field, column in mapped.items() if field != "email"]
        return _ColumnIndexes(len(header), header.index(mapped["email"]), others)

    def _nowhere(self, version: SegmentVersion, column: str) -> BadSegment:
        return BadSegment(
            say(
                "{path} has no object with the member '{column}', which the export maps to {field}. "
                "Where a profile has no value, write null. Nothing was sent.",
                path=version.path,
                column=column,
                field=next(name for name, each in self._fields.items() if each == column),
            )
        )


def _miscounted(cells: int, width: int) -> Message:
    return say("The row has {cells} fields and the header {width}.", cells=cells, width=width)


def _not_one_column(there: int, path: str, column: str, field: str, has: Message) -> Message:
    if there:
        return say(
            "{path} has more than one column '{column}', which the export maps to {field}. "
            "Nothing was sent.",
            path=path,
            column=column,
            field=field,
        )
    return say(
        "{path} has no column '{column}'. {there} The export maps it to {field}. Nothing was sent.",
        path=path,
        column=column,
        there=has,
        field=field,
    )
