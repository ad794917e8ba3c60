"""Each format gives the same rows of the same profiles, wherever its bytes are cut."""

import asyncio
import gzip
import subprocess
import sys
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.processes import ROOT
from shared.domain.errors import BadSegment
from shared.domain.reading import Reading
from shared.domain.segment import SegmentFile
from shared.segments.formats.cell_text import text_of
from shared.segments.formats.reader import Reader
from shared.segments.formats.registry import FORMATS, Told, format_of
from shared.segments.formats.rows import Columns, ReadAnew
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs
from tests.segments.formats.csv.test_rows import cut
from tests.segments.parquet import parquet

COLUMNS = ("Email", "Näme")
TEXTS = {".csv": ",", ".tsv": "\t", ".txt": ";"}
"""The ends of the names of text with columns, and a delimiter of each."""

cells = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters='\0\r\n",;\t' + "\x85\u2028\u2029"),
    min_size=1,
    max_size=6,
)
tables = st.lists(st.tuples(cells, cells), min_size=1, max_size=30)


def written(extension: str, table: Sequence[tuple[str, str]]) -> bytes:
    """Return a file of this format with these rows."""
    if extension == ".parquet":
        columns = dict(zip(COLUMNS, map(list, zip(*table, strict=True)), strict=True))
        return parquet(columns, row_group_size=7 if len(table) < 100 else None)
    if extension.startswith(tuple(TEXTS)):
        lines = [TEXTS[extension[:4]].join(row) for row in (COLUMNS, *table)]
        data = "\n".join(lines).encode()
    else:
        objects = [dict(zip(COLUMNS, row, strict=True)) for row in table]
        data = b"\n".join(map(msgspec.json.encode, objects))
    return gzip.compress(data) if extension.endswith(".gz") else data


async def rows_of(
    path: str, data: bytes, piece: int = 1 << 22
) -> list[tuple[int, tuple[str, ...]]]:
    """Return the numbered rows of a file, with the cells of `COLUMNS`."""
    files = MemoryBlobs(FakeClock(), piece)
    await files.write(path, data)
    info = await files.info(path)
    of_path = format_of(path)
    assert info is not None
    assert of_path is not None
    file = SegmentFile(path=path, etag=info.etag, size=info.size)
    reader = of_path.open(files, file, Told(), COLUMNS)
    found = []
    async for block in reader.blocks():
        for number, row in block:
            at = [(reader.header or []).index(column) for column in COLUMNS]
            found.append((number, tuple(row[each] for each in at)))
    return found


async def told_rows(
    path: str, data: bytes, reading: Reading, wanted: Sequence[str], piece: int = 1 << 22
) -> list[list[str]]:
    """Return the wanted cells of a file that is read by `reading`, and anew as often as it says."""
    files = MemoryBlobs(FakeClock(), piece)
    await files.write(path, data)
    info, of_path = await files.info(path), format_of(path)
    assert info is not None
    assert of_path is not None
    file = SegmentFile(path=path, etag=info.etag, size=info.size)
    while True:
        reader = of_path.open(files, file, Told(reading=reading), wanted)
        found: list[list[str]] = []
        try:
            async for block in reader.blocks():
                for _, cells in block:
                    header = reader.header or []
                    if isinstance(block, Columns):
                        header = [header[place] for place in sorted(block.texts)]
                    row = dict(zip(header, cells, strict=True))
                    found.append([row[name] for name in wanted])
        except ReadAnew as anew:
            reading = anew.reading
        else:
            return found


@pytest.mark.parametrize("extension", FORMATS)
@settings(max_examples=40, deadline=None)
@given(table=tables, piece=st.integers(1, 300))
async def test_what_was_written_comes_back(
    extension: str, table: list[tuple[str, str]], piece: int
) -> None:
    first = 2 if extension.startswith(tuple(TEXTS)) else 1  # the header is a row of CSV
    found = await rows_of(f"S/1{extension.upper()}", written(extension, table), piece)
    if extension.startswith(tuple(TEXTS)):  # a line of blanks is a row, and so is every other one
        assert [row for _, row in found] == table
    assert found == list(enumerate(table, start=first))


