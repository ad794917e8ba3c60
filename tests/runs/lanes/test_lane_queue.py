"""The queue of a lane: who waits in it costs nothing, is called in turn, and is never forgotten."""

import asyncio

import pytest

from shared.domain.message import say
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.domain.schedule import RefreshSchedule
from shared.runs.history import find_run
from shared.runs.lanes.lane_queue import call_next, join_queue, wait_in_queue
from shared.runs.state.checkpoint import OpenCheckpoint
from shared.storage.entries import ALL, REFRESH, ActiveRun
from shared.triggers.every_minute import sweep_runs, tick
from tests.fakes.mailchimp import answers
from tests.runs.machine import Machine, lives
from tests.runs.mortal import Life
from tests.runs.operations import slowed
from tests.runs.small import (
    LANE,
    delays,
    leftovers,
    now,
    small,
    work_on_visible,
    written_again,
)
from tests.runs.test_crashes import IN_FLIGHT
from tests.runs.world import World, csv


async def three_runs(world: World) -> list[Run]:
    """Begin a run of each of three exports of one account, a second after each other."""
    await world.drop(csv(20))
    runs = [await world.start()]
    for name in ("second", "third"):
        await world.export(name, on_arrival=False)
        world.clock.advance(1)
        runs.append(await world.start(export=name))
    return runs


NO_MORE = say("No more.")


def first_slice(run: Run) -> SliceMessage:
    return SliceMessage(run_id=run.id, slice=0)


async def active(world: World, run: Run) -> ActiveRun:
    stored = await world.services.storage.active_runs.get(ALL, run.id)
    assert stored is not None
    return stored.value


async def taken(world: World) -> tuple[list[Run], str]:
    """Return three runs that found their lane taken, and the lease of whoever has it."""
    runs = await three_runs(world)
    lease = await world.services.storage.lanes.acquire(LANE)
    assert lease is not None
    await work_on_visible(world)
    return runs, lease


async def test_only_the_first_in_a_queue_looks_again_by_itself() -> None:
    world = await small()
    runs, _ = await taken(world)
    assert delays(world) == [10]
    assert [(await active(world, run)).in_queue for run in runs] == [False, True, True]


async def test_whoever_has_the_lane_calls_the_next_in_the_order_of_their_triggers() -> None:
    world = await small()
    runs, lease = await taken(world)
    await world.services.storage.lanes.release(LANE, lease)
    called = [await call_next(world.services, LANE) for _ in range(4)]
    assert called == [*map(first_slice, runs), None]


async def test_of_two_who_call_at_once_one_gets_the_run() -> None:
    world = await small()
    runs, _ = await taken(world)
    hosts = [slowed(world.services, seed) for seed in range(2)]
    called = await asyncio.gather(*(call_next(host, LANE) for host in hosts))
    assert [message for message in called if message] in (
        [first_slice(runs[0])],
        [first_slice(runs[0]), first_slice(runs[1])],
        [first_slice(runs[1]), first_slice(runs[0])],
    )


async def test_a_run_that_was_called_in_vain_is_woken_soon() -> None:
    world = await small()
    runs, lease = await taken(world)
    world.queue.waiting.clear()
    await world.services.storage.lanes.release(LANE, lease)
    assert await call_next(world.services, LANE) == first_slice(runs[0])  # who then dies
    world.clock.advance(61)
    await sweep_runs(world.services)
    await world.deliver()
    assert [(await now(world, run)).status for run in runs] == [RunStatus.SUCCESSFUL] * 3
    assert await leftovers(world) == []


async def test_a_line_whose_caller_is_gone_is_called_by_the_sweep() -> None:
    world = await small()
    runs, lease = await taken(world)
    world.queue.waiting.clear()
    await sweep_runs(world.services)
    assert world.queue.waiting == []  # somebody has the lane
    await world.services.storage.lanes.release(LANE, lease)
    await sweep_runs(world.services)
    assert delays(world) == [0]
    await world.deliver()
    assert [(await now(world, run)).status for run in runs] == [RunStatus.SUCCESSFUL] * 3


async def test_a_run_that_has_fallen_out_of_its_line_is_put_back() -> None:
    world = await small()
    runs, lease = await taken(world)
    queues = world.services.storage.lane_queues
    for stored in await queues.page(f"line-{LANE}"):
        await queues.delete(f"line-{LANE}", stored.key)
    await world.services.storage.lanes.release(LANE, lease)
    await world.deliver()
    assert (await now(world, runs[0])).status is RunStatus.SUCCESSFUL
    world.clock.advance(1800)
    await sweep_runs(world.services)
    assert (await now(world, runs[1])).status is RunStatus.QUEUED
    world.clock.advance(61)
    await sweep_runs(world.services)
    await world.deliver()
    assert [(await now(world, run)).status for run in runs] == [RunStatus.SUCCESSFUL] * 3


