"""Sending a run: its batches, several requests at once with the checkpoint behind them, then its jobs.

A connection that is free takes the next batch, and the checkpoint follows behind in one writing at a
time. Never more batches than twice the connections in use were begun and are not in the checkpoint, so a
crash repeats these at most. Where lost jobs are looked for it is one batch, and that is repeated only if
its job is not found. Jobs that earlier batches began are polled meanwhile; once everything is sent
the rest of them are waited for, and a wait that is longer than a moment is left to a later slice.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from shared.connections.vendor_api import open_api
from shared.destinations.batch import Batch
from shared.destinations.contract import ListsJobs
from shared.domain.errors import DestinationError
from shared.domain.job import Job
from shared.domain.run import Checkpoint
from shared.runs.send.background_poll import BackgroundPoll
from shared.runs.send.background_record import BackgroundRecord
from shared.runs.send.batch_sender import BatchResult, BatchSender, TakenBack, unanswered
from shared.runs.send.import_callbacks import report_url
from shared.runs.send.lost_jobs import LostJobs
from shared.runs.send.poller import JobPoller, RunFiles
from shared.runs.send.recorder import Recorder
from shared.runs.state.cancellation import Canceled, CancelSign
from shared.runs.state.context import RunContext, target_of
from shared.runs.state.delivered import digest_key, digest_with
from shared.runs.state.open_run import OpenRun
from shared.runs.state.parts import batches_per_part, read_batches
from shared.services import Services
from shared.storage.paths import layout_folder
from shared.storage.side_by_side import side_by_side
from shared.transport.pace import Pace
from shared.transport.patience import LONGEST_WAIT, PatientReads

_OUTSIDE = 2  # times the connections in use: batches that were begun and are not in the checkpoint

type _InFlight = dict[asyncio.Task[BatchResult], Batch]


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """One run on its way to one list: its batches are sent, then its jobs are waited for."""

    sender: BatchSender
    recorder: Recorder
    poller: JobPoller

    async def send_batches(self, deadline: float) -> bool:
        """Send what is not done until all is (True), or until the deadline or a cancel (False).

        `deadline` is in seconds of the monotonic clock. Raise TryLater or NeedsAttention once
        everything that was answered before is in the checkpoint.
        """
        in_flight: _InFlight = {}
        behind = BackgroundRecord(self.sender.clock, self.recorder)
        start = self._now
        self.sender.until = deadline
        self.sender.unconfirmed = frozenset(start.unconfirmed())
        try:
            await self._send(in_flight, behind)
        except asyncio.CancelledError:
            await _stop(in_flight)
            await behind.cancel()
            raise
        except Exception as error:
            # What was sent may still reach the destination; breaking it off would gain nothing.
            self.sender.stopped = True
            await asyncio.gather(*in_flight, return_exceptions=True)
            without_answer = _without_answer(in_flight, behind)
            await behind.finish()
            if not isinstance(error, DestinationError):
                raise
            if not await self.sender.sign.is_up():
                await self.recorder.reserve(self._unconfirmed(start))
                raise
            for number, batch in without_answer.items():
                if number in self.sender.maybe_delivered:
                    behind.add(unanswered(batch, error.reason))
            await behind.finish()
        else:
            if next(self._now.not_done(), None) is None:
                return True
        await self.recorder.reserve(self._unconfirmed(start))
        return False

    async def await_jobs(self, deadline: float) -> float | None:
        """Poll the jobs; return None when all are over, else in how many seconds to poll again.

        `deadline` is in seconds of the monotonic clock. Once somebody has canceled the run, a job that
        failed is over: its profiles are not sent again. Raise TryLater, NeedsAttention or Canceled.
        """
        checkpoint, clock = self.recorder.checkpoint, self.sender.clock
        while jobs := checkpoint.value.jobs:
            canceled = await self.sender.sign.is_up()
            if canceled and all(job.failed for job in jobs):
                return None
            if clock.monotonic() >= deadline:
                return 0
            if not canceled and (failed := next((job for job in jobs if job.failed), None)):
                if not await self._send_again(failed):
                    return 0
            elif due := self.poller.due(jobs):
                await self.recorder.record((), await self.poller.poll(due))
            else:
                delay = self.poller.seconds_left(jobs)
                if delay > LONGEST_WAIT:
                    return delay
                await clock.sleep(delay)
        return None

    async def _send_again(self, failed: Job) -> bool:
        """Send what a failed job holds, and say whether it was not taken back; raise as `send` does."""
        batch = await self.poller.files.batch(failed)
        await self._reserve(self._now.under_way, batch)
        again = await self.recorder.reserve_again(failed)
        try:
            result = await self.sender.send(batch, instead_of=again)
        except (DestinationError, Canceled, TakenBack) as error:
            result = BatchResult(batch, again, left=batch, error=error)
        if result.left and batch.number not in self.sender.maybe_delivered:
            result.instead_of = failed  # nothing of what is left has been sent
        await self.recorder.record([result])
        if result.error and not isinstance(result.error, TakenBack):
            raise result.error
        return result.error is None

    async def _send(self, in_flight: _InFlight, behind: BackgroundRecord) -> None:
        start, sender, recorder = self._now, self.sender, self.recorder
        limits = sender.destination.limits
        reserved = max(self._most_outside(limits.concurrency), len(start.unconfirmed()))
        polling = BackgroundPoll(self.poller)
        folder = layout_folder(recorder.run.id, start.layout)
        unsent = read_batches(
            recorder.files, folder, batches_per_part(limits), start.not_done(), start.left
        )
        more = True
        try:
            async with aclosing(unsent):
                while True:
                    at_once = sender.pace.at_once(limits.concurrency)
                    while more and self._has_room(in_flight, behind, at_once):
                        batch = await self._next(unsent)
                        if batch is None:
                            more = False
                        else:
                            await self._reserve(reserved, batch)
                            in_flight[asyncio.create_task(sender.send(batch))] = batch
                    if not in_flight and not behind.size:
                        break
                    polling.start(self._now.jobs)
                    if not behind.writing:
                        polled = polling.take()
                        if polled.polled or not in_flight or behind.answered >= at_once / 2:
                            behind.start(polled)
                    tasks = (*in_flight, *behind.writing)
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    more = _took_answers(in_flight, behind) and more
                    behind.check()
            if found := await polling.finish():
                await recorder.record((), found)
        finally:
            await polling.cancel()

    async def _next(self, unsent: AsyncIterator[Batch]) -> Batch | None:
        """Return the next batch to send; None if there is none, or none is to be sent any more."""
        late = self.sender.clock.monotonic() >= self.sender.until
        return None if late or await self.sender.sign.is_up() else await anext(unsent, None)

    def _has_room(self, in_flight: _InFlight, behind: BackgroundRecord, at_once: int) -> bool:
        """Say whether one more batch may begin, where `at_once` connections may be in use."""
        outside = len(in_flight) + behind.size
        return len(in_flight) < at_once and outside < self._most_outside(at_once)

    def _most_outside(self, at_once: int) -> int:
        """Return how many batches may be begun and not in the checkpoint.

        Where jobs are looked for it is one: of two that were lost nobody could tell which is which.
        """
        return 1 if self.sender.lost else _OUTSIDE * at_once

    async def _reserve(self, batches: int, following: Batch) -> None:
        """Write down what may soon have been sent, and what jobs there were before, where that tells."""
        lost = self.sender.lost
        await self.recorder.reserve(batches, await lost.watch(following.number) if lost else None)
        if lost:
            await lost.take_lane()

    def _unconfirmed(self, start: Checkpoint) -> int:
        """Return how many of the first batches that are not done hold all that may have been sent."""
        sent = {*start.unconfirmed(), *self.sender.maybe_delivered}
        at = [at for at, number in enumerate(self._now.not_done(), start=1) if number in sent]
        return at[-1] if at else 0

    @property
    def _now(self) -> Checkpoint:
        return self.recorder.checkpoint.value


def _took_answers(in_flight: _InFlight, behind: BackgroundRecord) -> bool:
    """Hand on the results that there are; return whether more is to be sent, or raise why not."""
    more = True
    for task in [task for task in in_flight if task.done()]:
        error = task.exception() or task.result().error
        if error and not isinstance(error, Canceled | TakenBack):
            raise error
        if not task.exception():
            behind.add(task.result())
        more = more and error is None
        del in_flight[task]
    return more


def _without_answer(in_flight: _InFlight, behind: BackgroundRecord) -> Mapping[int, Batch]:
    """Hand on the results of batches, all of which are over; return what has none by its number."""
    without: dict[int, Batch] = {}
    for task, batch in in_flight.items():
        if task.exception():
            without[batch.number] = batch
        else:
            result = task.result()
            behind.add(result)
            if result.left:
                without[batch.number] = result.left
    return without


async def _stop(in_flight: _InFlight) -> None:
    for task in in_flight:
        task.cancel()
    await asyncio.gather(*in_flight, return_exceptions=True)


async def open_dispatcher(
    services: Services,
    context: RunContext,
    run: OpenRun,
    pace: Pace,
    sign: CancelSign,
) -> Dispatcher:
    """Return what sends a run's batches and waits for its jobs; raise NeedsAttention or TryLater."""
    destination, storage = services.destinations[context.connection.destination], services.storage
    api, key, reports = await side_by_side(
        open_api(services, context.connection, pace),
        digest_key(services),
        report_url(services, run.value.id),
    )
    of_jobs = RunFiles(
        storage.run_files, run.value.id, run.checkpoint.value.layout, destination.limits
    )
    digest = digest_with(key)
    target = target_of(context.export, destination, reports)
    patient = PatientReads(api, services.clock)
    lost = None
    if isinstance(destination, ListsJobs):
        lane, kept = destination.lane(context.account), run.checkpoint.value.jobs_seen
        lost = LostJobs(destination, patient, storage.quotas, lane, run.value.id, kept)
    return Dispatcher(
        BatchSender(services.clock, destination, api, pace, target, sign, lost),
        Recorder(
            services.clock, run.value, storage.run_files, of_jobs, run.checkpoint, digest, api
        ),
        JobPoller(services.clock, destination, api, of_jobs),
    )
