"""Canceling a run at any moment: nothing more is sent, every row is accounted for, nothing is forgotten."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.connections.waiting_runs import resume_runs
from shared.destinations.batch import Batch
from shared.destinations.contract import Api
from shared.destinations.model import Client, FinishedJob, Rate, Sent, Target
from shared.domain.errors import Conflict
from shared.domain.message import say
from shared.domain.outcomes import Outcome
from shared.domain.run import Mode, Progress, Run, RunStatus
from shared.runs.cancel import cancel_run
from shared.storage.entries import ALL, Bookmark, SettingsTable
from shared.storage.paths import CHECKPOINT
from shared.storage.ports import BlobInfo, Blobs
from shared.triggers.every_minute import tick
from tests.fakes.mailchimp import Fault, answers, hangs
from tests.fakes.people import ADMINISTRATOR
from tests.runs.machine import Machine, lives
from tests.runs.mortal import Life
from tests.runs.slow import Slow, slow
from tests.runs.small import (
    SmallBatches,
    connection,
    leftovers,
    now,
    sign_in_again,
    small,
    work_on_visible,
)
from tests.runs.world import World, csv

ROWS = 300


def cancels(world: World, run: Run, seconds: float = 1) -> Fault:
    """Return a fault of one call: it takes some seconds, in which somebody cancels the run."""

    async def fault(request: httpx.Request) -> httpx.Response:
        await world.cancel(run)
        await world.clock.sleep(seconds)
        return world.mailchimp.write(request)

    return fault


def goes_well(world: World) -> Fault:
    async def fault(request: httpx.Request) -> httpx.Response:
        await world.clock.sleep(1)
        return world.mailchimp.write(request)

    return fault


async def canceled(world: World, run: Run, rows: int = ROWS) -> Progress:
    """Check that a run ended as canceled, with every row accounted for and nothing left behind."""
    ended = await now(world, run)
    assert ended.status is RunStatus.CANCELED, [str(event.text) for event in ended.timeline]
    assert str(ended.reason).startswith("Canceled: ")
    progress = await world.progress(run)
    assert progress.rows_read in (0, rows)
    assert progress.counts.total + progress.not_sent == progress.rows_read
    assert progress.in_jobs == 0
    assert await leftovers(world) == []
    assert await world.services.storage.bookmarks.page(SettingsTable.CANCELS) == []
    return progress


async def test_a_run_that_nobody_works_on_is_canceled_at_once() -> None:
    world = await small()
    await world.drop(csv(ROWS))
    run = await world.start()

    assert (await world.cancel(run)).status is RunStatus.CANCELED

    await world.deliver()
    await canceled(world, run)
    assert world.mailchimp.calls == 0


@pytest.mark.parametrize("nth", [0, 1, 7, 8, 20, 29])
async def test_no_batch_is_begun_a_second_after_a_run_is_canceled(nth: int) -> None:
    world = await small()
    await world.drop(csv(ROWS))
    run = await world.start()
    world.mailchimp.seconds = 1
    world.mailchimp.faults.extend([goes_well(world)] * nth + [cancels(world, run)])

    await world.deliver()

    progress = await canceled(world, run) if nth < 22 else await world.progress(run)
    assert world.mailchimp.calls <= nth + 2 * 8
    assert progress.counts.accepted == len(world.mailchimp.members)
    assert progress.counts.accepted == world.mailchimp.calls * 10
    again = await world.progress(await world.run())
    assert again.counts.unchanged == progress.counts.accepted
    assert again.counts.accepted == ROWS - progress.counts.accepted
    assert set(world.mailchimp.received.values()) == {1}


class Unhurried(SmallBatches):
    """Mailchimp, if it took a batch in half a minute."""

    limits = replace(SmallBatches.limits, rates=(Rate(1, 30, of="POST /lists/"),))


async def unhurried() -> World:
    """Return a world where batches wait long for their turn."""
    client = Client("id", "secret")
    destination = Unhurried(client, "https://login.test", "https://{dc}.test", False)
    return (await small()).having(destinations={destination.name: destination})


async def test_a_batch_that_waits_for_its_turn_when_a_run_is_canceled_is_not_sent() -> None:
    world = await unhurried()
    await world.drop(csv(ROWS))
    run = await world.start()
    world.mailchimp.faults.extend([goes_well(world), cancels(world, run)])

    await world.deliver()

    assert (world.mailchimp.calls, set(world.mailchimp.received.values())) == (2, {1})
    counts = (await canceled(world, run)).counts
    assert (counts.accepted, counts.total) == (20, 20)


async def test_nothing_is_sent_of_a_run_that_is_canceled_before_its_first_turn() -> None:
    world = await unhurried()
    await world.drop(csv(ROWS))
    run = await world.start()

    async def cancel() -> None:
        await world.clock.sleep(5)
        assert not (await world.cancel(run)).status.is_over

    await asyncio.gather(work_on_visible(world), cancel())
    await world.deliver()

    progress = await canceled(world, run)
    assert (world.mailchimp.calls, progress.counts.total, progress.not_sent) == (0, 0, ROWS)


async def test_a_batch_that_was_begun_when_a_run_is_canceled_is_sent_to_its_end() -> None:
    world = await unhurried()
    await world.drop(csv(ROWS))
    run = await world.start()

    async def refuses(request: httpx.Request) -> httpx.Response:
        await world.cancel(run)
        return await answers(400)(request)

    world.mailchimp.faults.append(refuses)

    await world.deliver()

    assert world.mailchimp.calls == 1 + 2  # as a whole, and in halves
    counts = (await canceled(world, run)).counts
    assert (counts.accepted, counts.total) == (10, 10)


class UnhurriedJobs(Slow):
    """A destination that answers with jobs, if it took a batch in half a minute."""

    limits = replace(Slow.limits, first_poll_after=1, rates=Unhurried.limits.rates)

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch, in a request that waits for its turn."""
        await api.post(f"/lists/{target.list_id}", self.body(target, batch))
        return await super().send(api, target, batch)


