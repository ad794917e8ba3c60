"""Files of every layout land: each version begins its run once, whichever file of it the event names."""

from datetime import timedelta

import pytest

from shared.domain.run import Run, RunStatus
from shared.storage.entries import Bookmark, SettingsTable
from shared.triggers.arrivals import arrive, sweep_arrivals
from tests.runs.small import small
from tests.runs.world import World
from tests.segments.corpus import EXPORTED, GOOD, HEAD, MODEL, ONE, TWO, at, model
from tests.triggers.test_arrivals import runs

ROW, OTHER = b"a@x.com,A,B\n", b"b@x.com,C,D\n"
PARTS = {"Customers/run/part-00000.csv": GOOD, "Customers/run/part-00001.csv": HEAD + OTHER}
SUCCESS = "Customers/run/_SUCCESS"
EXPORTED_FILES = {ONE: ROW, TWO: OTHER}


async def following_exported() -> World:
    world = await small()
    await world.export("ci", segments=[EXPORTED])
    return world


async def land(world: World, path: str, data: bytes = b"") -> list[Run]:
    """Let a file land and its event come; return the runs of both exports there may be."""
    await world.drop(data, path)
    await arrive(world.services, path)
    return [*await runs(world), *await runs(world, "ci")]


async def test_a_folder_runs_once_when_it_is_closed_and_not_before() -> None:
    world = await small()
    for path, data in PARTS.items():
        assert await land(world, path, data) == []
    [run] = await land(world, SUCCESS)
    assert run.status is RunStatus.SUCCESSFUL
    assert len(world.mailchimp.members) == 2
    [version] = run.versions
    assert [file.path for file in version.sources] == list(PARTS)
    for path in [*PARTS, SUCCESS]:
        await arrive(world.services, path)
    assert len(await runs(world)) == 1


async def test_closing_a_folder_again_that_did_not_change_runs_nothing() -> None:
    world = await small()
    for path, data in PARTS.items():
        await land(world, path, data)
    await land(world, SUCCESS)
    assert len(await land(world, SUCCESS)) == 1


async def test_a_folder_that_is_written_again_is_another_version() -> None:
    world = await small()
    for _ in range(2):
        for path, data in PARTS.items():
            await land(world, path, data)
        found = await land(world, SUCCESS)
    assert [run.status for run in found] == [RunStatus.SUCCESSFUL] * 2


async def test_a_reject_names_the_file_where_there_are_several() -> None:
    world = await small()
    await land(world, "Customers/run/part-00000.csv", GOOD + b"x@fake.example,E,F\n")
    await land(world, "Customers/run/part-00001.csv", HEAD + b"nobody,C,D\na@x.com,E,F\n")
    [run] = await land(world, SUCCESS)
    found = [(each.file, each.row, each.code) for each in await world.rejects(run)]
    assert found == [
        ("part-00001.csv", 2, "no_at"),
        ("part-00001.csv", 3, "duplicate"),
        ("part-00000.csv", 3, "ERROR_GENERIC"),
    ]
    assert "row 2 of Customers, part-00000.csv" in str((await world.rejects(run))[1].reason)


async def test_a_reject_of_a_single_file_names_none() -> None:
    world = await small()
    [run] = await land(world, "Customers/1.csv", GOOD + b"nobody,C,D\n")
    assert [each.file for each in await world.rejects(run)] == [""]


async def test_an_export_of_customer_insights_runs_once_when_model_json_is_there() -> None:
    world = await following_exported()
    for path, data in EXPORTED_FILES.items():
        assert await land(world, path, data) == []
    [run] = await land(world, MODEL, model(at(ONE), at(TWO)))
    assert run.status is RunStatus.SUCCESSFUL
    assert len(world.mailchimp.members) == 2
    assert len(await land(world, MODEL, model(at(ONE), at(TWO)))) == 1


async def test_a_file_that_comes_after_its_model_json_begins_the_run() -> None:
    world = await following_exported()
    assert await land(world, ONE, ROW) == []
    assert await land(world, MODEL, model(at(ONE), at(TWO))) == []
    [run] = await land(world, TWO, OTHER)
    assert run.status is RunStatus.SUCCESSFUL


