"""Recording what a destination said: the checkpoint moves, counts and rejects included, in one write."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.destinations.batch import Batch
from shared.domain.clock import Clock
from shared.domain.job import Job, JobsSeen
from shared.domain.outcomes import Outcome, Reject, RowOutcome
from shared.domain.run import Mark, Run
from shared.runs.send.batch_sender import BatchResult
from shared.runs.send.poller import PollResult, RunFiles
from shared.runs.state.checkpoint import OpenCheckpoint
from shared.runs.state.delivered import Digest
from shared.runs.state.rejects import RejectWriter
from shared.storage.ports import Blobs

_REJECTS_IN_CHECKPOINT = 300  # that is some 50 kB to write at each move
_NOTHING_POLLED = PollResult()


class Requests(Protocol):
    """Whatever counts the requests that it sends."""

    @property
    def requests(self) -> int:
        """How many were sent."""


@dataclass(frozen=True, slots=True)
class NoRequests:
    """Nobody who sends any."""

    requests: int = 0


@dataclass(slots=True)
class Recorder:
    """Writes what became of profiles into the checkpoint of a run."""

    clock: Clock
    run: Run
    files: Blobs
    of_jobs: RunFiles
    checkpoint: OpenCheckpoint
    digest: Digest
    api: Requests
    _counted: int = 0  # of the requests that were sent

    async def record(
        self, results: Sequence[BatchResult], polled: PollResult = _NOTHING_POLLED
    ) -> None:
        """Move the checkpoint over answered batches and over jobs that are over."""
        now = self.checkpoint.value
        rejects = RejectWriter(self.files, self.run.id, now.reject_files, now.rejects)
        again = {each.instead_of.id: each for each in results if each.instead_of}
        jobs: list[Job] = []
        for job in polled.applied_to(now.jobs):
            jobs += _left_of(again[job.id]) if job.id in again else [job]
        decided = 0  # that have an outcome now
        for result in results:
            self._add(rejects, result.batch, result.outcomes)
            jobs += result.jobs
            decided += result.batch.size - sum(job.size for job in result.jobs)
            if result.left:
                decided -= result.left.size
        # A poll that began before the last writing was over may tell again of jobs that this one removed.
        still_open = {job.id for job in now.jobs}
        for finished in (each for each in polled.finished if each.job.id in still_open):
            if finished.outcomes:
                self._add(rejects, await self.of_jobs.batch(finished.job), finished.outcomes)
            decided += finished.job.size
        await rejects.write(_REJECTS_IN_CHECKPOINT)
        sent = self.api.requests
        accepted = decided - rejects.counts.total()
        counts = now.counts.plus({**rejects.counts, Outcome.ACCEPTED: accepted})
        marks = now.marked(self.clock.now(), counts.told)
        update: dict[str, Any] = {
            "reject_files": rejects.written,
            "rejects": rejects.waiting,
            "counts": counts,
            "marks": marks,
            "profiles_a_second": _rate(marks),
            "requests": now.requests + sent - self._counted,
            "jobs": jobs,
            "in_jobs": sum(job.size for job in jobs),
        }
        begun = [job.id for result in results for job in result.jobs]
        if decided or begun:
            update["setbacks"] = 0
        of_batches = {each.batch.number: each for each in results if not each.instead_of}
        done = now.with_done(number for number, each in of_batches.items() if not each.left)
        left = {n: list(each.left.ranges) for n, each in of_batches.items() if each.left}
        update["left"] = {**done.left, **left}
        if next(done.not_done(), None) is None and not any(_is_sent_again(job) for job in jobs):
            update["jobs_seen"] = None  # nothing is under way
        elif now.jobs_seen:
            update["jobs_seen"] = now.jobs_seen.with_own(begun)
        await self.checkpoint.write(done.model_copy(update=update))
        self._counted = sent

    async def reserve_again(self, failed: Job) -> Job:
        """Note that what a failed job holds is sent again, and return the job as it is noted."""
        again = failed.model_copy(update={"tries": failed.tries + 1})
        now = self.checkpoint.value
        jobs = [again if job.id == failed.id else job for job in now.jobs]
        await self.checkpoint.write(now.model_copy(update={"jobs": jobs}))
        return again

    async def reserve(self, batches: int, seen: JobsSeen | None = None) -> None:
        """Note that so many of the first batches that are not done may have been sent, or soon may.

        `seen` are the jobs that there were before, where the job of one can be looked for.
        """
        now = self.checkpoint.value
        seen = seen or (now.jobs_seen if batches else None)
        if (now.under_way, now.jobs_seen) != (batches, seen):
            sent = self.api.requests
            requests = now.requests + sent - self._counted
            update = {"under_way": batches, "jobs_seen": seen, "requests": requests}
            await self.checkpoint.write(now.model_copy(update=update))
            self._counted = sent

    def _add(self, rejects: RejectWriter, batch: Batch, outcomes: Sequence[RowOutcome]) -> None:
        """Add the outcomes of a batch's profiles: never two of one, never more than there are."""
        if not outcomes:
            return
        origins = batch.origins.decode().split("\t")
        addresses = batch.addresses.decode().split("\t")
        sources = self.run.sources
        fragments = batch.joined.split(b",\n")
        named = {each.index: each for each in outcomes if each.index is not None}
        for at, said in named.items():
            number, row = origins[at].split(":")
            segment, file = sources[int(number)]
            reject = Reject(
                segment, int(row), addresses[at], said.outcome, said.code, said.reason, file
            )
            rejects.add(reject, self.digest(fragments[at]))
        nameless = [each for each in outcomes if each.index is None]
        segment, _ = sources[int(origins[0].split(":")[0])]
        for said in nameless[: batch.size - len(named)]:
            rejects.add(Reject(segment, 0, "", said.outcome, said.code, said.reason))


def _left_of(result: BatchResult) -> Sequence[Job]:
    """Return what is left of a job that was sent again, if anything is."""
    if result.left is None or result.instead_of is None:
        return ()
    rest = {"rows": list(result.left.ranges), "size": result.left.size}
    return [result.instead_of.model_copy(update=rest)]


def _is_sent_again(job: Job) -> bool:
    return job.failed is not None and job.tries > 1


def _rate(marks: Sequence[Mark]) -> float | None:
    """Return the outcomes in a second between the first mark and the last."""
    seconds = (marks[-1].at - marks[0].at).total_seconds()
    return round((marks[-1].told - marks[0].told) / seconds, 1) if seconds else None
