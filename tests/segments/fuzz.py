"""Any bytes under any name give rows or BadSegment: never another error, never memory without end.

    python -m tests.segments.fuzz --seconds 60 --seed 1

takes the corpus apart: files are cut, joined and repeated, bytes and numbers in them changed. It keeps a
file that does anything else, and says which seed makes it again.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from shared.domain.errors import BadSegment
from shared.domain.reading import Reading
from shared.domain.segment import SegmentVersion, VersionStats
from shared.segments.catalogue import find_all
from shared.segments.formats.reader import Reader
from shared.segments.formats.registry import FORMATS, extension_of, open_file
from shared.segments.formats.rows import MAX_FIELD, Columns, ReadAnew
from shared.segments.stats import stats_of
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs, MemoryRecords
from tests.segments.corpus import EXPORT, MODEL, cases
from tests.segments.memory import forget_peak, peak_mib

MOST_MIB = 768
"""Memory that reading any small file may take beside what the process had. The limits of Parquet allow for
twice 128 MiB and what pyarrow makes of them."""

_WANTED = ["Email", "First", "Last"]
_LONGEST = 60_000  # bytes of a file that is taken apart
_SHORT = 3_000  # bytes that are also read byte by byte
_BITS = [
    b"PAR1",
    b"\x1f\x8b\x08",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\0",
    b'"',
    b"\n",
    b"\r",
    b"{",
    b"[",
    b"\\u0000",
]
_NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 2**63 - 1, 2**64 - 1]
_PATHS = [*(f"S/part-0{extension}" for extension in FORMATS), MODEL]


@cache
def seeds() -> Sequence[tuple[str, bytes]]:
    """Return the paths and contents to begin from."""
    found = set()
    for case in cases().values():
        for name, data in case.files.items():
            extension = extension_of(name, FORMATS)
            if extension and 0 < len(data) <= _LONGEST:
                found.add((MODEL if name == MODEL else f"S/part-0{extension}", data))
    return sorted(found)


def file_of(seed: int) -> tuple[str, bytes, int]:
    """Return a path, a content, and how many bytes storage gives at a time."""
    dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    path, data = dice.choice(seeds())
    for _ in range(dice.choice([0, 1, 1, 2, 3, 8])):
        data = dice.choice(_CHANGES)(dice, data)
    if dice.random() < 0.1:
        path = dice.choice(_PATHS)
    pieces = [100, 4096, 1 << 22] + ([1, 7] if len(data) <= _SHORT else [])
    return path, data, dice.choice(pieces)


async def read(path: str, data: bytes, piece: int) -> int:
    """Read a file as the catalogue and prepare do; return how many rows it had, or -1 for BadSegment."""
    clock = FakeClock()
    files = MemoryBlobs(clock, piece)
    await files.write(f"{EXPORT}High/2026/11/21/0900/High_1.csv", b"a@x.com,A,B\n")
    await files.write(path, data)
    await files.write("S/_SUCCESS", b"")
    name = "CustomerInsights_1.Blob.High" if path == MODEL else "S"
    found = (await find_all(files, clock.now())).get(name)
    if found is None or found.newest is None:
        return -1
    stats = await stats_of(files, MemoryRecords(VersionStats), found.newest, count=True)
    if "holds what is not expected" in str(stats.problem):  # what catches everything has caught it
        raise AssertionError(f"a reader raised something: {stats.problem}")
    return await _rows(files, found.newest)


async def _rows(files: MemoryBlobs, version: SegmentVersion) -> int:
    reading = Reading()
    while True:
        try:
            return sum(
                [
                    await _rows_of(open_file(files, version, file, _WANTED, reading))
                    for file in version.sources
                ]
            )
        except ReadAnew as anew:
            if anew.reading == reading:
                raise AssertionError("a version would be read anew without end") from anew
            reading = anew.reading
        except BadSegment as error:
            if not str(error).startswith(version.sources[0].path):
                raise AssertionError("a refusal that names no file") from error
            return -1


async def _rows_of(reader: Reader) -> int:
    rows = 0
    async for block in reader.blocks():
        for number, cells in block:
            rows += 1
            wanted = cells if isinstance(block, Columns) else _wanted(reader, cells)
            if number < 1 or any(len(cell) > MAX_FIELD or "\0" in cell for cell in wanted):
                raise AssertionError(f"row {number} holds what no row may hold")
            "".join(wanted).encode()  # which is text
    return rows


def _wanted(reader: Reader, cells: Sequence[str]) -> Sequence[str]:
    names = zip(reader.header or [], cells, strict=False)
    return [cell for name, cell in names if name in _WANTED]


def try_seed(seed: int) -> int:
    """Read the file of a seed; return its rows or -1, and let through whatever else a reader raises."""
    path, data, piece = file_of(seed)
    try:
        return asyncio.run(read(path, data, piece))
    except Exception:
        kept = Path(tempfile.gettempdir()) / f"fuzz-{seed}{extension_of(path, FORMATS)}"
        kept.write_bytes(data)
        print(f"Seed {seed} fails; its file is {kept}.", file=sys.stderr)
        raise


def main() -> None:
    """Try files until the time is up."""
    parser = argparse.ArgumentParser(prog="python -m tests.segments.fuzz")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="of the first file; else any")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 40)
    try_seed(seed)  # what is loaded once is no growth
    forget_peak()
    before, end = peak_mib(), time.monotonic() + options.seconds
    tried = read_well = 0
    print(f"From seed {seed}, for {options.seconds:.0f} seconds.", flush=True)
    while time.monotonic() < end:
        seed += 1
        tried += 1
        read_well += try_seed(seed) >= 0
        if (grown := peak_mib() - before) > MOST_MIB:
            raise SystemExit(f"Seed {seed} took {grown:,.0f} MiB of memory.")
    print(f"{tried:,} files: {read_well:,} had rows, the others were refused with a reason.")
    print(f"Memory grew by {peak_mib() - before:,.0f} MiB.")


def _place(dice: random.Random, data: bytes) -> int:
    return dice.randint(0, len(data))


def _cut(dice: random.Random, data: bytes) -> bytes:
    start, end = sorted((_place(dice, data), _place(dice, data)))
    return dice.choice([data[:start], data[end:], data[:start] + data[end:]])


def _flip(dice: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(min(len(data), dice.choice([1, 1, 2, 10]))):
        changed[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(changed)


def _insert(dice: random.Random, data: bytes) -> bytes:
    at = _place(dice, data)
    return data[:at] + dice.choice([dice.choice(_BITS), dice.randbytes(5)]) + data[at:]


def _number(dice: random.Random, data: bytes) -> bytes:
    size, at = dice.choice([1, 2, 4, 8]), _place(dice, data)
    number = dice.choice(_NUMBERS) & (1 << 8 * size) - 1
    return data[:at] + number.to_bytes(size, "little") + data[at + size :]


def _repeat(dice: random.Random, data: bytes) -> bytes:
    start, end = sorted((_place(dice, data), _place(dice, data)))
    return (data[:start] + data[start:end] * dice.choice([2, 3, 50]) + data[end:])[: 10 * _LONGEST]


def _splice(dice: random.Random, data: bytes) -> bytes:
    _, other = dice.choice(seeds())
    return data[: _place(dice, data)] + other[_place(dice, other) :]


_CHANGES: Sequence[Callable[[random.Random, bytes], bytes]] = (
    _flip,
    _flip,
    _number,
    _insert,
    _cut,
    _repeat,
    _splice,
)


if __name__ == "__main__":
    main()
