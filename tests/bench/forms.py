"""What preparing a segment costs in each form: CPU seconds and the most memory of a process of its own.

Beside it stands a plain loop over the same CSV file, Python's `csv` and orjson, that makes the same bodies
and nothing else: it checks no address, finds no duplicate, compares with nothing and stores nothing.

python -m tests.bench.forms --rows 1000000
"""

import argparse
import asyncio
import csv
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from shared.exports.prepare import prepare, resolve_versions
from shared.segments.forms import FORMS
from shared.storage.ports import ALL, BlobInfo
from tests.exports.world import World, ready
from tests.fakes.storage import MemoryBlobs
from tests.segments.memory import peak_mib

_PIECE = 4 * 1024 * 1024
_COLUMNS = ("Email", "First", "Last")
_PROFILES = 500  # of a body


class OneFile(MemoryBlobs):
    """A container whose one blob lies on disk, and which keeps nothing that is written to it."""

    def __init__(self, world: World, file: Path) -> None:
        super().__init__(world.clock)
        self._file = file
        name, size = f"Customers/{file.name}", file.stat().st_size
        self._info = BlobInfo(name, '"1"', size, world.clock.now())

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield the one blob."""
        yield self._info

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield it in pieces; there is no delivered state to be read."""
        if name == self._info.name:
            with self._file.open("rb") as file:
                while piece := file.read(_PIECE):
                    yield piece

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Return some of it."""
        with self._file.open("rb") as file:
            file.seek(offset)
            return file.read(size)

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Forget it."""
        if not isinstance(data, bytes):
            async for _ in data:
                pass


def main() -> None:
    """Measure each form in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.forms")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path, help="measure this one and print it as JSON")
    parser.add_argument("--plain", action="store_true", help="with --file, measure the plain loop")
    options = parser.parse_args()
    if options.file:
        figures = plain(options.file) if options.plain else asyncio.run(measure(options.file))
        print(json.dumps(figures))
        return
    table = Table(title=f"Preparing {options.rows:,} profiles")
    for column in ("form", "file", "CPU", "÷ plain loop", "most memory"):
        table.add_column(column, justify="left" if column == "form" else "right")
    reference = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for extension, form in FORMS.items():
            if extension == ".jsonl" or extension == ".jsonl.gz":
                continue  # another name of NDJSON
            file = Path(folder) / f"1{extension}"
            file.write_bytes(written(extension, options.rows))
            size = f"{file.stat().st_size / 2**20:.1f} MiB"
            if extension == ".csv":
                reference, mib = _in_its_own_process(file, "--plain")
                table.add_row("plain loop", size, f"{reference:.1f} s", "1.0", f"{mib:.0f} MiB")
            seconds, mib = _in_its_own_process(file)
            ratio = f"{seconds / reference:.1f}"
            table.add_row(form.name, size, f"{seconds:.1f} s", ratio, f"{mib:.0f} MiB")
    Console().print(table)


def _in_its_own_process(file: Path, *options: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.bench.forms", "--file", str(file), *options]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this module
    seconds, mib = json.loads(answer.stdout)
    return seconds, mib


def plain(file: Path) -> tuple[float, float]:
    """Make the bodies of a CSV file in a plain loop; return the CPU seconds and the most memory in MiB."""
    began, size = time.process_time(), 0
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        while batch := list(islice(rows, _PROFILES)):
            members = [
                {"email_address": email, "merge_fields": {"FNAME": first, "LNAME": last}}
                for email, first, last in batch
            ]
            size += len(orjson.dumps({"members": members, "update_existing": True}))
    assert size
    return time.process_time() - began, peak_mib()


async def measure(file: Path) -> tuple[float, float]:
    """Prepare the segment that a file is; return the CPU seconds and the most memory in MiB."""
    world = await ready(max_profiles=100_000_000)
    here = OneFile(world, file)
    world.having(storage=replace(world.services.storage, segments=here, run_files=here))
    export = await world.services.storage.exports.get(ALL, "export")
    assert export is not None
    run = await world.start()
    versions = await resolve_versions(world.services, export.value)
    limits = world.services.destinations["mailchimp"].limits
    limits = replace(limits, profiles_per_export=100_000_000)
    began = time.process_time()
    laid_out = await prepare(
        world.services,
        run.model_copy(update={"versions": versions}),
        export.value,
        _encoded,
        limits,
        _unheard,
    )
    assert laid_out.profiles == laid_out.rows_read > 0
    return time.process_time() - began, peak_mib()


def written(extension: str, rows: int) -> bytes:
    """Return a file of this form."""
    if extension == ".parquet":
        from tests.segments.parquet import parquet  # pyarrow counts where there is Parquet only

        names = zip(_COLUMNS, ("user{}@example.com", "First{}", "Last{}"), strict=True)
        return parquet({name: [text.format(n) for n in range(rows)] for name, text in names})
    if extension.startswith(".csv"):
        lines = (f"user{n}@example.com,First{n},Last{n}\n" for n in range(rows))
        data = (",".join(_COLUMNS) + "\n" + "".join(lines)).encode()
    else:
        data = b"".join(
            b'{"Email": "user%d@example.com", "First": "First%d", "Last": "Last%d"}\n' % (n, n, n)
            for n in range(rows)
        )
    return gzip.compress(data) if extension.endswith(".gz") else data


def _encoded(address: str, cells: Sequence[str]) -> bytes:
    return orjson.dumps(
        {"email_address": address, "merge_fields": {"FNAME": cells[0], "LNAME": cells[1]}}
    )


async def _unheard(_: int) -> None:
    return


if __name__ == "__main__":
    main()