async def test_files_of_the_next_refresh_begin_nothing_until_model_json_names_them() -> None:
    world = await following_exported()
    await land(world, ONE, ROW)
    [before] = await land(world, MODEL, model(at(ONE)))
    newer = ONE.replace("0900", "1200")
    assert await land(world, newer, OTHER) == [before]
    run, _ = await land(world, MODEL, model(at(newer)))
    assert [file.path for file in run.versions[0].sources] == [newer]


async def test_a_model_json_runs_the_exports_of_each_segment_it_tells_of() -> None:
    world = await following_exported()
    await world.export("other", segments=["CustomerInsights_1.Blob.Low"])
    low = ONE.replace("High", "Low")
    await land(world, ONE, ROW)
    await land(world, low, OTHER)
    both = model(at(ONE)).replace(b"]}", b"]}", 1)
    text = both.decode()
    entity = text[text.index('"entities": [') + len('"entities": [') : -2]
    told = text.replace(entity, f"{entity}, {entity.replace('High', 'Low')}").encode()
    await land(world, MODEL, told)
    await world.deliver()
    assert len(await runs(world, "ci")) == len(await runs(world, "other")) == 1


@pytest.mark.parametrize(
    ("files", "export"),
    [
        (PARTS | {SUCCESS: b""}, "export"),
        (EXPORTED_FILES | {MODEL: model(at(ONE), at(TWO))}, "ci"),
        ({"Customers/1.csv": GOOD}, "export"),
    ],
    ids=["folder", "exported", "file"],
)
async def test_the_sweep_finds_a_version_whose_events_were_lost(
    files: dict[str, bytes], export: str
) -> None:
    world = await following_exported()
    await sweep_arrivals(world.services)
    for path, data in files.items():
        world.clock.advance(70)  # so that the bookmark comes between them
        await sweep_arrivals(world.services)
        await world.drop(data, path)
    for _ in range(4):
        world.clock.advance(60)
        await sweep_arrivals(world.services)
    await world.deliver()
    [run] = await runs(world, export)
    assert run.status is RunStatus.SUCCESSFUL


async def test_the_sweep_runs_nothing_again() -> None:
    world = await following_exported()
    for path, data in {**PARTS, SUCCESS: b"", **EXPORTED_FILES, MODEL: model(at(ONE))}.items():
        await land(world, path, data)
    early = Bookmark(at=world.clock.now() - timedelta(hours=1))
    await world.services.storage.bookmarks.put(SettingsTable.BOOKMARKS, "arrivals", early)
    world.clock.advance(300)
    await sweep_arrivals(world.services)
    assert len(await runs(world)) == len(await runs(world, "ci")) == 1


async def test_a_folder_that_was_closed_before_the_export_was_saved_does_not_run_it() -> None:
    world = await small()
    for path, data in PARTS.items():
        await world.drop(data, path)
    await world.drop("", SUCCESS)
    world.clock.advance(10)
    await world.export("later")
    await arrive(world.services, SUCCESS)
    assert await runs(world, "later") == []


async def test_a_folder_that_is_closed_after_the_export_was_saved_runs_it() -> None:
    world = await small()
    for path, data in PARTS.items():
        await world.drop(data, path)
    world.clock.advance(10)
    await world.export("later")
    await land(world, SUCCESS)
    assert len(await runs(world, "later")) == 1


async def test_more_files_than_a_run_can_keep_are_refused() -> None:
    world = await small()
    await world.export("ci", segments=["Customers", "Others"])
    for segment in ("Customers", "Others"):
        for number in range(501):
            await world.services.storage.segments.write(f"{segment}/part-{number:05}.csv", GOOD)
        await world.services.storage.segments.write(f"{segment}/_SUCCESS", b"")
    run = await world.run(export="ci")
    assert run.status is RunStatus.FAILED_PERMANENT
    assert "have 1,002 files together and may have 1,000" in str(run.reason)
    assert world.mailchimp.calls == 0
