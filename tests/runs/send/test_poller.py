"""Destinations that answer with jobs: nothing is lost, nothing is counted twice, no waiting is paid for."""

from datetime import timedelta

import pytest

from shared.destinations.batch import Batch
from shared.destinations.model import FinishedJob
from shared.domain.errors import BatchRefused, DailyQuotaExhausted
from shared.domain.job import Job
from shared.domain.message import say
from shared.domain.outcomes import Outcome, RowOutcome
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.runs.slice import run_slice
from shared.triggers.every_minute import tick
from tests.runs.mortal import Life, in_life, survives
from tests.runs.slow import slow
from tests.runs.small import leftovers, now, work_on_visible
from tests.runs.world import World, csv

LEFT = RowOutcome(3, Outcome.SUPPRESSED, "left", "They left.")


async def outcomes(world: World, run: Run, **expected: int) -> None:
    """Check how a run ended."""
    run = await now(world, run)
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    progress = await world.progress(run)
    assert {name: count for name, count in progress.counts if count} == expected
    assert progress.rows_read == progress.counts.total
    assert progress.in_jobs == 0


async def test_a_run_is_over_when_its_jobs_are() -> None:
    world, destination = await slow(seconds=600)
    await world.drop(csv(95))
    run = await world.start()
    await work_on_visible(world)
    waiting = await now(world, run)
    assert waiting.status is RunStatus.QUEUED
    assert str(waiting.reason) == "Waiting for Mailchimp to finish its work."
    progress = await world.progress(run)
    assert (progress.in_jobs, progress.counts.accepted, progress.percent) == (95, 0, 0)

    await world.deliver()
    await outcomes(world, run, accepted=95)
    assert (await world.progress(run)).percent == 100
    assert await leftovers(world) == []
    assert len(destination.written()) == 95


async def test_waiting_for_jobs_is_not_paid_for() -> None:
    world, destination = await slow(seconds=3600)
    await world.drop(csv(40))
    run = await world.run()
    progress = await world.progress(run)
    ended = run.finished_at
    assert ended is not None
    assert progress.seconds < 1
    assert ended - run.created_at < timedelta(
        seconds=3600 * 1.05
    )  # the share of a job's age between two polls
    assert len(destination.polls) < 150


async def test_a_timeline_tells_of_waiting_once() -> None:
    world, _ = await slow(seconds=3600)
    await world.drop(csv(40))
    run = await world.run()
    assert len(run.timeline) < 8


async def test_who_a_job_did_not_take_is_a_reject_and_is_tried_again_next_time() -> None:
    world, destination = await slow()
    destination.ends.append(lambda job, _: FinishedJob(job, [LEFT]) if job.batch == 1 else None)
    await world.drop(csv(95))
    run = await world.run()
    await outcomes(world, run, accepted=94, suppressed=1)
    [reject] = await world.rejects(run)
    assert (reject.code, reject.reason, reject.segment) == ("left", "They left.", "Customers")
    [(_, batch)] = [each for each in destination.sent if each[1].number == 1]
    assert reject.address == batch.addresses.decode().split("\t")[3]
    assert csv(95).splitlines()[reject.row - 1].startswith(reject.address)

    destination.ends.clear()
    await outcomes(world, await world.run(), accepted=1, unchanged=94)


async def test_outcomes_without_names_are_counted_and_listed_without_names() -> None:
    world, destination = await slow()
    nameless = RowOutcome(None, Outcome.SUPPRESSED, "cannot_add", "They left; it does not say who.")
    destination.ends.append(
        lambda job, _: FinishedJob(job, [nameless] * 3) if job.batch == 0 else None
    )
    await world.drop(csv(30))
    run = await world.run()
    await outcomes(world, run, accepted=27, suppressed=3)
    assert {(r.address, r.row) for r in await world.rejects(run)} == {("", 0)}


async def test_a_vendor_that_counts_more_than_it_was_sent_is_not_believed() -> None:
    world, destination = await slow()
    nameless = RowOutcome(None, Outcome.REFUSED, "error", "Wrong.")
    destination.ends.append(lambda job, _: FinishedJob(job, [LEFT, LEFT, *[nameless] * 50]))
    await world.drop(csv(20))
    run = await world.run()
    await outcomes(world, run, suppressed=2, refused=18)


