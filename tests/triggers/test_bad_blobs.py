"""One blob never breaks more than itself: it is its segment's reason, and runs of it end with that."""

import gzip
import os

import pytest

from shared.domain.run import Run, RunStatus
from shared.domain.segment import Segment, SegmentStatus
from shared.segments.catalogue import find_all
from shared.segments.stats import describe
from tests.segments.corpus import GOOD
from tests.triggers.field import HEAD, FieldWorld, inputs, somebody

FAILED = RunStatus.FAILED_PERMANENT


async def listed(world: FieldWorld) -> dict[str, Segment]:
    """Return what the list of segments shows, by name."""
    storage, now = world.world.services.storage, world.world.clock.now()
    found = await find_all(storage.segments, now)
    return {
        name: await describe(storage.segments, storage.versions, name, each)
        for name, each in found.items()
    }


async def run(world: FieldWorld) -> Run:
    return await world.world.run(export="field")


async def test_a_file_of_nothing_is_being_written_and_then_it_is_empty() -> None:
    world = await FieldWorld.of("E08")
    for path, data in inputs("E08").items():
        await world.land(path, data)
    segment = (await listed(world))["E08"]
    assert (segment.status, segment.newest) == (SegmentStatus.INCOMPLETE, None)
    assert "is still being written" in str(segment.reason)
    await world.minutes(10)
    segment = (await listed(world))["E08"]
    assert segment.status is SegmentStatus.UNREADABLE
    assert str(segment.reason).startswith("E08/1.parquet is empty")
    assert await world.runs() == []
    assert str((await run(world)).reason) == str(segment.reason)


async def test_a_file_that_is_made_before_it_is_written_runs_once() -> None:
    world = await FieldWorld.of("E01")
    [(path, nothing)] = inputs("E01").items()
    await world.land(path, nothing)
    await world.land(path, somebody("e01a"))
    await world.minutes(30)
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    assert world.members() == {"e01a"}


async def test_a_part_of_no_bytes_is_passed_over() -> None:
    world = await FieldWorld.of("E07")
    for path, data in list(inputs("E07").items())[::-1]:
        if not path.endswith("_SUCCESS"):
            await world.land(path, data)
    await world.land("E07/run/_SUCCESS")
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    assert world.members() == {"c03a"}


async def test_a_blob_that_marks_a_folder_is_no_file() -> None:
    world = await FieldWorld.of("E02")
    [folder] = inputs("E02")
    world.files.mark_folder(folder)
    await world.event(folder)
    assert await listed(world) == {}
    await world.land(f"{folder}/part-00000.parquet", inputs("E07")["E07/run/part-00001.parquet"])
    await world.land(f"{folder}/_SUCCESS")
    assert await world.statuses() == [RunStatus.SUCCESSFUL]


@pytest.mark.parametrize("name", ["big.csv.gz", "big.csv"])
async def test_the_name_and_the_bytes_count_and_no_header(name: str) -> None:
    rows = (f"e06n{n}@example.com,{os.urandom(60).hex()},L\n" for n in range(400))
    data = HEAD + "".join(rows).encode()
    world = await FieldWorld.of("E06")
    await world.land(f"E06/{name}", gzip.compress(data) if name.endswith("gz") else data)
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    assert len(world.members()) == 400


async def test_the_archive_tier_is_the_reason_of_its_segment_until_it_is_left() -> None:
    world = await FieldWorld.of("M04")
    [(path, data)] = inputs("M04").items()
    await world.land("Others/1.csv", GOOD)
    await world.land(path, data, event=False)
    world.files.archive(path)
    found = await listed(world)
    assert found["Others"].status is SegmentStatus.READY
    assert found["M04"].status is SegmentStatus.UNREADABLE
    assert "is in the archive tier" in str(found["M04"].reason)
    failed = await run(world)
    assert (failed.status, failed.reason) == (FAILED, found["M04"].reason)
    world.files.archive(path, archived=False)
    assert (await listed(world))["M04"].status is SegmentStatus.READY
    assert (await run(world)).status is RunStatus.SUCCESSFUL


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("BlobArchived", "is in the archive tier"),
        ("LeaseIdMissing", "Storage does not give out S/1.csv (LeaseIdMissing)"),
        ("BlobUsesCustomerSpecifiedEncryption", "(BlobUsesCustomerSpecifiedEncryption)"),
    ],
)
async def test_what_storage_withholds_is_the_reason_and_is_not_kept(code: str, said: str) -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"), event=False)
    world.files.withhold("S/1.csv", code)
    segment = (await listed(world))["S"]
    assert segment.status is SegmentStatus.UNREADABLE
    assert said in str(segment.reason)
    failed = await run(world)
    assert failed.status is FAILED
    assert said in str(failed.reason)
    assert not failed.failed_by_files
    await world.files.write("S/1.csv", somebody("a"))  # with another ETag; the refusal stays
    world.files.give_out("S/1.csv")
    assert (await listed(world))["S"].status is SegmentStatus.READY


async def test_a_run_waits_for_storage_that_does_not_answer_and_says_so() -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"), event=False)
    world.files.put_out_of_reach("S/1.csv")
    segment = (await listed(world))["S"]
    assert "S/1.csv cannot be read now: storage does not answer." in str(segment.reason)
    begun = await world.world.start(export="field")
    await world.world.deliver(most=1)
    [waits] = await world.runs()
    assert waits.status is RunStatus.FAILURE
    assert "S/1.csv cannot be read now" in str(waits.reason)
    world.files.give_out("S/1.csv")
    await world.world.deliver()
    assert [each.id for each in await world.runs()] == [begun.id]
    assert await world.statuses() == [RunStatus.SUCCESSFUL]


