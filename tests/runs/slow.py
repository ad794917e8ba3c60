"""A destination that answers with jobs, in memory: when they end, and how, is up to a test."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.destinations.batch import Batch
from shared.destinations.contract import Api, JobFiles
from shared.destinations.model import Client, FinishedJob, Limits, Sent, Target
from shared.domain.clock import Clock
from shared.domain.job import Job
from tests.runs.small import BATCH, SmallBatches
from tests.runs.world import World, ready

type End = Callable[[Job, Batch], FinishedJob | None]
"""What becomes of a job whose time is up; None is success."""


@dataclass(frozen=True)
class Slow(SmallBatches):
    """Mailchimp, if it had jobs. Each takes `seconds` from when it was sent."""

    clock: Clock = field(kw_only=True)
    seconds: float = field(default=30, kw_only=True)
    sent: list[tuple[str, Batch]] = field(default_factory=list, kw_only=True)
    refusals: list[Exception] = field(default_factory=list, kw_only=True)  # raised first, in order
    ends: list[End] = field(default_factory=list, kw_only=True)  # asked in order; the first to say
    polls: list[float] = field(default_factory=list, kw_only=True)  # when, in seconds of the clock

    limits = Limits(
        profiles_per_batch=BATCH,
        bytes_per_batch=2_000_000,
        concurrency=2,
        first_poll_after=5,
        jobs_per_poll=4,
    )

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch."""
        if self.refusals:
            raise self.refusals.pop(0)
        key = f"job-{len(self.sent)}"
        self.sent.append((key, batch))
        return Sent(job=key)

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Return the jobs whose time is up."""
        self.polls.append(self.clock.monotonic())
        time = timedelta(seconds=self.seconds)
        over = [job for job in jobs if self.clock.now() - job.sent_at >= time]
        return [await self._end(job, files) for job in over]

    async def _end(self, job: Job, files: JobFiles) -> FinishedJob:
        batch = await files.batch(job)
        said = (end(job, batch) for end in self.ends)
        return next((each for each in said if each), FinishedJob(job))

    def written(self) -> list[str]:
        """Return every address that came in, once for each time."""
        return [each for _, batch in self.sent for each in batch.addresses.decode().split("\t")]


async def slow(**settings: object) -> tuple[World, Slow]:
    """Return a world with a connection and an export to a destination that answers with jobs."""
    world = await ready()
    destination = Slow(
        Client("id", "secret"),
        "https://login.test",
        "https://{dc}.test",
        False,
        clock=world.clock,
        **settings,  # type: ignore[arg-type] # the fields above, by name
    )
    return world.having(destinations={destination.name: destination}), destination
