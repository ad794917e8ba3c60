"""Send: walk the batches of a run, several requests at once, the checkpoint behind them.

The checkpoint moves over contiguous answered batches only, and a new batch begins only when fewer
than `Limits.concurrency` are not yet in the checkpoint. So a crash repeats at most the batches in flight.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.destinations.protocol import Api, Batch, Destination, RowOutcome
from shared.domain.errors import BatchRefused, TryLater
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Run
from shared.exports.checkpoints import OpenCheckpoint
from shared.exports.delivered import Digests
from shared.exports.parts import batches_per_part, read_batches
from shared.exports.rejects import RejectWriter
from shared.exports.services import Services

_TRIES = 3  # of one batch within a slice
_QUICK_FAILURE = 10.0  # seconds; one that took longer to come is not tried again in the slice
_FIRST_WAIT = 0.5  # seconds; doubled for the next try
_GATHER = 0.05  # seconds in which more answers may come, where a call takes seconds itself
_REJECTS_IN_CHECKPOINT = 300  # that is some 50 kB to write at each move
LONGEST_WAIT = 2.0  # seconds; a longer wait ends the slice, because execution time is paid for


@dataclass(frozen=True, slots=True)
class _Answer:
    """What became of one batch."""

    batch: Batch
    outcomes: Sequence[RowOutcome]
    requests: int


@dataclass(frozen=True, slots=True)
class Sending:
    """One run on its way to one list."""

    services: Services
    run: Run
    list_id: str
    destination: Destination
    api: Api
    checkpoint: OpenCheckpoint
    digests: Digests

    async def go_on(self, deadline: float) -> bool:
        """Send from the checkpoint until all is sent (True) or the deadline has passed (False).

        `deadline` is in seconds of the monotonic clock. Raise TryLater or NeedsAttention once
        everything that was answered before is in the checkpoint.
        """
        start = self.checkpoint.value
        limits = self.destination.limits
        batches = read_batches(
            self.services.storage.run_files,
            self.run.id,
            batches_per_part(limits),
            start.batches_done,
            start.batches,
        )
        flight: deque[asyncio.Task[_Answer]] = deque()
        more = True
        try:
            while True:
                while more and len(flight) < limits.concurrency:
                    more = self.services.clock.monotonic() < deadline
                    batch = await anext(batches, None) if more else None
                    if batch is None:
                        more = False
                    else:
                        flight.append(asyncio.create_task(self._deliver(batch)))
                if not flight:
                    break
                await asyncio.wait((flight[0],))
                await self.services.clock.sleep(_GATHER)
                await self._record(_answered(flight))
        except asyncio.CancelledError:
            await _stop(flight)
            raise
        except Exception:
            # The others may still reach the destination; breaking them off would gain nothing.
            await asyncio.gather(*flight, return_exceptions=True)
            raise
        return self.checkpoint.value.batches_done == start.batches

    async def _deliver(self, batch: Batch) -> _Answer:
        """Send one batch, and again after a short wait while the destination is only busy."""
        clock = self.services.clock
        for attempt in range(1, _TRIES + 1):
            began = clock.monotonic()
            try:
                outcomes = await self.destination.send(self.api, self.list_id, batch)
            except BatchRefused as refused:
                return _Answer(batch, _all_refused(batch, refused), attempt)
            except TryLater as error:
                wait = error.after or _FIRST_WAIT * 2 ** (attempt - 1)
                slow = clock.monotonic() - began > _QUICK_FAILURE
                if attempt == _TRIES or wait > LONGEST_WAIT or slow:
                    raise
                await clock.sleep(wait)
            else:
                return _Answer(batch, outcomes, attempt)
        raise AssertionError("the last try returns or raises")

    async def _record(self, answers: Sequence[_Answer]) -> None:
        """Move the checkpoint, rejects and all, over contiguous batches."""
        now = self.checkpoint.value
        files = self.services.storage.run_files
        rejects = RejectWriter(files, self.run.id, now.reject_files, now.rejects)
        sent = 0
        for answer in answers:
            sent += answer.batch.size
            self._add_rejects(rejects, answer)
        await rejects.write(_REJECTS_IN_CHECKPOINT)
        accepted = sent - rejects.counts.total()
        await self.checkpoint.write(
            now.model_copy(
                update={
                    "batches_done": now.batches_done + len(answers),
                    "reject_files": rejects.files_written,
                    "rejects": rejects.waiting,
                    "counts": now.counts.plus({**rejects.counts, Outcome.ACCEPTED: accepted}),
                    "requests": now.requests + sum(answer.requests for answer in answers),
                    "setbacks": 0,
                }
            )
        )

    def _add_rejects(self, rejects: RejectWriter, answer: _Answer) -> None:
        if not answer.outcomes:
            return
        origins = answer.batch.origins.decode().split("\t")
        addresses = answer.batch.addresses.decode().split("\t")
        fragments = answer.batch.joined.split(b",\n")
        for said in answer.outcomes:
            number, row = origins[said.index].split(":")
            segment = self.run.versions[int(number)].segment
            address = addresses[said.index]
            rejects.add(
                Reject(segment, int(row), address, said.outcome, said.code, said.reason),
                self.digests.of(fragments[said.index]),
            )


def _answered(flight: deque[asyncio.Task[_Answer]]) -> Sequence[_Answer]:
    """Take the answered batches off the front; raise the error of the first if it has one."""
    answers = [flight.popleft().result()]
    while flight and flight[0].done() and not flight[0].exception():
        answers.append(flight.popleft().result())
    return answers


def _all_refused(batch: Batch, refused: BatchRefused) -> Sequence[RowOutcome]:
    return [
        RowOutcome(index, Outcome.REFUSED, refused.code, refused.reason)
        for index in range(batch.size)
    ]


async def _stop(flight: deque[asyncio.Task[_Answer]]) -> None:
    for task in flight:
        task.cancel()
    await asyncio.gather(*flight, return_exceptions=True)