async def test_a_run_does_not_wait_for_storage_without_end() -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"), event=False)
    world.files.put_out_of_reach("S/1.csv")
    given_up = await run(world)
    assert given_up.status is FAILED
    assert "Given up after" in str(given_up.reason)


async def test_a_file_that_vanishes_is_the_reason() -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"), event=False)
    found = await find_all(world.files, world.world.clock.now())
    await world.files.delete("S/1.csv")
    records = world.world.services.storage.versions
    segment = await describe(world.files, records, "S", found["S"])
    assert segment.status is SegmentStatus.UNREADABLE
    assert "was replaced or removed" in str(segment.reason)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("list.xlsx", "is a workbook. Save it as CSV UTF-8"),
        ("list.csv.bz2", "packed in a way that is not read"),
        ("list.csv.zst", "packed in a way that is not read"),
        ("list.zip", "is an archive of files"),
        ("list.avro", "is Avro, which is not read"),
        ("list.arrow", "is Arrow, which is not read"),
        ("list.orc", "is ORC, which is not read"),
        ("list", "does not say in which form it is"),
        ("list.dat", "does not say in which form it is"),
        ("load.sql", "by its name it holds no rows"),
        ("notes.md", "by its name it holds no rows"),
        ("_SUCCESS", "there is none beside it that is read"),
        ("list_manifest", "is a manifest, which is not read"),
    ],
)
async def test_what_is_not_read_is_listed_with_the_reason_and_what_to_do(
    name: str, said: str
) -> None:
    world = await FieldWorld.of()
    await world.land(f"S/{name}", b"PK")
    segment = (await listed(world))["S"]
    assert (segment.status, segment.newest) == (SegmentStatus.UNREADABLE, None)
    assert said in str(segment.reason)
    assert [each.path for each in segment.unread] == [f"S/{name}"]
    failed = await run(world)
    assert (failed.status, failed.reason) == (FAILED, segment.reason)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("load.sql", SegmentStatus.READY),
        ("README.md", SegmentStatus.READY),
        ("1.csv.tmp", SegmentStatus.READY),
        ("_SUCCESS", SegmentStatus.READY),
        ("2.xlsx", SegmentStatus.UNREADABLE),
        ("2.csv.zst", SegmentStatus.UNREADABLE),
    ],
)
async def test_what_is_not_read_never_takes_the_place_of_what_is(
    name: str, status: SegmentStatus
) -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"), event=False)
    await world.land(f"S/{name}", b"x")
    segment = (await listed(world))["S"]
    assert segment.newest is not None
    assert (segment.newest.path, segment.status) == ("S/1.csv", status)
    assert [each.path for each in segment.unread] == [f"S/{name}"][: name != "_SUCCESS"]
    assert (await run(world)).status is RunStatus.SUCCESSFUL


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("README.txt", b"Customers of the north.\n\nAsk ann@example.com.\n"),
        ("notes.txt", b"Customers of the north.\nMade every night by the warehouse.\n"),
        ("schema.json", b'{\n  "columns": ["EMail"]\n}\n'),
        ("model.json", b'{"entities": []}'),
    ],
)
async def test_a_text_without_rows_stands_beside_the_data_and_runs_nothing(
    name: str, data: bytes
) -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"))
    await world.land(f"S/{name}", data)
    await world.minutes(15)
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    segment = (await listed(world))["S"]
    assert segment.newest is not None
    assert (segment.newest.path, segment.status) == ("S/1.csv", SegmentStatus.READY)
    [beside] = segment.unread
    assert beside.path == f"S/{name}"
    lines = name.endswith(".json")
    nothing = (
        "has no line that is an object with an email address" if lines else "holds no rows with"
    )
    assert nothing in str(beside.reason)


async def test_a_text_with_rows_takes_the_place_of_an_older_file() -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", somebody("a"))
    await world.land("S/2.txt", somebody("b").replace(b",", b"\t"))
    assert await world.statuses() == [RunStatus.SUCCESSFUL] * 2
    assert world.members() == {"a", "b"}
    segment = (await listed(world))["S"]
    assert segment.newest is not None
    assert (segment.newest.path, segment.versions, list(segment.unread)) == ("S/2.txt", 2, [])


async def test_a_file_of_a_header_only_is_a_segment_without_members() -> None:
    world = await FieldWorld.of()
    await world.land("S/1.csv", HEAD)
    segment = (await listed(world))["S"]
    assert (segment.status, segment.stats.rows) == (SegmentStatus.READY, 0)
    assert segment.columns == ("EMail", "FirstName", "LastName")
    assert "There is a header but no profile in S/1.csv" in str((await world.runs())[0].reason)


@pytest.mark.parametrize(
    ("case", "segment", "people"),
    [
        ("F01", "CustomerInsights_0f3c.F01.High", {"f01a"}),
        ("F02", "CustomerInsights_0f3c.F02.High", {"f02a"}),
        ("F07", "CustomerInsights_0f3c.F07.VIP 100% #1", {"f07a"}),
    ],
)
async def test_what_customer_insights_writes_is_read(
    case: str, segment: str, people: set[str]
) -> None:
    world = await FieldWorld.of(segment)
    for path, data in inputs(case).items():
        await world.land(path, data)
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    assert world.members() == people


async def test_a_manifest_instead_of_a_model_json_is_named() -> None:
    name = "CustomerInsights_0f3c.F10.High"
    world = await FieldWorld.of(name)
    for path, data in inputs("F10").items():
        await world.land(path, data)
    segment = (await listed(world))[name]
    assert segment.newest is None
    assert "default.manifest.cdm.json is a manifest, which is not read" in str(segment.reason)
    assert (await run(world)).reason == segment.reason
