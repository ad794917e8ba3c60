"""Wait: learn what became of jobs once everything is sent, never paying for the waiting."""

from dataclasses import dataclass

from shared.runs.send.batch_sender import LONGEST_WAIT, Delivery
from shared.runs.send.poller import JobPoller
from shared.runs.send.recorder import Recorder
from shared.runs.state.cancellation import CancelSign


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run whose batches are all sent, and whose jobs are not all over."""

    delivery: Delivery
    recorder: Recorder
    poller: JobPoller
    sign: CancelSign

    async def go_on(self, deadline: float) -> float | None:
        """Poll the jobs; return None when all are over, else in how many seconds to poll again.

        `deadline` is in seconds of the monotonic clock. Once somebody has canceled the run, a job that
        failed is over: its profiles are not sent again. Raise TryLater or NeedsAttention.
        """
        checkpoint, clock = self.recorder.checkpoint, self.delivery.clock
        while jobs := checkpoint.value.jobs:
            canceled = await self.sign.is_up()
            if canceled and all(job.failed for job in jobs):
                return None
            if clock.monotonic() >= deadline:
                return 0
            if not canceled and (failed := next((job for job in jobs if job.failed), None)):
                batch = await self.poller.files.batch(failed)
                answer = await self.delivery.deliver(batch, instead_of=failed)
                await self.recorder.record([answer])
            elif due := self.poller.due(jobs):
                await self.recorder.record((), await self.poller.poll(due))
            else:
                delay = self.poller.seconds_left(jobs)
                if delay > LONGEST_WAIT:
                    return delay
                await clock.sleep(delay)
        return None
