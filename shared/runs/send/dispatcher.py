"""Sending a run: its batches, several requests at once with the checkpoint behind them, then its jobs.

The checkpoint moves over contiguous answered batches only, and a new batch begins only when fewer
than the destination allows at once are not yet in the checkpoint. So a crash repeats at most the
batches in flight. Jobs that earlier batches began are polled meanwhile; once everything is sent the
rest of them are waited for, and a wait that is longer than a moment is left to a later slice.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.connections.vendor_api import open_api
from shared.destinations.batch import Batch
from shared.destinations.contract import ListsJobs
from shared.domain.errors import DestinationError
from shared.domain.run import Checkpoint
from shared.runs.send.background_poll import BackgroundPoll
from shared.runs.send.batch_sender import BatchResult, BatchSender, unanswered
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
from shared.transport.pace import Pace
from shared.transport.patience import LONGEST_WAIT, PatientReads

_GATHER = 0.05  # seconds in which more answers may come, where a call takes seconds itself


@dataclass(frozen=True, slots=True)
class _InFlight:
    """A batch that was sent and not answered yet."""

    batch: Batch
    task: asyncio.Task[BatchResult]


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """One run on its way to one list: its batches are sent, then its jobs are waited for."""

    sender: BatchSender
    recorder: Recorder
    poller: JobPoller

    async def send_batches(self, deadline: float) -> bool:
        """Send from the checkpoint until all is sent (True), or until the deadline or a cancel (False).

        `deadline` is in seconds of the monotonic clock. Raise TryLater or NeedsAttention once
        everything that was answered before is in the checkpoint.
        """
        in_flight: deque[_InFlight] = deque()
        answered: list[BatchResult] = []  # and not in the checkpoint yet
        start = self._now
        try:
            await self._send(in_flight, answered, deadline)
        except asyncio.CancelledError:
            await _stop(in_flight)
            raise
        except Canceled:
            await _ended(in_flight)  # in the same way: none of them had its turn
        except Exception as error:
            # What was sent may still reach the destination; breaking it off would gain nothing.
            self.sender.stopping.set()
            await _ended(in_flight)
            answered += _take_answered(in_flight)
            if answered:
                await self.recorder.record(answered)
            if not isinstance(error, DestinationError):
                raise
            maybe_delivered = self._maybe_delivered(in_flight)
            if not await self.sender.sign.is_up():
                unconfirmed = max(len(maybe_delivered), self._unconfirmed(start))
                await self.recorder.reserve(unconfirmed)
                raise
            await self.recorder.record([_last_word(each, error) for each in maybe_delivered])
        if self._now.batches_done == self._now.batches:
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
                batch = await self.poller.files.batch(failed)
                result = await self.sender.send(batch, instead_of=failed)
                await self.recorder.record([result])
            elif due := self.poller.due(jobs):
                await self.recorder.record((), await self.poller.poll(due))
            else:
                delay = self.poller.seconds_left(jobs)
                if delay > LONGEST_WAIT:
                    return delay
                await clock.sleep(delay)
        return None

    async def _send(
        self, in_flight: deque[_InFlight], answered: list[BatchResult], deadline: float
    ) -> None:
        start, clock, limits = self._now, self.sender.clock, self.sender.destination.limits
        batches = read_batches(
            self.recorder.files,
            self.recorder.run.id,
            batches_per_part(limits),
            start.batches_done,
            start.batches,
        )
        polling = BackgroundPoll(self.poller)
        more = True
        try:
            while True:
                while more and len(in_flight) < self.sender.pace.at_once(limits.concurrency):
                    more = clock.monotonic() < deadline and not await self.sender.sign.is_up()
                    batch = await anext(batches, None) if more else None
                    if batch is None:
                        more = False
                    else:
                        await self.recorder.reserve(limits.concurrency)
                        task = asyncio.create_task(self.sender.send(batch))
                        in_flight.append(_InFlight(batch, task))
                if not in_flight:
                    break
                polling.start(self._now.jobs)
                await asyncio.wait((in_flight[0].task,))
                if len(in_flight) > 1:
                    await clock.sleep(_GATHER)
                answered += _take_answered(in_flight)
                if not answered:
                    in_flight[0].task.result()  # raises the error that it has ended in
                await self.recorder.record(answered, polling.take())
                answered.clear()
            if found := await polling.finish():
                await self.recorder.record((), found)
        finally:
            await polling.cancel()

    def _maybe_delivered(self, in_flight: deque[_InFlight]) -> Sequence[_InFlight]:
        """Return the batches under way up to the last one of which something may have arrived."""
        under_way = list(in_flight)
        while under_way and under_way[-1].batch.number not in self.sender.maybe_delivered:
            del under_way[-1]
        return under_way

    def _unconfirmed(self, start: Checkpoint) -> int:
        """Return how many batches an earlier slice may have sent and none has sent again."""
        return max(0, start.under_way - (self._now.batches_done - start.batches_done))

    @property
    def _now(self) -> Checkpoint:
        return self.recorder.checkpoint.value


def _last_word(sent: _InFlight, error: DestinationError) -> BatchResult:
    """Return the answer to a batch that will not be sent again, or that there was none."""
    return unanswered(sent.batch, error.reason) if sent.task.exception() else sent.task.result()


def _take_answered(in_flight: deque[_InFlight]) -> Sequence[BatchResult]:
    """Take the answered batches off the front, up to one that has no answer or ended in an error."""
    results: list[BatchResult] = []
    while in_flight and in_flight[0].task.done() and in_flight[0].task.exception() is None:
        results.append(in_flight.popleft().task.result())
    return results


async def _stop(in_flight: deque[_InFlight]) -> None:
    for each in in_flight:
        each.task.cancel()
    await _ended(in_flight)


async def _ended(in_flight: deque[_InFlight]) -> None:
    await asyncio.gather(*(each.task for each in in_flight), return_exceptions=True)


async def open_dispatcher(
    services: Services,
    context: RunContext,
    run: OpenRun,
    pace: Pace,
    sign: CancelSign,
) -> Dispatcher:
    """Return what sends a run's batches and waits for its jobs; raise NeedsAttention or TryLater."""
    destination, storage = services.destinations[context.connection.destination], services.storage
    api = await open_api(services, context.connection, pace)
    of_jobs = RunFiles(storage.run_files, run.value.id, destination.limits)
    digest = digest_with(await digest_key(storage.secrets))
    target = target_of(context.export, destination, await report_url(services, run.value.id))
    patient = PatientReads(api, services.clock)
    lost = LostJobs(destination, patient) if isinstance(destination, ListsJobs) else None
    return Dispatcher(
        BatchSender(services.clock, destination, api, pace, target, sign, lost),
        Recorder(
            services.clock, run.value, storage.run_files, of_jobs, run.checkpoint, digest, api
        ),
        JobPoller(services.clock, destination, api, of_jobs),
    )
