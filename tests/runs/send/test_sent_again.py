"""Jobs that failed, and what is sent again: what arrived is not sent once more, nor forgotten."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from shared.destinations.batch import Batch
from shared.destinations.contract import Api, JobFiles
from shared.destinations.model import Client, FinishedJob, Sent, Target
from shared.domain.errors import BatchRefused, RateLimited, TryLater
from shared.domain.job import Job, ListedJob
from shared.domain.message import say
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.runs.slice import run_slice
from shared.triggers.every_minute import tick
from tests.runs.mortal import Life, in_life, survives
from tests.runs.slow import Slow, slow
from tests.runs.small import BATCH, leftovers, now, work_on_visible
from tests.runs.world import World, csv, ready

ILL_FOR = 600.0  # seconds
HALF = BATCH // 2
OUT_OF_ORDER = TryLater(say("Out of order."), ILL_FOR)


@dataclass(frozen=True, eq=False)
class Listing(Slow):
    """A destination that lists its jobs. Those that first came fail; then it takes half a batch at most.

    Of the halves some lose their answers, and then it is ill for a while and lists nothing.
    """

    limits = replace(Slow.limits, concurrency=1)
    first: int = field(kw_only=True)  # jobs that fail
    loses: Collection[int] = field(kw_only=True)  # halves, by their number
    error: TryLater = field(kw_only=True)
    listed: list[ListedJob] = field(default_factory=list, kw_only=True)
    ill_until: list[datetime] = field(default_factory=list, kw_only=True)

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch, or half a one, or lose the answer."""
        await api.post(f"/lists/{target.list_id}", self.body(target, batch))
        is_first = len(self.sent) < self.first
        if not is_first and batch.size > HALF:
            raise BatchRefused("too_many", say("Too many at once."))
        is_lost = not is_first and len(self.sent) - self.first in self.loses
        if is_lost and isinstance(self.error, RateLimited):
            raise self.error
        sent = await super().send(api, target, batch)
        self.listed.append(ListedJob(id=str(sent.job), created_at=self.clock.now()))
        if is_lost:
            self.ill_until.append(self.clock.now() + timedelta(seconds=ILL_FOR))
            raise self.error
        return sent

    async def jobs(self, api: Api, size: int | None = None) -> Collection[ListedJob]:
        """Return the jobs, or those of so many profiles, unless it is ill."""
        if self.ill_until and self.clock.now() < self.ill_until[-1]:
            raise self.error
        sizes = {key: batch.size for key, batch in self.sent}
        return [job for job in self.listed if size is None or sizes[job.id] == size]

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Return the jobs whose time is up; the first ones failed."""
        failing = {key for key, _ in self.sent[: self.first]}
        over = await super().poll(api, jobs, files)
        return [
            replace(each, failed=say("It failed.")) if each.job.id in failing else each
            for each in over
        ]


async def listing(
    rows: int, loses: Collection[int], error: TryLater = OUT_OF_ORDER
) -> tuple[World, Listing, Run]:
    """Return a world whose run has lost the answers of some halves, and waits until the illness is over."""
    world = await ready()
    destination = Listing(
        Client("id", "secret"),
        "https://login.test",
        "https://{dc}.test",
        False,
        clock=world.clock,
        first=rows // BATCH,
        loses=loses,
        error=error,
    )
    world.having(destinations={destination.name: destination})
    await world.drop(csv(rows))
    run = await world.start()
    for _ in range(100):
        if (await now(world, run)).status is RunStatus.FAILURE:
            return world, destination, run
        await world.deliver(most=1)
    raise AssertionError("no answer was lost")


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
@pytest.mark.parametrize("batches", [2, 3])
async def test_a_piece_of_a_job_sent_again_that_lost_its_answer_is_found_and_not_sent_once_more(
    batches: int, lost: int
) -> None:
    world, destination, run = await listing(batches * BATCH, [lost])
    await world.deliver()
    over = await now(world, run)
    assert over.status is RunStatus.SUCCESSFUL, over.reason
    assert (await world.progress(run)).counts.accepted == batches * BATCH
    # Each was sent once to the job that failed, and once since.
    assert set(Counter(destination.written()).values()) == {2}
    assert await leftovers(world) == []


@pytest.mark.parametrize(("lost", "arrived"), [(0, 0), (1, HALF)])
async def test_what_was_sent_again_and_lost_its_answer_is_unknown_once_the_run_is_canceled(
    lost: int, arrived: int
) -> None:
    world, destination, run = await listing(2 * BATCH, [lost])
    await world.cancel(run)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.CANCELED
    progress = await world.progress(run)
    assert progress.counts.accepted + progress.counts.unknown == BATCH
    assert progress.not_sent == BATCH
    assert progress.counts.unknown >= BATCH - arrived
    assert len(destination.sent) == 2 + lost + 1


async def test_what_was_turned_back_before_it_arrived_is_not_sent_once_the_run_is_canceled() -> (
    None
):
    world, _, run = await listing(2 * BATCH, [0], RateLimited(say("Too many."), ILL_FOR))
    await world.cancel(run)
    await world.deliver()
    progress = await world.progress(run)
    assert (progress.counts.total, progress.not_sent) == (0, 2 * BATCH)


@dataclass(frozen=True, eq=False)
class Losing(Slow):
    """A destination that takes its first batch, gives no answer, and is ill; it fails what comes again."""

    ill_for: float = field(kw_only=True)  # seconds

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch, and lose the answer if it is the first."""
        sent = await super().send(api, target, batch)
        if sent.job == "job-0":
            raise TryLater(say("Out of order."), self.ill_for)
        return sent

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Return the jobs whose time is up; those failed whose profiles had come before."""
        over = await super().poll(api, jobs, files)
        return [_failed(each) if self.is_repeated(each.job.id) else each for each in over]

    def is_repeated(self, key: str) -> bool:
        """Say whether what a job holds had come before."""
        at = next(n for n, (each, _) in enumerate(self.sent) if each == key)
        before = {batch.number for _, batch in self.sent[:at]}
        return self.sent[at][1].number in before

    def arrived(self) -> set[str]:
        """Return who is there by a job that did not fail."""
        there = [batch for key, batch in self.sent if not self.is_repeated(key)]
        return {each for batch in there for each in batch.addresses.decode().split("\t")}


def _failed(over: FinishedJob) -> FinishedJob:
    return replace(over, outcomes=(), failed=say("It failed."))


async def losing(ill_for: float = 0) -> tuple[World, Losing]:
    world = await ready()
    destination = Losing(
        Client("id", "secret"),
        "https://login.test",
        "https://{dc}.test",
        False,
        clock=world.clock,
        ill_for=ill_for,
        seconds=600,
    )
    return world.having(destinations={destination.name: destination}), destination


@pytest.mark.parametrize("ill_for", [1, ILL_FOR], ids=["in one slice", "by the next slice"])
async def test_what_lost_its_answer_and_failed_when_it_was_sent_again_is_unknown_after_a_cancel(
    ill_for: float,
) -> None:
    world, destination = await losing(ill_for)
    await world.drop(csv(3 * BATCH))
    run = await world.start()
    while len(destination.sent) < 4:
        await world.deliver(most=1)
    await world.cancel(run)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.CANCELED
    progress = await world.progress(run)
    counts = progress.counts
    assert (counts.accepted, counts.unknown, progress.not_sent) == (2 * BATCH, BATCH, 0)
    first = destination.sent[0][1].addresses.decode().split("\t")
    assert sorted(each.address for each in await world.rejects(run)) == sorted(first)


async def test_after_a_kill_at_any_operation_nothing_that_arrived_is_said_not_to_have_been_sent() -> (
    None
):
    repeated = 0
    for moment in range(1, 60, 2):
        world, destination = await losing()
        await world.drop(csv(5 * BATCH))
        run = await world.start()
        life = Life(dies_at=moment)
        [message] = world.queue.take()
        assert isinstance(message, SliceMessage)
        mortal = in_life(world.services, world.mailchimp, life)
        if not await survives(life, run_slice(mortal, message)):
            world.clock.advance(61)  # until the lane of the dead is free
            await world.queue.send(message)
        await work_on_visible(world)
        if not (await now(world, run)).status.is_over:
            await world.cancel(run)
        await world.deliver()
        world.clock.advance(300)
        await tick(world.services)
        await world.deliver()
        progress, arrived = await world.progress(run), len(destination.arrived())
        counts = progress.counts
        assert counts.accepted <= arrived <= counts.accepted + counts.unknown, moment
        assert counts.total + progress.not_sent == progress.rows_read, moment
        repeated += len(destination.written()) > arrived
    assert repeated > 5


async def test_what_failed_and_was_sent_once_was_not_sent_whatever_else_lost_its_answer() -> None:
    world, destination = await slow(seconds=600)
    destination.ends.append(lambda job, _: _failed(FinishedJob(job)) if job.batch == 1 else None)
    destination.refusals.append(TryLater(say("Out of order."), 1))
    await world.drop(csv(3 * BATCH))
    run = await world.start()
    await work_on_visible(world)
    await world.cancel(run)
    await world.deliver()
    progress = await world.progress(run)
    assert (progress.counts.accepted, progress.not_sent) == (2 * BATCH, BATCH)
