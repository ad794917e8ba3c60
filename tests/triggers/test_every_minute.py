"""The minute tick: what is due begins once, and what was lost is found."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.run import Run, RunStatus, TriggerKind
from shared.domain.schedule import RefreshSchedule
from shared.storage.entries import ALL, REFRESH, ActiveRun
from shared.storage.ports import Records
from shared.triggers.arrivals import arrive, sweep_arrivals
from shared.triggers.every_minute import run_due, sweep_runs, tick
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryLeases
from tests.runs.small import LANE, delays, leftovers, now, small, work_on_visible
from tests.runs.world import World, csv


async def scheduled(*times: str) -> World:
    """Return a world at 09:00 UTC whose refresh is at these times."""
    world = await small()
    schedule = RefreshSchedule.model_validate({"times": times})
    await world.services.storage.schedules.put(ALL, REFRESH, schedule)
    return world


async def runs(world: World, export: str = "export") -> list[Run]:
    """Return an export's runs, newest first."""
    return [stored.value for stored in await world.services.storage.runs.page(export)]


class PausedAtInsert:
    """The records of runs, as a process has them that is paused when it stores one."""

    def __init__(self, records: Records[Run], clock: FakeClock, seconds: float) -> None:
        self._records = records
        self._clock = clock
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    async def insert(self, partition: str, key: str, value: Run) -> str:
        """Store a run, late."""
        await self._clock.sleep(self._seconds)
        return await self._records.insert(partition, key, value)


async def go_on(world: World, minutes: int) -> None:
    """Let time go by, with a tick every minute and nobody who delivers messages."""
    for _ in range(minutes):
        world.clock.advance(60)
        await tick(world.services)


async def test_a_refresh_that_is_due_makes_one_run_of_every_export_that_follows_it() -> None:
    world = await scheduled("09:05")
    await world.export("also")
    await world.export("not", schedule={"follows": "off"}, on_arrival=False)
    await world.drop(csv(20))

    await tick(world.services)
    await arrive(world.services, "Customers/1.csv")
    await world.deliver()

    await go_on(world, 3)
    assert len(await runs(world)) == len(await runs(world, "also")) == 1
    await go_on(world, 10)

    for export in ("export", "also"):
        run, arrival = await runs(world, export)
        assert arrival.trigger.kind is TriggerKind.ARRIVAL
        assert run.trigger.kind is TriggerKind.REFRESH
        assert f"{run.trigger.at:%H:%M}" == "09:05"
        assert str(run.timeline[0].text) == "The scheduled refresh was due."
    assert await runs(world, "not") == []
    await world.deliver()
    statuses = [run.status for run in await runs(world)]
    assert statuses == [RunStatus.SKIPPED, RunStatus.SUCCESSFUL]  # no file has come in between


async def test_two_ticks_at_once_make_one_run() -> None:
    world = await scheduled("09:01")
    await world.drop(csv(20))
    world.clock.advance(60)
    await asyncio.gather(*(tick(world.services) for _ in range(3)))
    assert len(await runs(world)) == 1
    assert len(world.queue.waiting) == 1


async def test_a_tick_in_the_second_of_the_refresh_and_the_next_one_make_one_run() -> None:
    world = await scheduled("09:01")
    world.clock.advance(60)
    await tick(world.services)
    world.clock.advance(0.5)
    await tick(world.services)
    world.clock.advance(60)
    await tick(world.services)
    assert len(await runs(world)) == 1


async def test_refreshes_that_were_missed_are_made_up_for_once() -> None:
    world = await scheduled("09:01", "12:00")
    await go_on(world, 3)
    assert len(await runs(world)) == 1

    world.clock.advance(timedelta(days=3).total_seconds())
    await tick(world.services)
    await go_on(world, 5)

    newest, _ = await runs(world)
    assert f"{newest.trigger.at:%d %H:%M}" == "24 09:01"


