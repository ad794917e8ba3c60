"""Prepare: read the segment files once and lay out all work of a run before the first profile leaves.

First pass: every row is mapped, checked and written to a spool in the destination's own JSON. Second
pass: partition by partition, duplicates and unchanged profiles are found, and the rest goes into
parts. Memory does not grow with the number of rows.

If it dies it starts over: nothing has been sent, and what it wrote is written again.
"""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import IO

from shared.destinations.protocol import Encode, Limits, Unfit
from shared.domain.email import is_address, normal_form
from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.outcomes import Counts, Outcome, Reject
from shared.domain.run import Checkpoint, Mode, Phase, Run
from shared.domain.segment import SegmentVersion
from shared.exports.delivered import Digests, StateReader, digest_key, entries, packed, state_name
from shared.exports.members import keep_members
from shared.exports.names import digests
from shared.exports.parts import PartWriter, Profile
from shared.exports.rejects import RejectWriter
from shared.exports.services import Services
from shared.exports.spool import PARTITIONS, Spool, partition_of
from shared.segments.catalogue import newest_version, replaced
from shared.segments.csv_rows import CsvRows, Row
from shared.storage.ports import Blobs, Missing, Stale

type Report = Callable[[int], Awaitable[None]]
"""Told the number of rows read so far, now and then."""

_NOT_AN_ADDRESS = ("bad_address", "This is no email address.")
_NO_ADDRESS = ("no_address", "There is no email address.")

_BLOCK = 256 * 1024  # bytes parsed at once, which bounds the rows held in memory
_REJECTS_PER_FILE = 5_000
_UPLOAD_PIECE = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the mapped columns stand in one file."""

    width: int
    email: int
    values: Callable[[list[str]], Sequence[str]]  # the cells of the other mapped fields


async def resolve_versions(services: Services, export: Export) -> list[SegmentVersion]:
    """Return the newest version of each of the export's segments; raise BadSegment if one has none."""
    versions = []
    for name in export.segments:
        version = await newest_version(services.storage.segments, name)
        if version is None:
            raise BadSegment(f"The segment {name} has no file. Drop one at segments/{name}/.")
        versions.append(version)
    return versions


async def prepare(
    services: Services, run: Run, export: Export, encode: Encode, limits: Limits, report: Report
) -> Checkpoint:
    """Lay out the work of `run.versions`, and return the checkpoint that sending begins from.

    Raise BadSegment when a file cannot be read, lacks a mapped column or is replaced meanwhile, when
    there is no profile at all, or when there are more profiles than one export may hold.
    """
    storage = services.storage
    keyed = Digests(await digest_key(storage.secrets))
    rejects = RejectWriter(storage.run_files, run.id)
    compare = run.mode is Mode.CHANGES
    before = StateReader(storage.delivered.stream(state_name(export)) if compare else None)
    parts = PartWriter(storage.run_files, run.id, limits)
    with Spool() as spool, tempfile.TemporaryFile() as state:
        mapper = _Mapper(export, encode, spool, rejects, report)
        for number, version in enumerate(run.versions):
            before_it = mapper.rows
            await mapper.read(storage.segments, number, version)
            await keep_members(services, version, mapper.rows - before_it)
        if not mapper.rows:
            raise BadSegment(f"{_paths(run)} has a header but no profiles. Nothing was sent.")
        most = min(services.max_profiles, limits.profiles_per_export)
        sorter = _Sorter(run, keyed, before, rejects, parts, state, most)
        for partition in range(PARTITIONS):
            await sorter.sort(spool.lines(partition))
        if sorter.distinct > most:
            raise BadSegment(
                f"The export has {sorter.distinct:,} profiles and may have {most:,}. "
                "Nothing was sent; choose smaller segments."
            )
        await parts.close()
        await rejects.write()
        await storage.run_files.write(digests(run.id), _pieces(state))
    return Checkpoint(
        phase=Phase.SEND,
        rows_read=mapper.rows,
        profiles=parts.profiles,
        batches=parts.batches,
        reject_files=rejects.files_written,
        counts=Counts(unchanged=sorter.unchanged).plus(rejects.counts),
    )