async def test_a_job_that_did_nothing_is_sent_again_once() -> None:
    world, destination = await slow()
    destination.ends.append(
        lambda job, _: (
            FinishedJob(job, failed=say("It was cancelled.")) if job.id == "job-1" else None
        )
    )
    await world.drop(csv(50))
    run = await world.run()
    await outcomes(world, run, accepted=50)
    assert len(destination.sent) == 6
    assert sorted(destination.written())[:2] != []


async def test_a_job_that_fails_again_leaves_its_profiles_unknown() -> None:
    world, destination = await slow()
    bad = {"user3@example.com"}

    def end(job: Job, batch: Batch) -> FinishedJob | None:
        hit = bad & set(batch.addresses.decode().split("\t"))
        return FinishedJob(job, failed=say("It failed.")) if hit else None

    destination.ends.append(end)
    await world.drop(csv(50))
    run = await world.run()
    await outcomes(world, run, accepted=40, unknown=10)
    assert {str(reject.reason) for reject in await world.rejects(run)} == {"It failed."}
    bad.clear()
    await outcomes(world, await world.run(), accepted=10, unchanged=40)


async def test_a_job_that_never_ends_is_given_up_after_a_day() -> None:
    world, _ = await slow(seconds=10**9)
    await world.drop(csv(20))
    run = await world.run()
    await outcomes(world, run, unknown=20)
    ended = (await now(world, run)).finished_at
    assert ended is not None
    assert timedelta(hours=24) <= ended - run.created_at < timedelta(hours=26)


async def test_the_guilty_are_left_out_and_the_rest_is_sent_again_as_one() -> None:
    world, destination = await slow()
    guilty = [RowOutcome(index, Outcome.REFUSED, "bad", say("Bad.")) for index in (2, 7)]
    destination.refusals.append(BatchRefused("bad", say("Two are bad."), guilty=guilty))
    destination.ends.append(lambda job, _: FinishedJob(job, [LEFT]) if job.batch == 0 else None)
    await world.drop(csv(10))
    run = await world.run()
    await outcomes(world, run, accepted=7, refused=2, suppressed=1)
    [(_, rest)] = destination.sent
    assert rest.size == 8
    # The index of what the job says is that of the piece it was given.
    rejects = {reject.outcome: reject.address for reject in await world.rejects(run)}
    assert rejects[Outcome.SUPPRESSED] == rest.addresses.decode().split("\t")[3]


async def test_a_refusal_that_names_nobody_is_cut_where_it_says() -> None:
    world, destination = await slow()
    destination.refusals.append(BatchRefused("bad", say("One is bad."), cut=3))
    await world.drop(csv(10))
    await outcomes(world, await world.run(), accepted=10)
    assert [batch.size for _, batch in destination.sent] == [3, 7]


async def test_a_spent_day_parks_the_run_until_the_next_and_says_so() -> None:
    world, destination = await slow()
    destination.refusals.append(DailyQuotaExhausted(say("All 10,000 requests are used up.")))
    await world.drop(csv(20))
    run = await world.start()
    await work_on_visible(world)
    waiting = await now(world, run)
    assert waiting.status is RunStatus.QUEUED
    assert "00:00 UTC" in str(waiting.reason)
    assert waiting.resumes_at is not None
    midnight = waiting.resumes_at.replace(hour=0, minute=0, second=0, microsecond=0)
    assert timedelta() < waiting.resumes_at - midnight < timedelta(minutes=1)
    await world.deliver()
    await outcomes(world, run, accepted=20)
    assert (await now(world, run)).timeline


@pytest.mark.parametrize("at", range(1, 40, 2))
async def test_a_crash_anywhere_loses_no_job_and_counts_none_twice(at: int) -> None:
    world, destination = await slow(seconds=20)
    destination.ends.append(lambda job, _: FinishedJob(job, [LEFT]) if job.batch % 3 == 0 else None)
    await world.drop(csv(95))
    run = await world.start()
    life = Life(dies_at=at * 4)
    mortal = in_life(world.services, world.mailchimp, life)
    [message] = world.queue.take()
    assert isinstance(message, SliceMessage)
    if not await survives(life, run_slice(mortal, message)):
        world.clock.advance(61)  # until the lane of the dead is free
        await world.queue.send(message)
    await world.deliver()
    world.clock.advance(300)
    await tick(world.services)  # finds what died between the checkpoint and its message
    await world.deliver()
    await outcomes(world, run, accepted=91, suppressed=4)
