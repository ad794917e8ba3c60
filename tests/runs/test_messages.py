"""Messages that come twice, late or out of order, and two slices that believe to have the same run."""

import asyncio
import random

import httpx
import pytest

from shared.domain.message import say
from shared.domain.run import RunStatus, SliceMessage
from shared.runs.ending import give_up
from shared.runs.slice import run_slice
from shared.storage.paths import CHECKPOINT
from shared.triggers.every_minute import sweep_runs
from tests.fakes.mailchimp import answers
from tests.runs.small import delays, leftovers, now, small, work_on_visible, written_again
from tests.runs.world import World, csv

ROWS = csv(300) + "bad,A,B\nx@fake.example,A,B\n"


async def a_world() -> World:
    world = await small(slice_seconds=50)
    world.mailchimp.seconds = 30
    await world.drop(ROWS)
    return world


async def require_the_one_result(world: World, run_id: str) -> None:
    run = (await world.services.storage.runs.page("export"))[0].value
    counts = (await world.progress(run)).counts
    assert (run.id, run.status) == (run_id, RunStatus.SUCCESSFUL)
    assert (counts.accepted, counts.invalid, counts.refused, counts.total) == (300, 1, 1, 302)
    assert written_again(world) == 0
    assert world.mailchimp.most_open <= 8
    assert await leftovers(world) == []


@pytest.mark.parametrize("seed", range(15))
async def test_messages_in_any_order_and_number_have_the_same_result(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - an order, not a secret
    world = await a_world()
    run = await world.start()
    seen = [SliceMessage(run_id=run.id, slice=0)]

    for _ in range(60):
        due = [message for message in world.queue.take() if isinstance(message, SliceMessage)]
        seen += due
        extra = chance.choices(seen, k=chance.randrange(3))
        chance.shuffle(due)
        await asyncio.gather(*(run_slice(world.services, each) for each in [*due, *extra]))
        world.clock.advance(chance.choice([1, 5, 12]))
    await world.deliver()

    await require_the_one_result(world, run.id)


async def test_a_message_of_a_run_that_is_over_changes_nothing() -> None:
    world = await a_world()
    run = await world.run()
    calls = world.mailchimp.calls
    for number in range(4):
        await run_slice(world.services, SliceMessage(run_id=run.id, slice=number))
    assert await now(world, run) == run
    assert world.mailchimp.calls == calls
    assert world.queue.waiting == []


@pytest.mark.parametrize("run_id", ["export.nothing", "nothing", "", "a.b.c"])
async def test_a_message_of_no_run_changes_nothing(run_id: str) -> None:
    world = await a_world()
    await run_slice(world.services, SliceMessage(run_id=run_id, slice=0))
    await give_up(world.services, SliceMessage(run_id=run_id, slice=0))
    assert world.queue.waiting == []
    assert world.mailchimp.calls == 0


async def test_a_stale_message_does_not_cut_a_wait_short() -> None:
    world = await a_world()
    world.mailchimp.down = answers(429, retry_after="3000")
    run = await world.start()
    await work_on_visible(world)
    lanes = world.services.storage.lanes
    lease = await lanes.acquire("mailchimp-us1-1")
    assert lease is not None
    calls = world.mailchimp.calls

    await run_slice(world.services, SliceMessage(run_id=run.id, slice=0))
    await lanes.release("mailchimp-us1-1", lease)
    for _ in range(5):
        world.clock.advance(60)
        await sweep_runs(world.services)
        await work_on_visible(world)

    assert world.mailchimp.calls == calls
    assert len(delays(world)) == 1


async def test_a_slice_that_was_fenced_stops_and_writes_no_more() -> None:
    world = await a_world()
    run = await world.start()
    checkpoints = world.services.storage.checkpoints

    async def another_writes(request: httpx.Request) -> httpx.Response:
        stored = await checkpoints.get(run.id, CHECKPOINT)
        assert stored is not None
        await checkpoints.replace(run.id, CHECKPOINT, stored.value, stored.etag)
        return world.mailchimp.write(request)

    world.mailchimp.faults.append(another_writes)
    await work_on_visible(world)

    fenced = await now(world, run)
    assert (await world.progress(run)).batches_done == 0
    assert (await world.progress(run)).counts.accepted == 0
    assert fenced.status is RunStatus.PROCESSING
    assert world.mailchimp.calls <= 2 * 8  # outside the checkpoint, at most
    assert world.queue.waiting == []

    await sweep_runs(world.services)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.total == 302


async def test_a_slice_whose_run_was_changed_by_another_stops_and_writes_no_more() -> None:
    world = await a_world()
    run = await world.start()
    runs = world.services.storage.runs

    async def another_ends_it(request: httpx.Request) -> httpx.Response:
        stored = await runs.get("export", run.key)
        assert stored is not None
        over = stored.value.over(
            RunStatus.CANCELED, world.clock.now(), say("Somebody canceled it.")
        )
        await runs.replace("export", run.key, over, stored.etag)
        return world.mailchimp.write(request)

    world.mailchimp.faults.append(another_ends_it)
    await world.deliver()

    assert str((await now(world, run)).reason) == "Somebody canceled it."
    await sweep_runs(world.services)
    assert await leftovers(world) == []


async def test_a_message_that_was_given_up_fails_its_run_for_good_and_says_why() -> None:
    world = await a_world()

    async def surprise(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    world.mailchimp.down = surprise
    run = await world.start()
    message = SliceMessage(run_id=run.id, slice=0)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            await run_slice(world.services, message)

    await give_up(world.services, message)

    failed = await now(world, run)
    assert failed.status is RunStatus.FAILED_PERMANENT
    assert str(failed.reason) == (
        "Given up: several tries in a row ended in the same way. "
        "Something went wrong that should not (ZeroDivisionError). Trying again."
    )
    assert await leftovers(world) == []


async def test_a_given_up_message_of_an_earlier_slice_fails_nothing() -> None:
    world = await a_world()
    run = await world.start()
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.QUEUED

    await give_up(world.services, SliceMessage(run_id=run.id, slice=0))

    await world.deliver()
    await require_the_one_result(world, run.id)


async def test_a_given_up_message_of_a_run_that_is_over_changes_nothing() -> None:
    world = await a_world()
    run = await world.run()
    progress = await world.services.storage.checkpoints.get(run.id, CHECKPOINT)
    assert progress is not None
    await give_up(world.services, SliceMessage(run_id=run.id, slice=progress.value.slice))
    assert await now(world, run) == run
