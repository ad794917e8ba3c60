"""What there is to know of a version: found out once, and shown to people."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.domain.segment import Segment, SegmentStatus, SegmentVersion, VersionStats
from shared.segments.catalogue import find_all, newest_version
from shared.segments.stats import KEPT, bounded, describe, stats_of
from shared.triggers.arrivals import arrive
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs, MemoryRecords
from tests.runs.world import csv, ready
from tests.segments.corpus import EXPORTED, MODEL, ONE, at, model
from tests.segments.parquet import parquet

HEAD = b"Email,First\n"
LARGE = HEAD + b"a@x.com,A\n" * 900_000  # 9 MB


class Watched(MemoryBlobs):
    """Storage that counts how often something of it was read."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        super().__init__(self.clock)
        self.records = MemoryRecords(VersionStats)
        self.reads = 0

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        self.reads += 1
        async for piece in super().stream(name, etag):
            yield piece

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        self.reads += 1
        return await super().read_range(name, etag, offset, size)

    async def drop(self, path: str, data: bytes = b"") -> None:
        self.clock.advance(1)
        await self.write(path, data)

    async def shown(self, name: str = "S") -> Segment:
        return await describe(
            self, self.records, name, (await find_all(self, self.clock.now()))[name]
        )

    async def version(self) -> SegmentVersion:
        version = await newest_version(self, "S", self.clock.now())
        assert version is not None
        return version


async def test_a_version_is_read_once() -> None:
    files = Watched()
    await files.drop("S/1.csv", HEAD + b"a@x.com,A\nb@x.com,B\n")
    for _ in range(3):
        segment = await files.shown()
        assert (segment.columns, segment.stats.rows) == (("Email", "First"), 2)
    assert files.reads == 1


async def test_a_bad_version_is_read_once_too() -> None:
    files = Watched()
    await files.drop("S/1.csv", HEAD + b'"a@x.com\n')
    for _ in range(3):
        segment = await files.shown()
        assert segment.status is SegmentStatus.UNREADABLE
        assert "a quote is opened here and never closed" in str(segment.reason)
    assert files.reads == 1


async def test_what_spoils_a_column_is_known_and_spoils_nothing_else() -> None:
    files = Watched()
    await files.drop("S/1.csv", HEAD + b"a@x.com,\xc5sa\nb@x.com,\xc4da\n")
    segment = await files.shown()
    assert (segment.status, segment.stats.rows) == (SegmentStatus.READY, 2)
    [(column, fault)] = segment.stats.faults.items()
    assert column == "First"
    assert "line 2: in the column 'First' is a character that is not UTF-8" in str(fault)


async def test_a_new_version_is_read_anew() -> None:
    files = Watched()
    for rows in (1, 2):
        await files.drop("S/1.csv", HEAD + b"a@x.com,A\n" * rows)
        assert (await files.shown()).stats.rows == rows


async def test_a_large_version_is_counted_by_its_arrival_and_not_while_somebody_waits() -> None:
    files = Watched()
    await files.drop("S/1.csv", LARGE)
    segment = await files.shown()
    assert (segment.columns, segment.stats.rows) == (("Email", "First"), None)
    await stats_of(files, files.records, await files.version(), count=True)
    assert (await files.shown()).stats.rows == 900_000
    assert files.reads == 2


async def test_the_end_of_parquet_says_how_many_there_are() -> None:
    files = Watched()
    data = parquet({"Email": [f"{n}@x.com" for n in range(900_000)]}, compression="none")
    assert len(data) > 8 * 1024 * 1024
    await files.drop("S/1.parquet", data)
    assert (await files.shown()).stats.rows == 900_000
    assert files.reads == 1


async def test_the_files_of_a_folder_are_counted_together() -> None:
    files = Watched()
    await files.drop("S/run/part-00000.csv", HEAD + b"a@x.com,A\n")
    await files.drop("S/run/part-00001.csv", b"")
    await files.drop("S/run/part-00002.csv", HEAD + b"b@x.com,A\nc@x.com,C\n")
    await files.drop("S/run/_SUCCESS")
    segment = await files.shown()
    assert (segment.columns, segment.stats.rows) == (("Email", "First"), 3)


async def test_an_incomplete_version_is_shown_beside_the_one_that_counts() -> None:
    files = Watched()
    await files.drop("S/1.csv", HEAD + b"a@x.com,A\n")
    await files.drop("S/run/part-00000.csv", HEAD)
    segment = await files.shown()
    assert segment.newest is not None
    assert (segment.status, segment.newest.path) == (SegmentStatus.INCOMPLETE, "S/1.csv")
    assert str(segment.reason).startswith("S/run/ is not complete: _SUCCESS is not there yet.")
    assert segment.until == files.clock.now() + timedelta(minutes=10)
    assert segment.stats.rows == 1


async def test_a_segment_of_customer_insights_has_the_columns_of_its_model() -> None:
    files = Watched()
    await files.drop(ONE, b"a@x.com,A,B\n" * 3)
    await files.drop(MODEL, model(at(ONE)))
    segment = await files.shown(EXPORTED)
    assert (segment.columns, segment.stats.rows) == (("Email", "First", "Last"), 3)


@pytest.mark.parametrize("told", [b"{", model(at(ONE), at(ONE.replace("_1", "_9")))])
async def test_a_segment_of_customer_insights_without_a_good_model_is_incomplete(
    told: bytes,
) -> None:
    files = Watched()
    await files.drop(ONE, b"a@x.com,A,B\n")
    await files.drop(MODEL, told)
    segment = await files.shown(EXPORTED)
    assert (segment.status, segment.newest) == (SegmentStatus.INCOMPLETE, None)
    assert "model.json" in str(segment.reason)


async def test_facts_of_old_versions_are_forgotten() -> None:
    files = Watched()
    for number in range(KEPT + 4):
        await files.drop(f"S/{number}.csv", HEAD)
        await files.shown()
    assert len(files.records._records) == KEPT


async def test_columns_beyond_what_a_record_holds_are_left_out() -> None:
    assert bounded(["a", "b"]) == ["a", "b"]
    assert len(bounded(["x" * 97] * 2_000)) == 1_000


async def test_a_run_leaves_the_facts_of_what_it_read_and_an_arrival_those_of_what_none_did() -> (
    None
):
    world = await ready()
    storage = world.services.storage
    await arrive(world.services, await world.drop(csv(7)))
    await arrive(world.services, await world.drop(LARGE, "Nobody's.csv"))
    for name, rows in (("Customers", 7), ("Nobody's", 900_000)):
        version = await newest_version(storage.segments, name, world.clock.now())
        assert version is not None
        await storage.segments.delete(version.path)  # so that nothing but the record can tell
        stats = await stats_of(storage.segments, storage.versions, version)
        assert (stats.rows, stats.problem) == (rows, None)
