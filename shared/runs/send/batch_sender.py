"""Sending one batch to its destination, in as many requests as that takes."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from shared.destinations.batch import Batch
from shared.destinations.contract import Api, Destination, Read
from shared.destinations.model import Sent, Target
from shared.domain.clock import Clock
from shared.domain.errors import (
    BatchRefused,
    DailyQuotaExhausted,
    DestinationError,
    RateLimited,
    TryLater,
)
from shared.domain.job import Job
from shared.domain.message import Message
from shared.domain.outcomes import Outcome, RowOutcome
from shared.runs.send.lost_jobs import LostJobs
from shared.runs.state.cancellation import Canceled, CancelSign
from shared.transport.client import Begin, VendorApi
from shared.transport.pace import Pace
from shared.transport.patience import wait_after

# A batch without a single piece that the destination takes is not refused for a few bad profiles.
_REFUSALS_WITHOUT_SUCCESS = 15
_MOST_REFUSALS = 100


@dataclass(slots=True)
class BatchResult:
    """What became of one batch, or of the profiles of a job that failed and were sent again."""

    batch: Batch
    instead_of: Job | None = None
    outcomes: list[RowOutcome] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    pieces: int = 0  # that the destination took
    refusals: int = 0
    left: Batch | None = None  # what of the batch is to be sent again
    error: Exception | None = None  # why that is left

    def add(self, piece: Batch, outcomes: Sequence[RowOutcome]) -> None:
        """Take outcomes whose indexes are those of a piece of the batch."""
        indexes = piece.indexes
        at = {index: at for at, index in enumerate(self.batch.indexes)} if outcomes else {}
        self.outcomes += [
            each if each.index is None else replace(each, index=at[indexes[each.index]])
            for each in outcomes
        ]

    def break_off(self, left: Iterable[Batch], error: Exception) -> None:
        """Note that pieces are left to be sent again, and why; raise it where nothing else is known."""
        if not (self.pieces or self.outcomes):
            raise error
        indexes = {index for piece in left for index in piece.indexes}
        at = [at for at, index in enumerate(self.batch.indexes) if index in indexes]
        self.left, self.error = self.batch.only(at), error


def unanswered(batch: Batch, reason: Message) -> BatchResult:
    """Return what there is to say of a batch that may have arrived, when nobody asks any more."""
    said = partial(RowOutcome, outcome=Outcome.UNKNOWN, code="no_answer", reason=reason)
    return BatchResult(batch, outcomes=[said(index) for index in range(batch.size)])


class TakenBack(Exception):
    """The slice stops, and nothing was sent of a batch that still waited for its turn."""


@dataclass(slots=True)
class BatchSender:
    """What sends batches to one list."""

    clock: Clock
    destination: Destination
    api: VendorApi
    pace: Pace
    target: Target
    sign: CancelSign
    lost: LostJobs | None = None  # where jobs whose answer was lost can be looked for
    unconfirmed: Set[int] = frozenset()
    """Batches that may have arrived before the slice began."""
    begun: set[int] = field(default_factory=set)
    """Batches of which a request is on its way, or something may have arrived."""
    maybe_delivered: set[int] = field(default_factory=set)
    """Batches of which something may have arrived that is in no result."""
    until: float = float("inf")
    """When the slice stops, on the monotonic clock: what still waits for its turn then is taken back.

    But for the first batch: where the next turn is further away than a slice is long, none would be sent.
    """
    stopped: bool = False
    """Whether the slice stops now: all that still waits for its turn is taken back."""
    has_sent: bool = False
    under_way: set[int] = field(default_factory=set)
    """Batches that wait for their turn or for an answer."""
    answered: asyncio.Condition = field(default_factory=asyncio.Condition)
    """Notified when one of them has its answer, whatever that is."""

    async def send(self, batch: Batch, instead_of: Job | None = None) -> BatchResult:
        """Send a batch, in pieces if it is refused for some of its profiles.

        Raise TryLater or NeedsAttention; then the whole batch is to be sent again. Raise Canceled if the
        run was canceled before it was the batch's turn, or TakenBack if the slice stops by then; then
        nothing of it has arrived, nor will. If one of them comes once something is known of other pieces,
        the result says what is left.
        """
        result = BatchResult(batch, instead_of)
        tries = instead_of.tries if instead_of else 1
        if instead_of:
            self.begun.discard(batch.number)  # it begins anew
        waiting = deque([batch])
        while waiting:
            piece = waiting.popleft()
            try:
                sent, sent_before = await self._send_piece(piece)
            except BatchRefused as refused:
                result.refusals += 1
                waiting += _rest(piece, refused, result)
            except (DestinationError, Canceled, TakenBack) as error:
                result.break_off((piece, *waiting), error)
                break
            else:
                result.pieces += 1
                self.maybe_delivered.discard(batch.number)
                result.add(piece, sent.outcomes)
                if sent.job is not None:
                    result.jobs.append(self._job(sent.job, piece, sent, tries, sent_before))
        return result

    async def _send_piece(self, piece: Batch) -> tuple[Sent, bool]:
        """Send one request, and again after a short wait while the destination is only busy.

        Return also whether it may have arrived before, too.
        """
        if self.lost:
            earlier = await self.lost.find_earlier(piece.number, piece.size)
            if earlier is not None:
                return Sent(job=earlier), False
        attempt = 0
        while True:
            attempt += 1
            way = _Way(self.api, partial(self._begin, piece), self.clock, self.clock.monotonic())
            try:
                sent = await self._answer(way, piece)
            except DailyQuotaExhausted:
                raise
            except TryLater as error:
                may_have_arrived = not isinstance(error, RateLimited)
                if may_have_arrived:
                    self.maybe_delivered.add(piece.number)
                elif piece.number not in self.maybe_delivered:
                    self.begun.discard(piece.number)
                wait = wait_after(error, attempt, self.clock.monotonic() - way.began_at)
                if wait is not None:
                    await self.clock.sleep(wait)
                    await self._room()
                if may_have_arrived and self.lost:
                    found = await self.lost.find(piece.size)
                    if found is not None:
                        return Sent(job=found), False
                if wait is None:
                    raise
            else:
                return sent, piece.number in self.unconfirmed | self.maybe_delivered

    async def _answer(self, way: Api, piece: Batch) -> Sent:
        self.under_way.add(piece.number)
        try:
            return await self.destination.send(way, self.target, piece)
        finally:
            self.under_way.discard(piece.number)
            async with self.answered:
                self.answered.notify_all()

    async def _room(self) -> None:
        """Wait until fewer are under way than may be, which are fewer once the pace was halved."""
        limits = self.destination.limits
        async with self.answered:
            await self.answered.wait_for(
                lambda: len(self.under_way) < self.pace.at_once(limits.concurrency)
            )

    async def _begin(self, piece: Batch) -> None:
        """Note that a request is sent; raise Canceled or TakenBack if nothing has arrived, nor shall."""
        if piece.number not in self.begun:
            if await self.sign.is_up():
                raise Canceled
            if self.stopped or (self.has_sent and self.clock.monotonic() >= self.until):
                raise TakenBack
            self.begun.add(piece.number)
            self.has_sent = True

    def _job(self, key: str, piece: Batch, sent: Sent, tries: int, sent_before: bool) -> Job:
        if self.lost:
            self.lost.began(key)
        left_out = {outcome.index for outcome in sent.outcomes}
        inside = piece.only([at for at in range(piece.size) if at not in left_out])
        return Job(
            id=key,
            batch=piece.number,
            rows=list(inside.ranges),
            size=inside.size,
            sent_at=self.clock.now(),
            tries=tries,
            sent_before=sent_before,
        )


@dataclass(slots=True)
class _Way(Api):
    """The way to an account for what is sent of one batch, which begins when it is its turn."""

    api: VendorApi
    begin: Begin
    clock: Clock
    began_at: float  # on the monotonic clock; waiting for its turn does not count

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return await self.api.get(path, params)

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        return await self.api.post(path, content, params, weight, read, self._begin)

    async def _begin(self) -> None:
        await self.begin()
        self.began_at = self.clock.monotonic()


def _rest(piece: Batch, refused: BatchRefused, result: BatchResult) -> Sequence[Batch]:
    """Return what of a refused piece is to be sent after all."""
    if refused.guilty:
        result.add(piece, refused.guilty)
        guilty = {each.index for each in refused.guilty}
        rest = [at for at in range(piece.size) if at not in guilty]
        return [piece.only(rest)] if rest else []
    hopeless = result.refusals >= (_MOST_REFUSALS if result.pieces else _REFUSALS_WITHOUT_SUCCESS)
    if piece.size == 1 or hopeless:
        result.add(
            piece,
            [
                RowOutcome(index, Outcome.REFUSED, refused.code, refused.reason)
                for index in range(piece.size)
            ],
        )
        return []
    cut = refused.cut or piece.size // 2
    return [piece.only(range(cut)), piece.only(range(cut, piece.size))]