async def test_a_failed_job_that_waits_for_its_turn_when_a_run_is_canceled_is_not_sent_again() -> (
    None
):
    why, client = say("It failed."), Client("id", "secret")
    world = await small()
    destination = UnhurriedJobs(
        client, "https://login.test", "https://{dc}.test", False, clock=world.clock, seconds=1
    )
    destination.ends.append(lambda job, _: FinishedJob(job, failed=why))
    world.having(destinations={destination.name: destination})
    await world.drop(csv(10))
    run = await world.start()

    async def cancel() -> None:
        await world.clock.sleep(45)  # its first turn came after half a minute
        assert len(destination.written()) == 10
        assert not (await world.cancel(run)).status.is_over

    await asyncio.gather(work_on_visible(world), cancel())
    await world.deliver()

    progress = await canceled(world, run, rows=10)
    assert (len(destination.written()), progress.not_sent) == (10, 10)


def changed(rows: int) -> str:
    return re.sub(r",First(\d)", r",Changed\1", csv(rows))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("nth", [0, 3, 12, 20])
async def test_what_a_canceled_run_changed_is_never_taken_for_unchanged(
    nth: int, mode: Mode
) -> None:
    world = await small()
    await world.drop(csv(ROWS))
    await world.run()
    await world.drop(changed(ROWS))
    run = await world.start(mode)
    world.mailchimp.seconds = 1
    world.mailchimp.faults.extend([goes_well(world)] * nth + [cancels(world, run)])
    await world.deliver()
    sent = (await canceled(world, run)).counts.accepted

    await world.drop(csv(ROWS))  # as it was before
    again = (await world.progress(await world.run())).counts

    assert again.unchanged + again.accepted == ROWS
    names = {member["FNAME"] for member in world.mailchimp.members.values()}
    assert names == {f"First{n}" for n in range(ROWS)}
    assert sent <= again.accepted <= sent + ROWS // 25  # a partition or two more than was changed


async def test_a_batch_whose_answer_is_lost_while_it_is_canceled_is_unknown() -> None:
    world = await small()
    await world.drop(csv(ROWS))
    run = await world.start()
    world.mailchimp.faults.extend([cancels(world, run), hangs(world.clock)])

    await world.deliver()

    progress = await canceled(world, run)
    assert progress.counts.unknown == 10
    rejects = await world.rejects(run)
    assert {reject.outcome for reject in rejects} == {Outcome.UNKNOWN}
    assert {str(reject.reason) for reject in rejects} == {"Mailchimp did not answer in time."}
    again = (await world.progress(await world.run())).counts
    assert again.accepted == ROWS - progress.counts.accepted


async def test_of_a_run_that_waits_to_try_again_only_what_may_have_arrived_is_unknown() -> None:
    world = await small()
    world.mailchimp.writes_first = True
    world.mailchimp.seconds = 1
    world.mailchimp.faults.extend([goes_well(world)] * 8)
    world.mailchimp.down = hangs(world.clock)
    await world.drop(csv(ROWS))
    run = await world.start()
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.FAILURE

    await world.cancel(run)

    counts = (await canceled(world, run)).counts
    assert (counts.accepted, counts.unknown) == (80, 80)


async def test_what_was_refused_for_its_rate_was_not_sent() -> None:
    world = await small()
    world.mailchimp.down = answers(429, retry_after="60")
    await world.drop(csv(ROWS))
    run = await world.start()
    await work_on_visible(world)

    await world.cancel(run)

    progress = await canceled(world, run)
    assert (progress.counts.total, progress.not_sent) == (0, ROWS)


