"""Sending again what a job held that failed: a piece that arrived is not sent once more, nor forgotten."""

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
from shared.domain.run import Run, RunStatus
from tests.runs.slow import Slow
from tests.runs.small import BATCH, leftovers, now
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