async def test_the_first_day_needs_no_bookmark_and_makes_up_for_nothing_older() -> None:
    world = await scheduled("08:30", "09:01")
    world.clock.advance(30)
    await run_due(world.services)
    assert await runs(world) == []
    world.clock.advance(40)
    await run_due(world.services)
    assert len(await runs(world)) == 1


async def test_without_a_schedule_nothing_is_due() -> None:
    world = await small()
    await world.drop(csv(20))
    await run_due(world.services)
    world.clock.advance(86_400)
    await run_due(world.services)
    assert await runs(world) == []


async def test_an_export_whose_connection_is_not_set_up_keeps_no_other_from_its_refresh() -> None:
    world = await scheduled("09:01")
    await world.export("a-lonely-one", connection_id="gone")
    await go_on(world, 2)
    assert len(await runs(world)) == 1


async def test_a_file_whose_event_was_lost_is_found_within_minutes_and_only_once() -> None:
    world = await small()
    await tick(world.services)
    await world.drop(csv(20))

    await go_on(world, 4)

    [run] = await runs(world)
    assert run.trigger.kind is TriggerKind.ARRIVAL
    await world.deliver()
    await go_on(world, 5)
    assert [run.status for run in await runs(world)] == [RunStatus.SUCCESSFUL]
    assert world.queue.waiting == []


async def test_a_file_whose_event_came_is_not_sent_again_by_the_sweep() -> None:
    world = await small()
    await tick(world.services)
    await arrive(world.services, await world.drop(csv(20)))
    await go_on(world, 5)
    assert len(await runs(world)) == 1
    assert set(world.mailchimp.received.values()) == {1}


async def test_every_version_whose_event_was_lost_is_found_after_an_outage() -> None:
    world = await small()
    await world.export("other", segments=["Visitors"])
    await tick(world.services)
    await world.drop(csv(20))
    await world.drop(csv(20), "Visitors/1.csv")
    world.clock.advance(timedelta(hours=5).total_seconds())
    await tick(world.services)
    assert (len(await runs(world)), len(await runs(world, "other"))) == (1, 1)


async def test_a_sweep_by_a_clock_that_is_ahead_makes_the_others_pass_over_no_file() -> None:
    world = await small()
    await tick(world.services)
    await arrive(world.services, await world.drop(csv(20)))
    ahead = FakeClock(world.clock.now() + timedelta(minutes=10))
    await tick(replace(world.services, clock=ahead))

    world.clock.advance(10)
    await world.drop(csv(30), "Customers/2.csv")
    await go_on(world, 4)

    assert len(await runs(world)) == 2


async def test_a_file_that_lies_there_before_the_app_begins_is_not_taken_for_an_arrival() -> None:
    world = await small()
    await world.drop(csv(20))
    world.clock.advance(3600)
    await go_on(world, 5)
    assert await runs(world) == []


async def test_a_lost_event_of_an_export_that_cannot_run_stops_neither_the_others_nor_the_tick() -> (
    None
):
    world = await small()
    await world.export("a-lonely-one", connection_id="gone")
    await tick(world.services)
    await world.drop(csv(20))
    await go_on(world, 4)
    assert len(await runs(world)) == 1


async def test_sweeping_arrivals_twice_at_once_makes_one_run() -> None:
    world = await small()
    await tick(world.services)
    await world.drop(csv(20))
    world.clock.advance(180)
    await asyncio.gather(*(sweep_arrivals(world.services) for _ in range(3)))
    assert len(await runs(world)) == 1
    assert len(world.queue.waiting) == 1


