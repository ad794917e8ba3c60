"""What is kept, and for how long: runs by a setting, delivered states while an export uses them."""

from datetime import timedelta

import pytest

from shared.domain.run import Run, RunStatus
from shared.storage.entries import ALL, DueTable
from shared.storage.paths import folder, parts_folder
from shared.triggers.every_minute import tick
from tests.fakes.mailchimp import answers
from tests.runs.mortal import Life, in_life, survives
from tests.runs.small import small
from tests.runs.world import World, csv

HOUR = 3_600
DAY = 86_400


async def files(world: World, run: Run) -> list[str]:
    return [blob.name async for blob in world.services.storage.run_files.list(folder(run.id))]


async def is_there(world: World, run: Run) -> bool:
    return await world.services.storage.runs.get(run.export_id, run.key) is not None


async def ran(world: World) -> Run:
    """Run once, with a reject in a file."""
    await world.drop(csv(20) + "bad,A,B\n")
    return await world.run()


async def test_a_run_is_forgotten_with_its_rejects_after_the_days_that_are_set() -> None:
    world = await small(retention_days=3)
    run = await ran(world)
    assert await files(world, run)
    world.clock.advance(3 * DAY - 60)
    await tick(world.services)
    assert await is_there(world, run)
    assert await files(world, run)

    world.clock.advance(120)
    await tick(world.services)

    assert not await is_there(world, run)
    assert await files(world, run) == []
    assert await world.services.storage.ended_runs.page(DueTable.ENDED) == []
    again = (await world.progress(await world.run())).counts
    assert again.unchanged == 20  # what the list was told is not forgotten


async def lay_out(world: World, run: Run) -> None:
    """Write a part of a run, as a slice does that does not know that the run is over."""
    await world.services.storage.run_files.write(f"{parts_folder(run.id)}layout/00000.gz", b"part")


async def parts(world: World, run: Run) -> list[str]:
    return [each for each in await files(world, run) if each.startswith(parts_folder(run.id))]


@pytest.mark.parametrize("runs", [1, 150])
async def test_what_was_laid_out_of_a_run_after_its_end_is_removed_an_hour_later(runs: int) -> None:
    world = await small()
    await tick(world.services)
    over = [await ran(world) for _ in range(runs)]
    for run in over:
        await lay_out(world, run)
    world.clock.advance(HOUR - 60)
    await tick(world.services)
    assert await parts(world, over[-1])
    assert await files(world, over[-1]) != await parts(world, over[-1])

    for _ in range(10 * (runs // 100 + 1) + 1):  # once in ten minutes, a hundred runs at most
        world.clock.advance(60)
        await tick(world.services)

    assert [each for run in over for each in await parts(world, run)] == []
    assert await files(world, over[-1])  # its rejects


async def test_what_a_run_has_laid_out_that_waits_for_a_sign_in_stays() -> None:
    world = await small()
    await tick(world.services)
    await world.drop(csv(20))
    world.mailchimp.down = answers(401)
    run = await world.run()
    assert run.status is RunStatus.SKIPPED
    assert (before := await parts(world, run))
    world.clock.advance(HOUR + 60)
    await tick(world.services)
    assert await parts(world, run) == before


async def test_the_runs_of_a_removed_export_are_forgotten_too() -> None:
    world = await small(retention_days=3)
    run = await ran(world)
    await world.services.storage.exports.delete(ALL, "export")
    world.clock.advance(3 * DAY + 60)
    await tick(world.services)
    assert not await is_there(world, run)


async def test_a_run_that_nobody_signed_in_for_is_forgotten_with_what_it_had_prepared() -> None:
    world = await small(retention_days=3)
    world.mailchimp.down = answers(401)
    run = await ran(world)
    skipped = await world.start()
    assert (run.status, skipped.status) == (RunStatus.SKIPPED, RunStatus.SKIPPED)
    assert any("/parts/" in name for name in await files(world, run))
    active = world.services.storage.active_runs
    assert await active.page("waiting-connection")
    world.clock.advance(3 * DAY + 60)

    await tick(world.services)

    assert not await is_there(world, run)
    assert not await is_there(world, skipped)
    assert await files(world, run) == []
    assert await active.page("waiting-connection") == []


async def test_a_run_counts_from_its_last_end() -> None:
    world = await small(retention_days=3)
    run = await ran(world)
    runs = world.services.storage.runs
    stored = await runs.get(run.export_id, run.key)
    assert stored is not None
    later = stored.value.model_copy(update={"finished_at": world.clock.now() + timedelta(days=2)})
    await runs.replace(run.export_id, run.key, later, stored.etag)
    world.clock.advance(3 * DAY + 60)
    await tick(world.services)
    assert await is_there(world, run)


async def test_a_tick_forgets_a_hundred_and_the_next_goes_on() -> None:
    world = await small(retention_days=3)
    world.mailchimp.down = answers(401)
    await ran(world)
    for _ in range(120):
        world.clock.advance(1)
        await world.start()
    world.clock.advance(3 * DAY + 60)
    left = []
    for _ in range(3):
        await tick(world.services)
        left.append(len(await world.services.storage.runs.page("export", limit=1000)))
    assert left == [21, 0, 0]


async def test_a_tick_that_dies_forgets_the_rest_next_time() -> None:
    for moment in range(1, 40):
        world = await small(retention_days=3)
        run = await ran(world)
        world.clock.advance(3 * DAY + 60)
        life = Life(moment, after=moment % 2 == 0)
        await survives(life, tick(in_life(world.services, world.mailchimp, life)))
        await tick(world.services)
        assert not await is_there(world, run), moment
        assert await files(world, run) == [], moment


async def states(world: World) -> list[str]:
    return [blob.name async for blob in world.services.storage.delivered.list()]


@pytest.mark.parametrize("change", ["removed", "mapped anew"])
async def test_a_delivered_state_goes_when_no_export_compares_with_it(change: str) -> None:
    world = await small()
    await ran(world)
    exports = world.services.storage.exports
    before = await states(world)
    await exports.delete(ALL, "export")
    if change == "mapped anew":
        await world.export(fields={"email": "Email", "first_name": "Last"})
        await world.run()
    assert set(before) <= set(await states(world))
    world.clock.advance(DAY + 60)

    await tick(world.services)

    assert not set(before) & set(await states(world))
    if change == "mapped anew":
        assert (await world.progress(await world.run())).counts.unchanged == 20


async def test_orphans_are_looked_for_once_a_day_and_none_that_is_young_is_taken() -> None:
    world = await small()
    await ran(world)
    await tick(world.services)
    await world.services.storage.exports.delete(ALL, "export")
    world.clock.advance(DAY / 2)
    await tick(world.services)
    assert len(await states(world)) == 1
    world.clock.advance(DAY / 2)
    await tick(world.services)
    assert await states(world) == []
