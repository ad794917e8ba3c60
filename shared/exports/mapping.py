"""The first pass of prepare: rows of segment files become profiles in the spool, or rejects."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from shared.destinations.protocol import Encode, Unfit
from shared.domain.email import is_address, normal_form
from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.outcomes import Outcome, Reject
from shared.domain.segment import SegmentFile, SegmentVersion, VersionFacts
from shared.exports.rejects import RejectWriter
from shared.exports.spool import Spool, partition_of
from shared.segments.catalogue import replaced
from shared.segments.facts import bounded, keep
from shared.segments.forms import Reader, open_file
from shared.segments.rows import Empty, Row
from shared.storage.ports import Missing, Stale, Storage

type Report = Callable[[int], Awaitable[None]]
"""Told the number of rows read so far, now and then."""

REJECTS_PER_FILE = 5_000

_NOT_AN_ADDRESS = ("bad_address", say("This is no email address."))
_NO_ADDRESS = ("no_address", say("There is no email address."))


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the mapped columns stand in one file."""

    width: int
    email: int
    values: Callable[[Sequence[str]], Sequence[str]]  # the cells of the other mapped fields


class Mapper:
    """Reads versions one after the other; `rows` is how many rows they had so far."""

    def __init__(
        self, export: Export, encode: Encode, spool: Spool, rejects: RejectWriter, report: Report
    ) -> None:
        self.rows = 0
        self._export = export
        self._wanted = list(dict.fromkeys(export.fields.values()))
        self._encode = encode
        self._spool = spool
        self._rejects = rejects
        self._report = report
        self._number = -1  # of the file, as in `Run.places`
        self._place = ("", "")

    async def read(self, storage: Storage, version: SegmentVersion) -> None:
        """Read a version from front to back, and keep what there is to know of it; raise BadSegment."""
        before = self.rows
        columns: list[str] = []
        unseen: list[frozenset[str]] = []
        for file in version.sources:
            reader = open_file(storage.segments, version, file, self._wanted)
            self._number += 1
            self._place = (version.segment, version.name_of(file))
            try:
                await self._read_file(file, reader)
            except Empty:
                if len(version.sources) == 1:
                    raise
                continue  # Spark writes files of nothing
            except (Missing, Stale):
                raise replaced(file.path) from None
            columns = columns or list(reader.columns)
            unseen.append(reader.unseen)
        if unseen and (nowhere := frozenset.intersection(*unseen)):
            raise self._nowhere(version, min(nowhere))
        facts = VersionFacts(columns=bounded(columns), rows=self.rows - before)
        await keep(storage.versions, version, facts)

    async def _read_file(self, file: SegmentFile, reader: Reader) -> None:
        columns: _Columns | None = None
        async for block in reader.blocks():
            first = next(block, None)
            if first is not None:
                columns = columns or self._columns(file, reader.header or [])
                self._map(chain((first,), block), columns)
            self._spool.write_out()
            await self._rejects.write(REJECTS_PER_FILE)
            await self._report(self.rows)
        if columns is None:
            self._columns(file, reader.header or [])

    def _map(self, rows: Iterator[Row], columns: _Columns) -> None:
        # Read once for each of a million rows: what the loop needs lies in local variables.
        width, email, values = columns.width, columns.email, columns.values
        encode, partitions = self._encode, self._spool.partitions
        number, count = self._number, 0
        for row, cells in rows:
            count += 1
            if len(cells) != width:
                self._reject(row, "", "wrong_field_count", _miscounted(len(cells), width))
                continue
            address = normal_form(cells[email])
            if not is_address(address):
                code, reason = _NOT_AN_ADDRESS if address else _NO_ADDRESS
                self._reject(row, address, code, reason)
                continue
            try:
                fragment = encode(address, values(cells))
            except Unfit as unfit:
                self._reject(row, address, unfit.code, unfit.reason)
                continue
            plain = address.encode()
            line = b"%d:%d\t%b\t%b" % (number, row, plain, fragment)
            partitions[partition_of(plain)].append(line)
        self.rows += count

    def _reject(self, row: int, address: str, code: str, reason: Message) -> None:
        segment, file = self._place
        self._rejects.add(Reject(segment, row, address, Outcome.INVALID, code, reason, file))

    def _columns(self, file: SegmentFile, header: list[str]) -> _Columns:
        for field, column in self._export.fields.items():
            there = header.count(column)
            if there != 1:
                raise BadSegment(_not_one_column(there, file.path, column, field))
        mapped = self._export.fields
        others = [header.index(column) for field, column in mapped.items() if field != "email"]
        return _Columns(len(header), header.index(mapped["email"]), _picker(others))

    def _nowhere(self, version: SegmentVersion, column: str) -> BadSegment:
        return BadSegment(
            say(
                "{path} has no object with the member '{column}', which the export maps to {field}. "
                "Where a profile has no value, write null. Nothing was sent.",
                path=version.path,
                column=column,
                field=next(name for name, each in self._export.fields.items() if each == column),
            )
        )


def _picker(columns: Sequence[int]) -> Callable[[Sequence[str]], Sequence[str]]:
    """Return what takes these cells of a row, in this order."""
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda cells: [cells[column] for column in columns]


def _miscounted(cells: int, width: int) -> Message:
    return say("The row has {cells} fields and the header {width}.", cells=cells, width=width)


def _not_one_column(there: int, path: str, column: str, field: str) -> Message:
    if there:
        return say(
            "{path} has more than one column '{column}', which the export maps to {field}. "
            "Nothing was sent.",
            path=path,
            column=column,
            field=field,
        )
    return say(
        "{path} has no column '{column}', which the export maps to {field}. Nothing was sent.",
        path=path,
        column=column,
        field=field,
    )