async def test_a_run_canceled_while_it_waits_for_a_sign_in_does_not_go_on() -> None:
    world = await small()
    world.mailchimp.faults.extend([goes_well(world)] * 12)
    world.mailchimp.down = answers(401)
    await world.drop(csv(ROWS))
    run = await world.run()
    assert run.status is RunStatus.SKIPPED

    await world.cancel(run)
    progress = await canceled(world, run)
    await sign_in_again(world)
    await resume_runs(world.services, "connection")
    await world.deliver()

    assert (await now(world, run)).status is RunStatus.CANCELED
    waiting = f"waiting-{(await connection(world)).id}"
    assert await world.services.storage.active_runs.page(waiting) == []
    assert progress.counts.accepted == len(world.mailchimp.members)


class Watched:
    """A container that calls somebody after the first piece of each blob that is streamed."""

    def __init__(self, blobs: Blobs, told: Any) -> None:
        self._blobs = blobs
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        return self._blobs.list(prefix)

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        async for piece in self._blobs.stream(name, etag):
            yield piece
            await self._told()


async def test_a_run_can_be_canceled_while_it_reads() -> None:
    world = await small()
    await world.drop(csv(20_000))
    run = await world.start()

    async def cancel() -> None:
        world.clock.advance(2)
        await world.cancel(run)

    storage = world.services.storage
    watched: Any = Watched(storage.segments, cancel)
    world.having(storage=replace(storage, segments=watched))
    await world.deliver()

    ended = await now(world, run)
    assert ended.status is RunStatus.CANCELED
    assert await leftovers(world) == []
    assert world.mailchimp.calls == 0
    progress = await world.progress(run)
    assert progress.counts.total + progress.not_sent == progress.rows_read


async def test_jobs_that_the_destination_has_are_waited_for_and_counted() -> None:
    world, destination = await slow(seconds=600)
    await world.drop(csv(95))
    run = await world.start()
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.QUEUED

    assert not (await world.cancel(run)).status.is_over
    await world.deliver()

    progress = await canceled(world, run, rows=95)
    assert (progress.counts.accepted, progress.not_sent) == (95, 0)
    assert len(destination.written()) == 95


async def test_of_a_canceled_run_a_failed_job_is_not_sent_again() -> None:
    world, destination = await slow(seconds=600)
    why = say("It failed.")
    destination.ends.append(lambda job, _: FinishedJob(job, failed=why) if job.batch == 1 else None)
    await world.drop(csv(95))
    run = await world.start()
    await work_on_visible(world)
    await world.cancel(run)
    await world.deliver()

    progress = await canceled(world, run, rows=95)
    assert (progress.counts.accepted, progress.not_sent) == (85, 10)
    assert len(destination.written()) == 95
    destination.ends.clear()
    again = (await world.progress(await world.run())).counts
    assert (again.unchanged, again.accepted) == (85, 10)


async def test_after_an_hour_nobody_waits_for_jobs_of_a_canceled_run() -> None:
    world, _ = await slow(seconds=1_000_000)
    await world.drop(csv(95))
    run = await world.start()
    await work_on_visible(world)
    asked = world.clock.now()
    await world.cancel(run)
    await world.deliver()

    progress = await canceled(world, run, rows=95)
    assert (progress.counts.unknown, progress.not_sent) == (95, 0)
    ended = (await now(world, run)).finished_at
    assert ended is not None
    assert timedelta(minutes=59) < ended - asked < timedelta(minutes=63)


async def test_a_lost_sign_in_ends_the_waiting_for_jobs() -> None:
    world, destination = await slow(seconds=600)
    await world.drop(csv(95))
    run = await world.start()
    await work_on_visible(world)
    await world.services.storage.secrets.delete("secret-connection")
    await world.cancel(run)
    await world.deliver()

    assert (await canceled(world, run, rows=95)).counts.unknown == 95
    assert len(destination.written()) == 95


async def test_a_cancel_whose_process_died_is_carried_out_by_the_tick() -> None:
    world = await small()
    await world.drop(csv(ROWS))
    run = await world.start()
    bookmarks = world.services.storage.bookmarks
    await bookmarks.insert(SettingsTable.CANCELS, run.id, Bookmark(at=world.clock.now()))

    await tick(world.services)

    await canceled(world, run)
    await bookmarks.insert(SettingsTable.CANCELS, run.id, Bookmark(at=world.clock.now()))
    await tick(world.services)
    await canceled(world, run)


