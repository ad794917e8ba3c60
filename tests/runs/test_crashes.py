"""A process killed at any moment: the run ends well, to the row, and next to nothing is sent twice.

Each run is small and takes every way there is: several segments, rejects of all kinds, batches under
way at once, continuation by queue. It is killed at each of its operations on storage and network in
turn, once before the operation takes effect and once after. Then another process takes over.
"""

import random

import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.outcomes import Counts
from shared.domain.run import Run, RunStatus
from shared.runs.history import find_run
from tests.fakes.mailchimp import answers
from tests.runs.machine import Machine, a_death_at, landed, lives, moments
from tests.runs.small import BATCH, connection, leftovers, sign_in_again, small, written_again
from tests.runs.world import World

OUTSIDE = 2 * 8  # batches that were begun and are not in the checkpoint, at most
"""Requests that are under way at once."""

IN_FLIGHT = OUTSIDE * BATCH
"""Profiles that one crash may cause to be written again."""


def the_file() -> str:
    rows = [f"user{n}@example.com,First{n},Last{n}" for n in range(90)]
    rows[10:10] = ["bad,A,B", "x@fake.example,A,B", "user3@example.com,C,D", "too,many,fields,here"]
    return "\n".join(["Email,First,Last", *rows, ""])


async def a_world(*, arrives: bool = False) -> World:
    """Return a world whose run takes several slices; `arrives` says whether a broken call was heeded."""
    world = await small(slice_seconds=15)
    world.mailchimp.seconds = 20
    world.mailchimp.writes_first = arrives
    return world


async def the_run(world: World) -> Run:
    """Return the only run there is."""
    [stored] = await world.services.storage.runs.page("export")
    return await find_run(world.services, stored.value.id)


async def require_a_good_end(world: World, crashes: int) -> None:
    run = await the_run(world)
    progress = await world.progress(run)
    counts = progress.counts
    assert run.status is RunStatus.SUCCESSFUL, [event.text for event in run.timeline]
    assert (progress.rows_read, counts.total) == (94, 94)
    assert (counts.accepted, counts.invalid, counts.refused, counts.duplicate) == (90, 2, 1, 1)
    rejects = {(reject.row, reject.address) for reject in await world.rejects(run)}
    assert rejects == {(12, "bad"), (13, "x@fake.example"), (14, "user3@example.com"), (15, "")}
    assert len(world.mailchimp.members) == 90
    assert world.mailchimp.members["user3@example.com"] == {"FNAME": "First3", "LNAME": "Last3"}
    assert written_again(world) <= IN_FLIGHT * crashes
    assert world.mailchimp.most_open <= 8
    assert await leftovers(world) == []
    assert world.queue.waiting == []