async def test_a_queued_run_whose_message_was_lost_is_woken() -> None:
    world = await small()
    await world.drop(csv(20))
    run = await world.start()
    world.queue.waiting.clear()

    world.clock.advance(119)
    await sweep_runs(world.services)
    assert world.queue.waiting == []
    world.clock.advance(2)
    await sweep_runs(world.services)

    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_a_parked_run_whose_message_was_lost_is_woken_only_after_its_time() -> None:
    world = await small(slice_seconds=10)
    world.mailchimp.seconds = 20
    await world.drop(csv(200))
    run = await world.start()
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.QUEUED
    world.queue.waiting.clear()

    await sweep_runs(world.services)
    assert world.queue.waiting == []
    world.clock.advance(61)
    await sweep_runs(world.services)
    assert delays(world) == [0]
    await sweep_runs(world.services)
    assert len(world.queue.waiting) == 1
    await world.deliver()

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert set(world.mailchimp.received.values()) == {1}


async def test_a_processing_run_whose_slice_died_is_woken_as_soon_as_its_lane_is_free() -> None:
    world = await small()
    lanes = world.services.storage.lanes
    assert isinstance(lanes, MemoryLeases)
    world.mailchimp.seconds = 30
    await world.drop(csv(200))
    run = await world.start()
    working = asyncio.create_task(work_on_visible(world))
    await world.clock.sleep(35)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert await lanes.acquire(LANE)  # what a killed holder leaves behind
    assert (await now(world, run)).status is RunStatus.PROCESSING

    await sweep_runs(world.services)
    assert world.queue.waiting == []
    world.clock.advance(61)
    await sweep_runs(world.services)

    assert delays(world) == [0]
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_a_run_that_is_fine_is_left_alone() -> None:
    world = await small(slice_seconds=600)
    world.mailchimp.seconds = 100
    await world.drop(csv(400))
    await world.start()
    working = asyncio.create_task(work_on_visible(world))
    for _ in range(8):
        await world.clock.sleep(60)
        await sweep_runs(world.services)
        assert world.queue.waiting == []
    await working
    assert set(world.mailchimp.received.values()) == {1}


async def test_a_run_whose_maker_was_paused_before_it_was_stored_is_not_lost() -> None:
    world = await scheduled("09:05")
    await world.drop(csv(20))
    await go_on(world, 4)
    storage = world.services.storage
    runs_of_the_paused: Any = PausedAtInsert(storage.runs, world.clock, seconds=300)
    paused = replace(world.services, storage=replace(storage, runs=runs_of_the_paused))
    world.clock.advance(60)

    making = asyncio.create_task(tick(paused))
    for _ in range(6):
        await world.clock.sleep(55)
        await sweep_runs(world.services)
    await making
    await go_on(world, 3)
    await world.deliver()

    assert {run.trigger.kind for run in await runs(world)} == {
        TriggerKind.ARRIVAL,
        TriggerKind.REFRESH,
    }
    assert all(run.status.is_over for run in await runs(world))
    assert await leftovers(world) == []


async def test_entries_of_runs_that_are_over_are_removed_with_their_parts() -> None:
    world = await small()
    await world.drop(csv(20))
    run = await world.run()
    storage = world.services.storage
    entry = ActiveRun(
        run_id=run.id, connection_id="connection", lane=LANE, wakes_at=world.clock.now()
    )
    await storage.active_runs.put(ALL, run.id, entry)
    await storage.run_files.write(f"{run.id}/parts/00000.gz", b"left behind")

    await sweep_runs(world.services)

    assert await leftovers(world) == []
    assert world.queue.waiting == []


@pytest.mark.parametrize(("seconds", "left"), [(61, 1), (901, 1), (1201, 0)])
async def test_the_entry_of_a_run_that_was_never_made_is_removed_once_nobody_can_be_making_it(
    seconds: float, left: int
) -> None:
    world = await small()
    entry = ActiveRun(
        run_id="export.never", connection_id="connection", lane=LANE, wakes_at=world.clock.now()
    )
    await world.services.storage.active_runs.put(ALL, "export.never", entry)
    world.clock.advance(seconds)
    await sweep_runs(world.services)
    assert len(await leftovers(world)) == left