async def test_a_place_in_the_queue_that_is_out_of_date_cuts_no_wait_short() -> None:
    world = await small()
    world.mailchimp.down = answers(429, retry_after="3000")
    await world.drop(csv(20))
    run = await world.start()
    await work_on_visible(world)
    before = await active(world, run)
    await wait_in_queue(world.services, LANE, run, first_slice(run))
    world.queue.waiting.clear()
    await world.services.storage.active_runs.put(ALL, run.id, before)

    assert await call_next(world.services, LANE) is None

    assert await active(world, run) == before
    assert await world.services.storage.lane_queues.page(f"line-{LANE}") == []


async def test_a_run_that_moved_on_while_it_was_said_to_wait_is_woken_once_it_is_silent() -> None:
    # Its message came twice: one slice worked on it, the other put it in the queue. Then the one that
    # worked died after it had moved the checkpoint, and before it sent the next message.
    world = await small()
    await world.drop(csv(20))
    run = await world.start()
    await world.export("second", on_arrival=False)
    older = await world.start(export="second")
    key = f"{older.trigger.at:%Y%m%d%H%M%S%f}-0"  # somebody is before it
    await world.services.storage.lane_queues.put(f"line-{LANE}", key, first_slice(older))
    await wait_in_queue(world.services, LANE, run, first_slice(run))
    assert (await active(world, run)).in_queue
    checkpoint = await OpenCheckpoint.read(world.services.storage.checkpoints, run.id)
    await checkpoint.write(checkpoint.value.model_copy(update={"slice": 1}))
    world.queue.waiting.clear()

    for _ in range(4):
        world.clock.advance(60)
        await sweep_runs(world.services)
        await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_who_is_over_or_gone_is_passed_over() -> None:
    world = await small()
    runs, lease = await taken(world)
    world.queue.waiting.clear()
    storage = world.services.storage
    over = (await now(world, runs[0])).over(RunStatus.CANCELED, world.clock.now(), NO_MORE)
    await storage.runs.put("export", over.key, over)
    await storage.exports.delete(ALL, "second")
    await storage.lanes.release(LANE, lease)
    await sweep_runs(world.services)
    await world.deliver()
    assert [(await now(world, run)).status for run in runs] == [
        RunStatus.CANCELED,
        RunStatus.CANCELED,
        RunStatus.SUCCESSFUL,
    ]
    assert await leftovers(world) == []


async def test_a_run_that_joins_twice_has_one_place() -> None:
    world = await small()
    [run, *_] = await three_runs(world)
    for _ in range(3):
        await join_queue(world.services, run, first_slice(run))
    assert len(await world.services.storage.lane_queues.page(f"line-{LANE}")) == 1


async def a_refresh() -> World:
    """Return a world in which three exports of one account are due, and take a while each."""
    world = await small(slice_seconds=60)
    world.mailchimp.seconds = 15
    for name in ("second", "third"):
        await world.export(name, on_arrival=False)
    records = world.services.storage.exports
    stored = await records.get(ALL, "export")
    assert stored is not None
    await records.put(ALL, "export", stored.value.model_copy(update={"on_arrival": False}))
    await world.drop(csv(30))
    at = RefreshSchedule.model_validate({"times": ["09:01"]})
    await world.services.storage.schedules.put(ALL, REFRESH, at)
    await tick(world.services)
    world.clock.advance(60)
    return world


async def refreshed(world: World, *ends: tuple[int, bool], redelivers: bool) -> Machine:
    machine = Machine(world, lives(*ends), redelivers=redelivers)
    await machine.run_for(minutes=12)
    return machine


@pytest.mark.parametrize("redelivers", [True, False], ids=["redelivered", "messages lost"])
async def test_a_refresh_killed_at_any_operation_ends_well(redelivers: bool) -> None:
    life = Life()
    world = await a_refresh()
    machine = Machine(world, iter([life]), redelivers=True)
    await machine.run_for(minutes=3)
    assert life.operations > 150
    for moment in range(1 + redelivers, life.operations + 1, 5):
        world = await a_refresh()
        end = (moment, moment % 2 == 0)
        machine = await refreshed(world, end, redelivers=redelivers)
        assert machine.crashes == 1
        for name in ("export", "second", "third"):
            [stored] = await world.services.storage.runs.page(name)
            run = await find_run(world.services, stored.value.id)
            assert run.status is RunStatus.SUCCESSFUL, (moment, name)
            assert (await world.progress(run)).counts.total == 30
        assert written_again(world) <= 2 * 30 + IN_FLIGHT
        assert world.mailchimp.most_open <= 8
        assert await leftovers(world) == []
        assert world.queue.waiting == []