async def test_a_run_that_is_over_cannot_be_canceled() -> None:
    world = await small()
    await world.drop(csv(20))
    run = await world.run()
    with pytest.raises(Conflict):
        await cancel_run(world.services, ADMINISTRATOR, run.id)
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_a_run_that_fails_half_way_keeps_what_it_delivered_too() -> None:
    world = await small()
    await world.drop(csv(ROWS))
    await world.run()
    await world.drop(changed(ROWS))
    world.mailchimp.seconds = 1
    world.mailchimp.faults.extend([goes_well(world)] * 12)
    world.mailchimp.down = answers(404)
    failed = await world.run()
    assert failed.status is RunStatus.FAILED_PERMANENT
    progress = await world.progress(failed)
    assert progress.counts.total + progress.not_sent == ROWS
    assert progress.counts.accepted >= 120

    world.mailchimp.down = None
    await world.drop(csv(ROWS))
    again = (await world.progress(await world.run())).counts
    assert again.unchanged > ROWS // 3
    assert {one["FNAME"] for one in world.mailchimp.members.values()} == {
        f"First{n}" for n in range(ROWS)
    }


async def test_a_run_whose_export_is_gone_can_still_end() -> None:
    world = await small()
    await world.drop(csv(ROWS))
    run = await world.start()
    bookmarks = world.services.storage.bookmarks
    await bookmarks.insert(SettingsTable.CANCELS, run.id, Bookmark(at=world.clock.now()))
    await world.services.storage.exports.delete(ALL, "export")
    await tick(world.services)
    ended = await now(world, run)
    assert (ended.status, str(ended.reason)) == (RunStatus.CANCELED, "The export was removed.")


async def test_whoever_cancels_and_a_slice_that_begins_do_not_get_in_each_others_way() -> None:
    in_time = 0
    for pause in range(40):
        world = await small()
        await world.drop(csv(ROWS))
        world.clock.advance(
            600
        )  # the file is no arrival any more, of which there would be a second run
        await tick(world.services)
        run = await world.start()

        async def cancel(world: World = world, run: Run = run, pause: int = pause) -> bool:
            for _ in range(pause):
                await asyncio.sleep(0)
            try:
                await world.cancel(run)
            except Conflict:  # it is over
                return False
            return True

        _, canceled = await asyncio.gather(work_on_visible(world), cancel())
        in_time += canceled
        for _ in range(4):
            world.clock.advance(61)
            await tick(world.services)
            await world.deliver()

        ended = await now(world, run)
        assert ended.status in (RunStatus.CANCELED, RunStatus.SUCCESSFUL), pause
        progress = await world.progress(run)
        assert progress.counts.accepted == len(world.mailchimp.members), pause
        again = (await world.progress(await world.run())).counts
        assert again.unchanged == progress.counts.accepted
        assert again.accepted + again.unchanged == ROWS
    assert in_time > 15


async def a_dying_world() -> tuple[World, Run]:
    """Return a world whose second run, which changes everything, somebody cancels half-way."""
    world = await small(slice_seconds=3)
    await world.services.storage.exports.delete(ALL, "export")
    await world.export(on_arrival=False)  # the only run is the one that is canceled
    await world.drop(csv(ROWS))
    await world.run()
    await world.drop(changed(ROWS))
    run = await world.start()
    world.mailchimp.seconds = 1
    world.mailchimp.faults.extend([goes_well(world)] * 12 + [cancels(world, run)])
    return world, run


async def dying(world: World, *ends: tuple[int, bool], redelivers: bool) -> Life:
    first = Life(*ends[0]) if ends else Life()
    machine = Machine(
        world, (life for life in (first, *(next(lives()) for _ in range(9)))), redelivers=redelivers
    )
    await machine.run_for(4)
    return first


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
async def test_a_canceled_run_killed_at_any_operation_ends_well(after: bool) -> None:
    world, _ = await a_dying_world()
    every = (await dying(world, redelivers=True)).operations
    assert every > 50
    for moment in range(1, every + 1):
        world, run = await a_dying_world()
        world.mailchimp.writes_first = after
        await dying(world, (moment, after), redelivers=moment % 2 == 0)

        ended = await now(world, run)
        assert ended.status in (RunStatus.CANCELED, RunStatus.SUCCESSFUL), moment
        progress = await world.progress(run)
        assert progress.rows_read in (0, ROWS), moment
        assert progress.counts.total + progress.not_sent == progress.rows_read, moment
        names = [member["FNAME"] for member in world.mailchimp.members.values()]
        arrived = sum(name.startswith("Changed") for name in names)
        counts = progress.counts
        assert counts.accepted <= arrived <= counts.accepted + counts.unknown, moment
        assert await leftovers(world) == []
        assert await world.services.storage.checkpoints.get(run.id, CHECKPOINT)

        world.mailchimp.seconds = 0
        world.mailchimp.faults.clear()
        await world.drop(csv(ROWS))
        again = (await world.progress(await world.run())).counts
        assert again.unchanged + again.accepted == ROWS, moment
        assert {one["FNAME"] for one in world.mailchimp.members.values()} == {
            f"First{n}" for n in range(ROWS)
        }, moment
