"""Files of which only all together are a segment: nobody is left out, and no part is taken for the whole."""

import pytest

from shared.domain.run import RunStatus
from shared.segments.catalogue import find_one
from tests.segments.parquet import parquet
from tests.triggers.field import FieldWorld, inputs, somebody

SUCCESSFUL = RunStatus.SUCCESSFUL
BIGQUERY = "S/customers-{:012}.csv"
PEOPLE = "abcdef"


async def shown(world: FieldWorld, segment: str = "S") -> str:
    """Why the segment is not ready."""
    files = world.world.services.storage.segments
    found = await find_one(files, segment, world.world.clock.now())
    assert found is not None
    assert found.awaited is not None
    return str(found.awaited.reason)


@pytest.mark.parametrize("event", [True, False], ids=["events", "no event"])
@pytest.mark.parametrize(
    ("case", "people"),
    [("B02", {"b02a", "b02b", "b02c"}), ("B03", {"b03a", "b03b", "b03c"})],
)
async def test_shards_without_a_marker_run_once_nothing_more_has_come_for_ten_minutes(
    case: str, people: set[str], event: bool
) -> None:
    world = await FieldWorld.of(case)
    for path, data in inputs(case).items():
        await world.land(path, data, event)
    await world.minutes(9)
    assert await world.runs() == []
    assert "is not there yet. It is taken as it is if nothing more comes until" in await shown(
        world, case
    )
    await world.minutes(3)
    assert await world.statuses() == [SUCCESSFUL]
    assert world.members() == people
    await world.minutes(30)
    assert len(await world.runs()) == 1


@pytest.mark.parametrize("marker", ["_SUCCESS", "manifest", "customers_manifest.json"])
@pytest.mark.parametrize(
    "name",
    [
        "customers-{:012}.csv",
        "data_0_{}_0.csv",
        "{:06}_0",
        "{:04}_part_00",
        "customers_{:05}.csv",
        "data_{}.csv",
        "part.{}.csv",
        "part-{:05}-1f6a7c1e-c000.csv",
        "p=x{}/1.csv",
    ],
)
async def test_a_marker_closes_a_set_at_once(name: str, marker: str) -> None:
    world = await FieldWorld.of()
    for number, person in enumerate(PEOPLE):
        await world.land(f"S/run/{name.format(number)}", somebody(person))
    assert await world.runs() == []
    await world.land(f"S/run/{marker}")
    assert await world.statuses() == [SUCCESSFUL]
    assert world.members() == set(PEOPLE)
    await world.minutes(30)
    assert len(await world.runs()) == 1


async def test_a_sibling_within_ten_minutes_makes_a_set_wait_longer() -> None:
    world = await FieldWorld.of()
    for number, person in enumerate(PEOPLE):
        await world.land(BIGQUERY.format(number), somebody(person))
        await world.minutes(9)
    assert await world.runs() == []
    await world.minutes(3)
    assert world.members() == set(PEOPLE)


async def test_a_set_that_is_open_after_an_hour_ends_and_what_comes_then_is_another() -> None:
    world = await FieldWorld.of()
    for number in range(13):
        await world.land(BIGQUERY.format(number), somebody(f"n{number}"))
        await world.minutes(6)
    await world.minutes(12)
    runs = await world.runs()
    assert [len(run.versions[0].sources) for run in runs] == [10, 3]
    assert {run.status for run in runs} == {SUCCESSFUL}
    assert len(world.members()) == 13


async def test_a_set_that_is_written_again_is_another_version() -> None:
    world = await FieldWorld.of()
    for round_ in ("old", "new"):
        for number in range(3):
            await world.land(BIGQUERY.format(number), somebody(f"{round_}{number}"))
        await world.minutes(20)
    first, second = await world.runs()
    assert len(first.versions[0].files) == len(second.versions[0].files) == 3
    assert world.members() == {f"{each}{n}" for each in ("old", "new") for n in range(3)}


