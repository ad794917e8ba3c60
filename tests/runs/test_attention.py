"""When only a person can help: the sign-in is gone, the list is gone, the profiles are refused."""

import re

import httpx
import pytest

from shared.connections.waiting_runs import resume_runs
from shared.domain.connection import ConnectionStatus
from shared.domain.outcomes import Outcome
from shared.domain.run import RunStatus
from shared.runs.start import start_run
from shared.storage.entries import ALL
from tests.fakes.mailchimp import answers
from tests.runs.small import (
    connection,
    leftovers,
    now,
    sign_in_again,
    small,
    written_again,
)
from tests.runs.world import World, csv


class LetsIn:
    """Answers so many calls as Mailchimp does, and all others with a status."""

    def __init__(self, world: World, calls: int, status: int) -> None:
        self._world = world
        self._left = calls
        self._refuse = answers(status)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self._left -= 1
        if self._left >= 0:
            return self._world.mailchimp.write(request)
        return await self._refuse(request)


async def test_a_401_skips_the_run_and_marks_the_connection() -> None:
    world = await small()
    world.mailchimp.down = LetsIn(world, 3, 401)
    await world.drop(csv(200))

    run = await world.run()

    why = "Mailchimp no longer accepts the sign-in (401). Sign in again."
    assert run.status is RunStatus.SKIPPED
    assert str(run.reason) == f"{why} The run goes on from here once somebody has signed in."
    assert world.queue.waiting == []
    broken = await connection(world)
    assert (broken.status, str(broken.reason)) == (ConnectionStatus.NEEDS_SIGN_IN, why)
    assert (await world.progress(run)).counts.accepted == 30


async def test_a_403_with_an_explanation_is_no_reason_to_wait() -> None:
    world = await small()
    world.mailchimp.down = answers(403)
    await world.drop(csv(20))
    run = await world.run()
    assert run.status is RunStatus.SKIPPED
    assert (await connection(world)).status is ConnectionStatus.NEEDS_SIGN_IN


async def test_a_skipped_run_goes_on_from_where_it_stopped_after_the_sign_in() -> None:
    world = await small()
    world.mailchimp.down = LetsIn(world, 13, 401)
    await world.drop(csv(400))
    run = await world.run()
    assert (await world.progress(run)).counts.accepted == 130

    await sign_in_again(world)
    await resume_runs(world.services, "connection")
    await world.deliver()

    after = await now(world, run)
    assert (after.status, after.reason) == (RunStatus.SUCCESSFUL, None)
    assert (await world.progress(run)).counts.accepted == 400
    assert written_again(world) == 0
    assert await leftovers(world) == []
    assert "Signed in again; going on." in [str(event.text) for event in after.timeline]


async def test_a_second_sign_in_resumes_nothing_that_is_over() -> None:
    world = await small()
    world.mailchimp.down = answers(401)
    await world.drop(csv(20))
    run = await world.run()
    await sign_in_again(world)
    await resume_runs(world.services, "connection")
    await world.deliver()
    calls = world.mailchimp.calls

    await resume_runs(world.services, "connection")

    assert world.queue.waiting == []
    assert world.mailchimp.calls == calls
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_every_run_that_waits_for_the_sign_in_goes_on() -> None:
    world = await small()
    await world.export("other")
    world.mailchimp.down = answers(401)
    await world.drop(csv(20))
    runs = [await world.start(), await world.start(export="other")]
    await world.deliver()
    assert [(await now(world, run)).status for run in runs] == [RunStatus.SKIPPED] * 2

    await sign_in_again(world)
    await resume_runs(world.services, "connection")
    await world.deliver()

    assert [(await now(world, run)).status for run in runs] == [RunStatus.SUCCESSFUL] * 2


async def test_a_run_on_a_connection_that_needs_sign_in_is_skipped_at_once_and_says_why() -> None:
    world = await small()
    world.mailchimp.down = answers(401)
    await world.drop(csv(20))
    await world.run()
    calls = world.mailchimp.calls

    run = await world.run()

    assert run.status is RunStatus.SKIPPED
    assert str(run.reason).startswith("The connection Our Mailchimp needs sign-in: Mailchimp no")
    assert world.mailchimp.calls == calls


