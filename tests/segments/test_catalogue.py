"""Which segments there are, and which file of each counts."""

import pytest

from shared.domain.errors import BadSegment
from shared.domain.reading import SegmentReading
from shared.domain.segment import Segment, SegmentStatus, VersionStats
from shared.segments.catalogue import find_all, newest_version
from shared.segments.stats import describe, find_segment, stats_of
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs, MemoryRecords


class Container:
    """A container of segment files, each dropped a second after the one before."""

    def __init__(self, piece: int = 1024) -> None:
        self.clock = FakeClock()
        self.files = MemoryBlobs(self.clock, piece)
        self.records = MemoryRecords(VersionStats)
        self.readings = MemoryRecords(SegmentReading)

    async def drop(self, path: str, data: bytes = b"Email,First\na@x.com,A\n") -> None:
        self.clock.advance(1)
        await self.files.write(path, data)

    async def find(self, name: str = "Customers") -> Segment | None:
        now = self.clock.now()
        return await find_segment(self.files, self.records, self.readings, name, now)

    async def all(self) -> list[Segment]:
        found = await find_all(self.files, self.clock.now())
        return [
            await describe(self.files, self.records, name, each) for name, each in found.items()
        ]


async def test_the_newest_file_counts_whatever_its_name() -> None:
    container = Container()
    for path in ("Customers/b.csv", "Customers/c.csv", "Customers/a.csv"):
        await container.drop(path)
    version = await newest_version(container.files, "Customers", container.clock.now())
    assert version is not None
    assert (version.path, version.modified) == ("Customers/a.csv", container.clock.now())


async def test_of_files_of_one_instant_the_last_by_name_counts_every_time() -> None:
    container = Container()
    for path in ("Customers/b.csv", "Customers/a.csv"):
        await container.files.write(path, b"Email\n")
    version = await newest_version(container.files, "Customers", container.clock.now())
    found = (await find_all(container.files, container.clock.now()))["Customers"]
    assert version is not None
    assert (version.path, found.newest, found.versions) == ("Customers/b.csv", version, 2)


async def test_a_replaced_file_is_another_version() -> None:
    container = Container()
    await container.drop("Customers.csv")
    before = await newest_version(container.files, "Customers", container.clock.now())
    await container.drop("Customers.csv")
    after = await newest_version(container.files, "Customers", container.clock.now())
    assert before is not None
    assert after is not None
    assert before.key != after.key


async def test_a_segment_whose_name_begins_like_another_is_another() -> None:
    container = Container()
    await container.drop("Customers/1.csv")
    await container.drop("Customers of last year/1.csv")
    await container.drop("Customers2.csv")
    version = await newest_version(container.files, "Customers", container.clock.now())
    assert version is not None
    assert version.path == "Customers/1.csv"
    assert await newest_version(container.files, "Cust", container.clock.now()) is None


async def test_a_listing_names_every_segment_and_what_is_none() -> None:
    container = Container()
    await container.drop("Visitors.csv", b"Mail\n")
    await container.drop("Customers/1.csv")
    await container.drop("Customers/2.csv", b"Email,Phone\n")
    await container.drop("_notes/1.csv")
    await container.drop("Sheets/list.xlsx")

    found = await container.all()

    assert [
        (each.name, each.newest and each.newest.path, each.versions, each.columns) for each in found
    ] == [
        ("Customers", "Customers/2.csv", 2, ("Email", "Phone")),
        ("Sheets", None, 0, ()),
        ("Visitors", "Visitors.csv", 1, ("Mail",)),
    ]


async def test_a_file_that_cannot_be_read_is_listed_without_columns() -> None:
    container = Container()
    await container.drop("Customers.csv", b"PK\3\4 and so on")
    [segment] = await container.all()
    assert segment.columns == ()
    assert segment.status is SegmentStatus.UNREADABLE
    assert "an Excel workbook" in str(segment.reason)


async def test_looking_at_a_file_that_cannot_be_read_says_why() -> None:
    container = Container()
    await container.drop("Customers.csv", b"")
    with pytest.raises(BadSegment, match=r"Customers\.csv is still being written"):
        await container.find()
    container.clock.advance(600)
    with pytest.raises(BadSegment, match=r"Customers\.csv is empty"):
        await container.find()


async def test_a_segment_that_is_not_there_is_not_found() -> None:
    assert await Container().find() is None


@pytest.mark.parametrize("piece", [1, 7, 1024])
async def test_columns_are_read_in_pieces_of_any_size(piece: int) -> None:
    container = Container(piece)
    await container.drop("Customers.csv", '\ufeff"Em\nail",Först\r\na@x.com,A\r\n'.encode())
    [segment] = await container.all()
    assert segment.columns == ("Email", "Först")


@pytest.mark.parametrize("header", [b"Email,First", b"Email,First\n"])
async def test_a_file_of_only_a_header_has_columns(header: bytes) -> None:
    container = Container()
    await container.drop("Customers.csv", header)
    [segment] = await container.all()
    assert segment.columns == ("Email", "First")


async def test_a_version_that_was_replaced_has_no_columns_to_tell() -> None:
    container = Container()
    await container.drop("Customers.csv")
    version = await newest_version(container.files, "Customers", container.clock.now())
    assert version is not None
    await container.drop("Customers.csv")
    stats = await stats_of(container.files, container.records, version)
    assert stats.columns == []
    assert "was replaced or removed while it was read" in str(stats.problem)