async def test_a_number_that_comes_again_before_the_set_is_closed_begins_it_anew() -> None:
    world = await FieldWorld.of()
    await world.land(BIGQUERY.format(0), somebody("old0"))
    await world.land(BIGQUERY.format(1), somebody("old1"))
    await world.minutes(5)
    await world.land(BIGQUERY.format(0), somebody("new0"))
    await world.minutes(9)
    assert await world.runs() == []
    await world.land(BIGQUERY.format(1), somebody("new1"))
    await world.minutes(12)
    assert len(await world.runs()) == 1
    assert world.members() == {"new0", "new1"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
async def test_of_a_set_that_is_being_written_over_nothing_is_taken(
    order: tuple[int, ...],
) -> None:
    world = await FieldWorld.of()
    for number in range(3):
        await world.land(BIGQUERY.format(number), somebody(f"old{number}"))
    await world.minutes(60)
    for number in order:
        await world.land(BIGQUERY.format(number), somebody(f"new{number}"))
        run = await world.world.run(export="field")
        assert run.status is RunStatus.FAILED_PERMANENT
        assert "is not complete" in str(run.reason)
    await world.minutes(12)
    assert world.members() == {f"{each}{n}" for each in ("old", "new") for n in range(3)}


async def test_a_set_without_its_first_number_is_single_files_once_it_can_be_no_other() -> None:
    world = await FieldWorld.of()
    await world.land(BIGQUERY.format(4), somebody("a"))
    await world.land(BIGQUERY.format(5), somebody("b"))
    await world.minutes(9)
    assert await world.runs() == []
    await world.minutes(3)
    assert await world.statuses() == [SUCCESSFUL] * 2
    assert [run.versions[0].path for run in await world.runs()] == [BIGQUERY.format(5)] * 2


async def test_a_single_shard_is_a_version_after_ten_minutes() -> None:
    world = await FieldWorld.of()
    await world.land(BIGQUERY.format(0), somebody("a"))
    await world.minutes(12)
    assert await world.statuses() == [SUCCESSFUL]


async def test_files_further_apart_are_each_a_version() -> None:
    world = await FieldWorld.of()
    for number in range(3):
        await world.land(BIGQUERY.format(number), somebody(f"n{number}"))
        await world.minutes(13)
    assert await world.statuses() == [SUCCESSFUL] * 3
    assert all(len(run.versions[0].sources) == 1 for run in await world.runs())


async def test_names_with_a_date_are_files_that_run_at_once() -> None:
    world = await FieldWorld.of()
    for day in ("2026_11_29", "2026_11_30"):
        await world.land(f"S/customers_{day}.csv", somebody(day))
    assert await world.statuses() == [SUCCESSFUL] * 2


async def test_folders_of_a_column_are_one_version_which_has_the_column() -> None:
    world = await FieldWorld.of(last_name="City")
    for folder, person in (
        ("City=Malm%C3%B6", "a"),
        ("City=Lund", "b"),
        ("City=__HIVE_DEFAULT_PARTITION__", "c"),
    ):
        data = parquet({"EMail": [f"{person}@example.com"], "FirstName": ["Ann"]})
        await world.land(f"S/people/{folder}/data_0.parquet", data)
    await world.minutes(9)
    assert await world.runs() == []
    await world.minutes(3)
    [run] = await world.runs()
    assert run.status is SUCCESSFUL
    assert run.versions[0].path == "S/people/"
    names = {
        address.partition("@")[0]: fields.get("LNAME")
        for address, fields in world.world.mailchimp.members.items()
    }
    assert (names["a"], names["b"]) == ("Malmö", "Lund")
    assert not names["c"]


@pytest.mark.parametrize(
    ("end", "data"),
    [
        ("csv", b"EMail,FirstName\na@example.com,Ann\nb@example.com,Bo\n"),
        ("csv", b'EMail,FirstName\na@example.com,"A\nB"\nb@example.com,Bo\n'),
        ("csv", b"EMail,City\na@example.com,own\nb@example.com,own\n"),
        ("json", b'{"EMail": "a@example.com"}\n{"EMail": "b@example.com", "City": "own"}\n'),
    ],
    ids=["plain", "quoted", "has it itself", "json"],
)
async def test_the_column_of_a_folder_is_that_of_every_row(end: str, data: bytes) -> None:
    world = await FieldWorld.of(first_name="City", last_name="City")
    await world.land(f"S/City=Lund/part-00000.{end}", data)
    await world.land("S/_SUCCESS")
    [run] = await world.runs()
    assert (run.status, run.reason) == (SUCCESSFUL, None)
    told = {fields["FNAME"] for fields in world.world.mailchimp.members.values()}
    assert told == {"own" if b"City" in data and end == "csv" else "Lund"}


async def test_a_folder_with_a_marker_of_its_own_is_a_version() -> None:
    world = await FieldWorld.of("M01")
    for path, data in list(inputs("M01").items())[::-1]:
        await world.land(path, data)
    [run] = await world.runs()
    assert (run.status, run.versions[0].path) == (SUCCESSFUL, "M01/date=2026-11-30/")
    assert world.members() == {"c03a"}


async def test_a_marker_that_was_copied_before_its_parts_heals_by_itself() -> None:
    world = await FieldWorld.of("M03")
    for path, data in sorted(inputs("M03").items()):  # _SUCCESS before part-…
        await world.land(path, data)
        await world.minutes(1)
    assert "files came after _SUCCESS" in await shown(world, "M03")
    await world.minutes(11)
    assert await world.statuses() == [SUCCESSFUL]


@pytest.mark.parametrize("closed", [True, False], ids=["_SUCCESS", "no marker"])
@pytest.mark.parametrize(
    ("case", "folder", "table"),
    [("B04", "B04/iceberg/", "Iceberg"), ("B05", "B05/delta/", "Delta")],
)
async def test_a_table_is_refused_by_the_name_of_its_format(
    case: str, folder: str, table: str, closed: bool
) -> None:
    world = await FieldWorld.of(case)
    for path, data in inputs(case).items():
        await world.land(path, data)
    if closed:
        await world.land(f"{folder}_SUCCESS")
    await world.minutes(75)
    assert await world.runs() == []
    run = await world.world.run(export="field")
    assert run.status is RunStatus.FAILED_PERMANENT
    assert f"{folder} is a table in the format {table}" in str(run.reason)
    assert "Write the rows as Parquet or CSV" in str(run.reason)


async def test_what_waits_is_found_by_a_process_that_has_just_begun() -> None:
    world = await FieldWorld.of()
    for number, person in enumerate(PEOPLE):
        await world.land(BIGQUERY.format(number), somebody(person), event=False)
    world.world.clock.advance(3600)  # nothing runs for an hour
    await world.minutes(1)
    assert await world.statuses() == [SUCCESSFUL]
    assert world.members() == set(PEOPLE)
