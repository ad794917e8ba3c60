"""Polling the jobs of a run: asking a destination how far it is with what it does in its own time.

A job is polled more and more rarely, as a share of its age: a quick one is not waited for long, and
one of an hour does not use up the quota of requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from shared.destinations.batch import Batch
from shared.destinations.contract import Api, Destination, PollsJobs
from shared.destinations.model import FinishedJob, Limits
from shared.domain.clock import Clock
from shared.domain.job import Job
from shared.domain.message import Message, say
from shared.domain.outcomes import Outcome, RowOutcome
from shared.runs.state.parts import batches_per_part, read_part
from shared.storage.paths import layout_folder, reports_folder
from shared.storage.ports import Blobs

_SHARE = 0.05  # of a job's age, until it is polled again
_SHORTEST = 3.0  # seconds between two polls; longer than a slice would sleep
_GIVEN_UP = timedelta(hours=24)  # after which nobody believes that it will end
_LATE = say("The destination did not finish within a day.")
_TRIES = 2  # of the profiles of a job that failed

_PARTS = 2  # kept unpacked: jobs end roughly in the order in which they began


@dataclass(frozen=True, slots=True)
class PollResult:
    """What one poll found out about jobs."""

    finished: Sequence[FinishedJob] = ()
    failed: Sequence[FinishedJob] = ()  # to be sent again
    polled: frozenset[str] = frozenset()
    at: datetime | None = None

    def applied_to(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs that are still open, as they are now known."""
        over = {each.job.id for each in self.finished}
        failed = {each.job.id: each.failed for each in self.failed}
        return [
            job.model_copy(update={"polled_at": self.at, "failed": failed.get(job.id)})
            if job.id in self.polled
            else job
            for job in jobs
            if job.id not in over
        ]


class RunFiles:
    """What the engine kept of a run's jobs; it reads a part once for many jobs."""

    def __init__(self, files: Blobs, run_id: str, layout: str, limits: Limits) -> None:
        self._files = files
        self._run_id = run_id
        self._folder = layout_folder(run_id, layout)
        self._per_part = batches_per_part(limits)
        self._parts: dict[int, Sequence[Batch]] = {}

    async def batch(self, job: Job) -> Batch:
        """Return the profiles that the job was given."""
        number, at = divmod(job.batch, self._per_part)
        if number not in self._parts:
            while len(self._parts) >= _PARTS:
                del self._parts[next(iter(self._parts))]
            self._parts[number] = await read_part(self._files, self._folder, number, self._per_part)
        batch = self._parts[number][at]
        return batch.only([index for each in job.rows for index in range(*each)])

    async def reports(self, job: Job) -> Sequence[bytes]:
        """Return what the destination reported on the job's batch, oldest first."""
        folder = reports_folder(self._run_id, job.batch)
        return [await self._files.read(info.name) async for info in self._files.list(folder)]


@dataclass(frozen=True, slots=True)
class JobPoller:
    """When to poll jobs, and polling."""

    clock: Clock
    destination: Destination
    api: Api
    files: RunFiles

    def due(self, jobs: Sequence[Job]) -> Sequence[Job]:
        """Return the jobs to poll now, in the order in which they were due."""
        now, limits = self.clock.now(), self.destination.limits
        waiting = sorted((job for job in jobs if job.failed is None), key=self._due_at)
        ready = [job for job in waiting if self._due_at(job) <= now]
        return (waiting if ready and limits.poll_returns_all else ready)[: limits.jobs_per_poll]

    def seconds_left(self, jobs: Sequence[Job]) -> float:
        """Return in how many seconds the next poll is due."""
        due_at = min(self._due_at(job) for job in jobs if job.failed is None)
        return max(0.0, (due_at - self.clock.now()).total_seconds())

    async def poll(self, jobs: Sequence[Job]) -> PollResult:
        """Ask about jobs; raise TryLater or NeedsAttention."""
        polls = self.destination
        over = await polls.poll(self.api, jobs, self.files) if isinstance(polls, PollsJobs) else ()
        now = self.clock.now()
        told = {each.job.id for each in over}
        silent = [job for job in jobs if job.id not in told and now - job.sent_at >= _GIVEN_UP]
        again = [each for each in over if each.failed and each.job.tries < _TRIES]
        hopeless = [each for each in over if each.failed and each.job.tries >= _TRIES]
        return PollResult(
            finished=[
                *(each for each in over if not each.failed),
                *(unknown(each.job, each.failed or _LATE) for each in hopeless),
                *(unknown(job, _LATE) for job in silent),
            ],
            failed=again,
            polled=frozenset(job.id for job in jobs),
            at=now,
        )

    def _due_at(self, job: Job) -> datetime:
        if job.polled_at is None:
            return job.sent_at + timedelta(seconds=self.destination.limits.first_poll_after)
        share = (job.polled_at - job.sent_at).total_seconds() * _SHARE
        return job.polled_at + timedelta(seconds=max(share, _SHORTEST))


def unknown(job: Job, reason: Message) -> FinishedJob:
    """Return what there is to say of a job when nobody asks about it any more."""
    outcome = partial(RowOutcome, outcome=Outcome.UNKNOWN, code="job_failed", reason=reason)
    return FinishedJob(job, [outcome(index) for index in range(job.size)])