class _Mapper:
    """The first pass: rows become profiles in the spool, or rejects."""

    def __init__(
        self, export: Export, encode: Encode, spool: Spool, rejects: RejectWriter, report: Report
    ) -> None:
        self.rows = 0
        self._export = export
        self._encode = encode
        self._spool = spool
        self._rejects = rejects
        self._report = report

    async def read(self, files: Blobs, number: int, version: SegmentVersion) -> None:
        """Read one file from front to back; raise BadSegment."""
        rows = CsvRows(version.path)
        columns: _Columns | None = None
        async for block in _blocks(files, version, rows):
            first = next(block, None)
            if first is not None:
                columns = columns or self._columns(version, rows.header or [])
                self._map(number, version.segment, chain((first,), block), columns)
            self._spool.write_out()
            await self._rejects.write(_REJECTS_PER_FILE)
            await self._report(self.rows)
        if columns is None:
            self._columns(version, rows.header or [])

    def _map(self, number: int, segment: str, rows: Iterator[Row], columns: _Columns) -> None:
        # Read once for each of a million rows: what the loop needs lies in local variables.
        width, email, values = columns.width, columns.email, columns.values
        encode, partitions = self._encode, self._spool.partitions
        count = 0
        for row, cells in rows:
            count += 1
            if len(cells) != width:
                reason = f"The row has {len(cells)} fields and the header {width}."
                self._reject(segment, row, "", "wrong_field_count", reason)
                continue
            address = normal_form(cells[email])
            if not is_address(address):
                code, reason = _NOT_AN_ADDRESS if address else _NO_ADDRESS
                self._reject(segment, row, address, code, reason)
                continue
            try:
                fragment = encode(address, values(cells))
            except Unfit as unfit:
                self._reject(segment, row, address, unfit.code, unfit.reason)
                continue
            plain = address.encode()
            line = f"{number}:{row}\t{address}\t".encode() + fragment
            partitions[partition_of(plain)].append(line)
        self.rows += count

    def _reject(self, segment: str, row: int, address: str, code: str, reason: str) -> None:
        self._rejects.add(Reject(segment, row, address, Outcome.INVALID, code, reason))

    def _columns(self, version: SegmentVersion, header: list[str]) -> _Columns:
        for field, column in self._export.fields.items():
            there = header.count(column)
            if there != 1:
                what = "has no column" if there == 0 else "has more than one column"
                raise BadSegment(
                    f"{version.path} {what} {column!r}, which the export maps to {field}. "
                    "Nothing was sent."
                )
        mapped = self._export.fields
        others = [header.index(column) for field, column in mapped.items() if field != "email"]
        return _Columns(len(header), header.index(mapped["email"]), _picker(others))


class _Sorter:
    """The second pass: one partition after the other, what needs sending goes into parts."""

    def __init__(
        self,
        run: Run,
        keyed: Digests,
        before: StateReader,
        rejects: RejectWriter,
        parts: PartWriter,
        state: IO[bytes],
        most: int,
    ) -> None:
        self.distinct = 0
        self.unchanged = 0
        self._segments = [version.segment for version in run.versions]
        self._digest = keyed.of
        self._before = before
        self._rejects = rejects
        self._parts = parts
        self._state = state
        self._most = most

    async def sort(self, lines: Sequence[bytes]) -> None:
        """Handle the profiles of the next partition."""
        before = frozenset(entries(await self._before.partition()))
        first: dict[bytes, bytes] = {}  # address -> origin of the row that counts
        digests: list[bytes] = []
        changed: list[Profile] = []
        for line in lines:
            origin, address, fragment = line.split(b"\t", 2)
            kept = first.setdefault(address, origin)
            if kept is not origin:
                self._reject_duplicate(origin, address, kept)
                continue
            digest = self._digest(fragment)
            digests.append(digest)
            if digest not in before:
                changed.append((origin, address, fragment))
        self.distinct += len(digests)
        self.unchanged += len(digests) - len(changed)
        if self.distinct <= self._most:  # beyond that they are only counted, for the message
            self._state.write(packed(digests))
            await self._parts.add(changed)
        await self._rejects.write(_REJECTS_PER_FILE)

    def _reject_duplicate(self, origin: bytes, address: bytes, kept: bytes) -> None:
        segment, row = self._place(origin)
        same, as_row = self._place(kept)
        reason = f"The same address as row {as_row} of {same}, which counts."
        self._rejects.add(
            Reject(segment, row, address.decode(), Outcome.DUPLICATE, "duplicate", reason)
        )

    def _place(self, origin: bytes) -> tuple[str, int]:
        number, row = origin.split(b":")
        return self._segments[int(number)], int(row)


def _picker(columns: Sequence[int]) -> Callable[[list[str]], Sequence[str]]:
    """Return what takes these cells of a row, in this order."""
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda cells: [cells[column] for column in columns]


async def _blocks(
    files: Blobs, version: SegmentVersion, rows: CsvRows
) -> AsyncIterator[Iterator[Row]]:
    """Yield the rows of a file, block by block as its bytes come in."""
    try:
        async for data in files.stream(version.path, version.etag):
            for start in range(0, len(data), _BLOCK):
                yield rows.feed(data[start : start + _BLOCK])
    except (Missing, Stale):
        raise replaced(version) from None
    yield rows.close()


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := file.read(_UPLOAD_PIECE):
        yield piece


def _paths(run: Run) -> str:
    return " and ".join(version.path for version in run.versions)