async def test_credentials_that_are_gone_from_the_vault_ask_for_a_sign_in() -> None:
    world = await small()
    await world.services.storage.secrets.delete("secret-connection")
    await world.drop(csv(20))
    run = await world.run()
    assert run.status is RunStatus.SKIPPED
    assert "gone from the vault" in str((await connection(world)).reason)


async def test_a_list_that_vanishes_on_the_way_fails_the_run_for_good_but_not_the_connection() -> (
    None
):
    world = await small()
    world.mailchimp.down = LetsIn(world, 5, 404)
    await world.drop(csv(200))

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert str(run.reason) == "Mailchimp no longer has the list (404)."
    assert (await connection(world)).status is ConnectionStatus.READY
    assert await leftovers(world) == []
    assert world.queue.waiting == []
    assert (await world.progress(run)).counts.accepted == 50


async def test_a_list_that_is_not_there_is_named_and_nothing_is_sent() -> None:
    world = await small()
    await world.export("lost", list_id="nosuchlist")
    await world.drop(csv(20))

    run = await world.run(export="lost")

    assert run.status is RunStatus.FAILED_PERMANENT
    assert str(run.reason) == "Mailchimp has no audience with the ID nosuchlist."
    assert world.mailchimp.calls == 0


async def test_a_refused_batch_is_sent_in_pieces_so_that_only_the_guilty_become_rejects() -> None:
    world = await small()
    tenth = re.compile(rb'"user1[0-9]@')

    async def refuses(request: httpx.Request) -> httpx.Response:
        if tenth.search(request.content):
            return httpx.Response(400, json={"detail": "Your merge fields were invalid."})
        return world.mailchimp.write(request)

    world.mailchimp.down = refuses
    await world.drop(csv(45))

    run = await world.run()

    assert run.status is RunStatus.SUCCESSFUL
    counts = (await world.progress(run)).counts
    assert (counts.accepted, counts.refused) == (35, 10)
    rejects = await world.rejects(run)
    assert {(r.outcome, r.code, str(r.reason)) for r in rejects} == {
        (
            Outcome.REFUSED,
            "http_400",
            "Mailchimp refused the request (400). Your merge fields were invalid.",
        )
    }
    assert {r.address for r in rejects} == {f"user1{n}@example.com" for n in range(10)}
    assert {r.address for r in rejects}.isdisjoint(world.mailchimp.members)
    assert written_again(world) == 0

    world.mailchimp.down = None
    again = await world.run()
    counts = (await world.progress(again)).counts
    assert (counts.accepted, counts.unchanged) == (10, 35)


async def test_a_destination_that_refuses_everything_is_not_asked_for_each_profile() -> None:
    world = await small()

    async def refuses(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"detail": "We do not like your format."})

    world.mailchimp.down = refuses
    await world.drop(csv(100))

    run = await world.run()

    assert (await world.progress(run)).counts.refused == 100
    assert world.mailchimp.calls <= 10 * 19  # a refused batch of ten has at most 19 pieces


@pytest.mark.parametrize(
    ("gone", "reason"),
    [
        ("exports", "The export was removed."),
        ("connections", "The connection of the export was removed."),
    ],
)
async def test_a_run_whose_export_or_connection_is_gone_is_canceled(gone: str, reason: str) -> None:
    world = await small()
    await world.drop(csv(20))
    run = await world.start()
    key = {"exports": "export", "connections": "connection"}[gone]
    await getattr(world.services.storage, gone).delete(ALL, key)

    await world.deliver()

    canceled = await now(world, run)
    assert (canceled.status, str(canceled.reason)) == (RunStatus.CANCELED, reason)
    assert world.mailchimp.calls == 0
    assert await leftovers(world) == []


async def test_the_same_trigger_on_a_skipped_run_makes_no_second_one() -> None:
    world = await small()
    world.mailchimp.down = answers(401)
    await world.drop(csv(20))
    run = await world.run()
    same, made = await start_run(world.services, "export", run.trigger)
    assert (same.id, made) == (run.id, False)
    assert world.queue.waiting == []