@settings(max_examples=50, deadline=None)
@given(
    contents=st.lists(st.binary(max_size=200), min_size=1, max_size=4),
    padding=st.integers(0, 20),
    places=st.lists(st.integers(0, 2000), max_size=12),
)
def test_an_archive_of_several_members_holds_all_of_them_wherever_it_is_cut(
    contents: list[bytes], padding: int, places: list[int]
) -> None:
    from shared.segments.formats.gunzip import Gunzip

    archive = Gunzip("S/1.csv.gz")
    pieces = cut(b"".join(map(gzip.compress, contents)) + bytes(padding), places)
    found = [piece for each in pieces for piece in archive.pieces(each)]
    assert b"".join([*found, *archive.close()]) == b"".join(contents)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"),
        (None, ""),
        (True, "true"),
        (7, "7"),
        (10**25, "1" + "0" * 25),
        (7.0, "7"),
        (-0.5, "-0.5"),
        (1e300, "1" + "0" * 300),
        (1e16, "10000000000000000"),
        (1e-05, "0.00001"),
        (-1.5e-07, "-0.00000015"),
        ([1, {"a": None}], '[1,{"a":null}]'),
        ({}, "{}"),
    ],
)
def test_a_value_has_its_text(value: object, text: str) -> None:
    assert text_of(value) == text


class _Counting(MemoryBlobs):
    """Storage that counts what is read of it."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.read_bytes = self.requests = 0

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        self.read_bytes += size
        self.requests += 1
        return await super().read_range(name, etag, offset, size)


async def test_of_parquet_only_the_end_and_the_mapped_columns_are_read() -> None:
    table = {"Email": ["a@x.com"] * 3, "Other": [f"{n}" * 400_000 for n in range(3)]}
    data = parquet(table, compression="none", use_dictionary=False)
    files = _Counting()
    reader = await opened(files, data)
    rows = [tuple(cells) async for block in reader.blocks() for _, cells in block]
    assert rows == [("a@x.com",)] * 3
    assert await reader.total() == 3
    assert files.read_bytes < len(data) / 10


async def test_many_small_row_groups_are_brought_together() -> None:
    data = parquet({"Email": [f"{n}@x.com" for n in range(3_000)]}, row_group_size=1)
    files = _Counting()
    reader = await opened(files, data)
    rows = [tuple(cells) async for block in reader.blocks() for _, cells in block]
    assert rows == [(f"{n}@x.com",) for n in range(3_000)]
    assert files.requests < 5


async def test_a_row_group_that_is_too_large_is_refused_before_it_is_brought() -> None:
    columns = {"Email": ["0" * 35_000_000] * 4}
    data = parquet(columns, compression="none", use_dictionary=False, write_statistics=False)
    files = _Counting()
    reader = await opened(files, data)
    with pytest.raises(BadSegment, match="row group 1 takes more than 134,217,728 bytes"):
        _ = [block async for block in reader.blocks()]
    assert files.read_bytes < 100_000


async def opened(files: MemoryBlobs, data: bytes) -> Reader:
    """Return the reader of a Parquet file, for the column `Email`."""
    await files.write("S/1.parquet", data)
    info = await files.info("S/1.parquet")
    assert info is not None
    file = SegmentFile(path="S/1.parquet", etag=info.etag, size=info.size)
    return FORMATS[".parquet"].open(files, file, Told(), ["Email"])


def test_pyarrow_is_imported_where_rows_are_read_and_not_before() -> None:
    program = "import function_app, shared.triggers.arrivals, sys; print('pyarrow' in sys.modules)"
    answer = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "False\n"


def test_the_longest_extension_wins() -> None:
    named = {end: each.name for end, each in FORMATS.items()}
    assert {end: found.name for end in named if (found := format_of(f"a{end}", FORMATS))} == named


@pytest.mark.parametrize("extension", [".csv.gz", ".parquet"])
async def test_others_get_their_turn_while_one_request_brings_many_rows(extension: str) -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    await rows_of(f"S/1{extension}", written(extension, [("a", "b" * 100)] * 60_000))
    waiting.cancel()
    assert turns > 5