async def require_nothing_left_to_send(world: World) -> None:
    """Run once more: what was delivered is known, to the row."""
    again = await world.run()
    counts = (await world.progress(again)).counts
    assert (counts.unchanged, counts.accepted, counts.refused) == (90, 0, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
async def test_a_run_killed_at_any_operation_ends_well(after: bool) -> None:
    every = await moments(await a_world(), the_file())
    assert len(every) > 50
    for moment in every:
        world = await a_world(arrives=after)
        machine = await landed(world, the_file(), lives((moment, after)), redelivers=True)
        assert machine.crashes == 1, moment
        await require_a_good_end(world, crashes=1)


async def test_the_requests_of_a_slice_that_was_killed_count_as_far_as_they_were_reserved() -> None:
    for moment in await moments(await a_world(), the_file()):
        world = await a_world()
        await landed(world, the_file(), lives((moment, True)), redelivers=True)
        progress = await world.progress(await the_run(world))
        sent = world.mailchimp.calls
        assert sent <= progress.requests <= sent + OUTSIDE, moment


async def test_a_run_killed_at_any_operation_is_found_even_if_its_message_is_lost() -> None:
    for moment in await moments(await a_world(), the_file()):
        world = await a_world(arrives=moment % 2 == 0)
        await landed(world, the_file(), a_death_at(moment), redelivers=False)
        await require_a_good_end(world, crashes=1)
        await require_nothing_left_to_send(world)


@pytest.mark.parametrize("seed", range(25))
async def test_a_run_killed_again_and_again_ends_well(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    ends = [(chance.randrange(1, 30), chance.random() < 0.5) for _ in range(4)]
    world = await a_world(arrives=chance.random() < 0.5)
    redelivers = chance.random() < 0.5
    machine = await landed(world, the_file(), lives(*ends), redelivers=redelivers, minutes=18)
    assert machine.crashes >= 3
    await require_a_good_end(world, machine.crashes)
    await require_nothing_left_to_send(world)


async def a_sick_world() -> World:
    """Return a world whose destination is busy when the run first gets there."""
    world = await a_world()
    world.mailchimp.faults.extend([answers(503, retry_after="40")] * 8)
    return world


async def test_a_run_killed_at_any_operation_of_a_setback_ends_well() -> None:
    every = await moments(await a_sick_world(), the_file())
    for moment in every[::3]:
        world = await a_sick_world()
        machine = await landed(world, the_file(), a_death_at(moment), redelivers=True)
        await require_a_good_end(world, machine.crashes)


BAD_FILE = "Email,First,Last\nann@example.com,A,B\nbob@example.com,\0,C\n"


async def a_world_with_history() -> World:
    """Return a world whose export has sent the good file once."""
    world = await a_world()
    await world.drop(the_file())
    await world.run()
    return world


async def test_a_run_that_fails_for_good_fails_for_good_wherever_it_is_killed() -> None:
    for moment in await moments(await a_world_with_history(), BAD_FILE):
        world = await a_world_with_history()
        await landed(world, BAD_FILE, a_death_at(moment), redelivers=True)

        run = (await world.services.storage.runs.page("export"))[0].value
        assert run.status is RunStatus.FAILED_PERMANENT, moment
        assert str(run.reason) == (
            "Customers/1.csv, line 3: there is a NUL character. Nothing was sent."
        )
        assert await leftovers(world) == []
        await world.drop(the_file())
        await require_nothing_left_to_send(world)


async def test_a_run_of_too_many_profiles_accounts_for_its_rows_wherever_it_is_killed() -> None:
    async def too_small_a_world() -> World:
        return (await a_world()).having(max_profiles=50)

    for moment in await moments(await too_small_a_world(), the_file()):
        world = await too_small_a_world()
        await landed(world, the_file(), a_death_at(moment), redelivers=True)
        run = await the_run(world)
        assert run.status is RunStatus.FAILED_PERMANENT, moment
        progress = await world.progress(run)
        assert progress.counts == Counts(invalid=2, duplicate=1), moment
        assert (progress.rows_read, progress.not_sent) == (94, 91), moment
        assert await leftovers(world) == []


async def test_a_run_whose_list_is_gone_is_not_taken_for_a_success() -> None:
    async def listless() -> World:
        world = await a_world()
        world.mailchimp.down = answers(404)
        return world

    for moment in await moments(await listless(), the_file()):
        world = await listless()
        await landed(world, the_file(), a_death_at(moment), redelivers=True)
        run = await the_run(world)
        assert run.status is RunStatus.FAILED_PERMANENT, moment
        assert str(run.reason) == "Mailchimp no longer has the list (404)."
        assert await leftovers(world) == []


async def test_a_run_that_waits_for_a_sign_in_goes_on_wherever_it_was_killed() -> None:
    async def signed_out() -> World:
        world = await a_world()
        world.mailchimp.down = answers(401)
        return world

    every = await moments(await signed_out(), the_file())
    for moment in every[::3]:
        world = await signed_out()
        await landed(world, the_file(), a_death_at(moment), redelivers=True)
        run = await the_run(world)
        assert run.status is RunStatus.SKIPPED, moment
        assert (await connection(world)).status is ConnectionStatus.NEEDS_SIGN_IN
        await sign_in_again(world)
        machine = Machine(world, a_death_at(moment), redelivers=True)
        await machine.resume()
        await machine.run_for(minutes=6)
        await require_a_good_end(world, machine.crashes)
