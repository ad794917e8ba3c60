"""What rows cost that are not plain: the processor's time of reading, checking and writing them.

Each kind of file is read as the first pass of preparing a run does, in this process, from memory, in turns;
what is compared are the medians. The goals: a file in another dialect takes at most 1.3 times as long as the
plain one, and a row that needs a decision at most 4 µs more than a plain one.

python -m tests.bench dialects --rows 50000 --times 15
"""

import argparse
import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Values
from shared.destinations.model import Field, FieldType, Target
from shared.domain.clock import SystemClock
from shared.domain.export import Export
from shared.runs.prepare.mapping import Mapper
from shared.runs.prepare.spool import Spool
from shared.runs.state.rejects import RejectWriter
from shared.segments.catalogue import newest_version
from shared.segments.formats.rows import ReadAnew
from tests.bench.profiles import COLUMNS, FIELDS
from tests.bench.results import Results
from tests.fakes.storage import MemoryBlobs, memory_storage

_PIECE = 4 * 1024 * 1024  # bytes that storage gives at once

_EXPORT = Export(
    id="export",
    name="Newsletter",
    connection_id="connection",
    destination="mailchimp",
    list_id="list",
    list_name="Newsletter",
    fields=FIELDS,
    segments=["Customers"],
    created_at=datetime(2026, 11, 30, tzinfo=UTC),
    attached_at=datetime(2026, 11, 30, tzinfo=UTC),
    scheduled_at=datetime(2026, 11, 30, tzinfo=UTC),
)
_KINDS = {"phone": FieldType.PHONE, "SCORE": FieldType.NUMBER}


@dataclass(frozen=True)
class _Case:
    """A file, by how a row becomes a line of it and what the cells are, and the fields it goes to."""

    line: Callable[[Sequence[str]], str] = ",".join
    cells: dict[str, str] = field(default_factory=dict)  # those that are not as in COLUMNS
    fields: Sequence[Field] = ()  # the same


def _field(name: str, kind: FieldType = FieldType.TEXT, longest: int | None = 255) -> Field:
    return Field(name, name, kind=kind, longest=longest)


def _with_backslash(cells: Sequence[str]) -> str:
    return ",".join(f'"{cell}"' if '"' in cell else cell for cell in cells)


_PLAIN = "plain"
_CASES: Mapping[str, _Case] = {
    _PLAIN: _Case(),
    "semicolons": _Case(";".join),
    "tabs": _Case("\t".join),
    'a \\" in each row': _Case(_with_backslash, {"Product": 'Product \\"{0}\\"'}),
    'a \\" in each 20th row': _Case(_with_backslash),
    "a text cut in each row": _Case(fields=[_field("CITY", longest=4)]),
    "each row refused": _Case(cells={"Email": "user{0}@example"}),
    "each address to be looked at": _Case(cells={"Email": "<user{0}@example.com>"}),
    "a number left out in each row": _Case(fields=[_field("PRODUCT", FieldType.NUMBER)]),
    "a date left out in each row": _Case(
        cells={"Score": "46{0:06d}"}, fields=[_field("SCORE", FieldType.DATE)]
    ),
    "a phone left out in each row": _Case(cells={"Phone": "none"}),
}


class _Pieces(MemoryBlobs):
    """Blobs that come in pieces, as those of Azure do."""

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield a blob."""
        data = await self.read(name)
        for start in range(0, len(data), _PIECE):
            yield data[start : start + _PIECE]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=50_000, help="profiles of each file")
    parser.add_argument("--times", type=int, default=15, help="rounds, of which medians are taken")


def run(options: argparse.Namespace) -> Results:
    """Measure each kind round by round, and print a table."""
    files = {name: _file(name, case, options.rows) for name, case in _CASES.items()}
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(options.times + 1):
        for name, case in _CASES.items():
            taken[name].append(asyncio.run(_read(files[name], case)))
    seconds = {name: statistics.median(each[1:]) for name, each in taken.items()}  # one to warm up
    plain = seconds[_PLAIN]
    rows = [
        {
            "file": name,
            "cpu_seconds": each,
            "times_plain": each / plain,
            "more_per_million_rows_seconds": (each - plain) / options.rows * 1e6,
        }
        for name, each in seconds.items()
    ]
    table = Table(title=f"{options.rows:,} rows of nine columns, prepared", title_justify="left")
    for column in ("file", "CPU", "÷ plain", "more for each row"):
        table.add_column(column, justify="left" if column == "file" else "right")
    for row in rows:
        cpu, more = f"{row['cpu_seconds']:.3f} s", f"{row['more_per_million_rows_seconds']:.1f} µs"
        table.add_row(str(row["file"]), cpu, f"{row['times_plain']:.2f}", more)
    Console(width=120).print(table)
    return Results(rows=rows[1:], reference=rows[:1])


def _file(name: str, case: _Case, rows: int) -> bytes:
    lines = [case.line(list(COLUMNS))]
    for number in range(rows):
        cells = [text.format(number) for text in (COLUMNS | case.cells).values()]
        if name == 'a \\" in each 20th row' and number % 20 == 0:
            cells[7] = f'Product \\"{number}\\"'
        lines.append(case.line(cells))
    return "\n".join(lines).encode() + b"\n"


async def _read(data: bytes, case: _Case) -> float:
    """Return the seconds of the processor that the rows of a file take."""
    clock = SystemClock()
    blobs = _Pieces(clock)
    storage = replace(memory_storage(clock), segments=blobs)
    await blobs.write("Customers/1.csv", data)
    version = await newest_version(blobs, "Customers", clock.now())
    assert version is not None
    mapped = [name for name in FIELDS if name != "email"]
    own = {each.name: each for each in case.fields}
    fields = [own.get(name) or _field(name, _KINDS.get(name, FieldType.TEXT)) for name in mapped]
    values = Values(fields, Target("list", mapped), in_bytes=True)
    members = Group({name: member(name) for name in mapped}, ',"merge_fields":{', "}")
    encoder = ValuesEncoder(Template('{"email_address":', [members], "}"), values)
    with Spool() as spool:
        rejects = RejectWriter(storage.run_files, "run")
        mapper = Mapper(_EXPORT, encoder, spool, rejects, _nobody, {}, {})
        began = time.process_time()
        while True:
            try:
                await mapper.read(storage, version)
            except ReadAnew:
                continue
            return time.process_time() - began


async def _nobody(rows: int) -> None:
    """Tell nobody how many rows were read."""
