"""A run that was set back half-way is not overtaken by a newer one of the same export."""

import re

import httpx

from shared.domain.run import Run, RunStatus
from tests.fakes.mailchimp import answers
from tests.runs.small import leftovers, now, small, work_on_visible
from tests.runs.world import World, csv


def named(name: str) -> str:
    """Return a file of the same people, by another first name."""
    return re.sub(r"First(\d)", rf"{name}\1", csv(95))


def names(world: World) -> set[str]:
    return {re.sub(r"\d", "", member["FNAME"]) for member in world.mailchimp.members.values()}


async def set_back() -> tuple[World, Run]:
    """Return a world with a run that has sent three of its ten batches, and waits to send the others."""
    world = await small()

    async def writes(request: httpx.Request) -> httpx.Response:
        return world.mailchimp.write(request)

    await world.drop(named("Old"))
    world.mailchimp.faults.extend([writes] * 3)
    world.mailchimp.down = answers(500)
    run = await world.start()
    await work_on_visible(world)
    world.mailchimp.down = None
    assert (await now(world, run)).status is RunStatus.FAILURE
    assert (await world.progress(run)).batches_done == 3
    return world, run


async def test_a_newer_run_waits_until_an_older_one_that_has_begun_is_over() -> None:
    world, older = await set_back()
    await world.drop(named("New"), "Customers/2.csv")
    newer = await world.start()

    await work_on_visible(world)
    waiting = await now(world, newer)
    assert waiting.status is RunStatus.QUEUED
    assert str(waiting.reason) == "Waiting for another run of this export to end."
    assert names(world) == {"Old"}
    await world.deliver()

    for run in (older, newer):
        assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert names(world) == {"New"}
    assert await leftovers(world) == []
    again = await world.run()
    assert (await world.progress(again)).counts.unchanged == 95


async def test_a_newer_run_does_not_wait_for_one_that_has_sent_nothing() -> None:
    world = await small()
    await world.drop(csv(95))
    await world.start()
    world.queue.waiting.clear()  # its message is lost

    newer = await world.start()
    await work_on_visible(world)

    assert (await now(world, newer)).status is RunStatus.SUCCESSFUL


async def test_a_run_of_another_export_does_not_wait() -> None:
    world, _ = await set_back()
    await world.export("other")
    run = await world.start(export="other")

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_a_run_that_waits_for_another_can_be_canceled() -> None:
    world, older = await set_back()
    newer = await world.start()
    await work_on_visible(world)

    assert (await world.cancel(newer)).status is RunStatus.CANCELED
    await world.deliver()

    assert (await now(world, older)).status is RunStatus.SUCCESSFUL
    assert await leftovers(world) == []
