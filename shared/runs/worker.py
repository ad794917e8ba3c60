"""The work of one slice on a run: the steps prepare, send and settle, until one of them has to stop."""

from datetime import timedelta

from shared.connections.vendor_api import open_api
from shared.domain.connection import ConnectionStatus
from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
    OutOfReach,
    TryLater,
)
from shared.domain.message import Message, say
from shared.domain.outcomes import Counts
from shared.domain.run import Checkpoint, Phase, RunStatus
from shared.runs.freshness import Newest, last_try, why_skipped
from shared.runs.lanes.turn import wait_for_another
from shared.runs.parking import (
    FIRST_SETBACK,
    Aborted,
    Finished,
    Next,
    Parked,
    Skipped,
    after_error,
    note_surprise,
    write_down,
)
from shared.runs.prepare.prepare import NothingToLayOut, prepare, resolve_versions
from shared.runs.send.dispatcher import Dispatcher, open_dispatcher
from shared.runs.send.import_callbacks import report_url
from shared.runs.send.settle import settle
from shared.runs.state.cancellation import Canceled, CancelSign
from shared.runs.state.checkpoint import Fenced
from shared.runs.state.context import RunContext, target_of
from shared.runs.state.open_run import OpenRun
from shared.runs.timeline import paced, prepared, rejects_left_out
from shared.segments.faults import NoFile
from shared.services import Services
from shared.storage.paths import unique_name
from shared.storage.ports import Stale
from shared.storage.side_by_side import side_by_side
from shared.telemetry.spans import span
from shared.transport.day_budget import keep_share, share_of
from shared.transport.pace import Pace
from shared.transport.patience import PatientReads

_REPORT_SECONDS = 2.0  # between two reports of the rows read
_PATIENCE = timedelta(hours=1)  # that jobs of a canceled run are asked about


class Worker:
    """The work on one run, by the slice that holds its lane.

    A step returns what comes next for the run, or None if the slice goes on with the next step.
    """

    def __init__(
        self,
        services: Services,
        context: RunContext,
        run: OpenRun,
        deadline: float,
        is_new: bool = False,  # made a moment ago
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._context = context
        self._export = context.export
        self._connection = context.connection
        self._destination = services.destinations[context.connection.destination]
        self._run = run
        self._sign = CancelSign(services.storage.bookmarks, self._clock, run.value.id, is_new)
        self._deadline = deadline  # on the monotonic clock; no batch is sent after it
        self._pace = Pace(self._clock)
        self._reported_at = self._clock.monotonic()

    async def work(self) -> None:
        """Go through the steps until the run ends or has to stop; raise Fenced, Stale, or a surprise."""
        records, lane = self._services.storage.quotas, self._destination.lane(self._context.account)
        before, _ = await side_by_side(
            share_of(records, lane, self._clock.now()), self._sign.is_up()
        )
        self._pace = Pace(self._clock, self._destination.limits.rates, before)
        try:
            await self._work()
        finally:
            if self._pace.kept != before:
                await keep_share(records, lane, before, self._pace.kept)

    async def _work(self) -> None:
        try:
            await self._run.count_broken_off()
            following = await self._steps_unless_canceled()
            await self._write_down(following)
        except (Fenced, Stale):
            raise
        except Exception as error:
            setbacks = self._run.checkpoint.value.setbacks
            after = after_error(error, setbacks, self._clock.now())
            if after is None:
                await note_surprise(self._services, self._run, error)
                raise
            await self._write_down(after)

    async def _write_down(self, following: Next) -> None:
        run = paced(self._run.value, self._pace.changes, self._destination.title)
        if run != self._run.value:
            await self._run.change(run)
        await write_down(self._services, self._context, self._run, following)

    async def _steps_unless_canceled(self) -> Next:
        try:
            if not await self._sign.is_up():
                following = await self._steps()
                if not (isinstance(following, Parked) and await self._sign.is_up()):
                    return following
        except (Canceled, DestinationError):
            if not await self._sign.is_up():
                raise
        return await self._wind_up()

    async def _steps(self) -> Next:
        if self._connection.status is ConnectionStatus.NEEDS_SIGN_IN:
            reason = self._connection.reason or say("Sign in again.")
            raise NeedsAttention(Culprit.CONNECTION, reason)
        return await self._prepare() or await self._send() or await self._settle()

    async def _prepare(self) -> Next | None:
        """Lay out what is to be sent, unless that was done before."""
        phase = self._run.checkpoint.value.phase
        if phase is not Phase.PREPARE:
            # Said also by who only waits: whoever cancels must see that a slice is at work.
            await self._run.say(
                say("Going on.") if phase is Phase.SEND else self._waiting_for_jobs()
            )
            return None
        if delay := await wait_for_another(self._services, self._run.value):
            reason = say("Waiting for another run of this export to end.")
            return Parked(RunStatus.QUEUED, delay, reason)
        with span("prepare"):
            try:
                return await self._read()
            except (OutOfReach, NoFile):
                raise
            except BadSegment:
                run = self._run.value.model_copy(update={"failed_by_files": True})
                await self._run.change(run)
                raise

    async def _read(self) -> Next | None:
        storage, run = self._services.storage, self._run.value
        try:
            # The layout first of all: whoever began to prepare this run can make nothing of it true now.
            _, versions = await side_by_side(
                self._run.move(layout=unique_name()),
                resolve_versions(storage, self._export, self._clock.now(), run.versions),
            )
        except BadSegment as error:
            if skipped := await self._nothing_new(error.reason):
                return skipped
            raise
        await self._run.say(say("Reading the segment files."), versions=versions)
        if skipped := await self._nothing_new(versions):
            return skipped
        await self._lay_out()
        return None

    async def _nothing_new(self, found: Newest) -> Skipped | None:
        """Return that a scheduled run finds nothing new; others do their work whether or not there is."""
        if not self._run.value.may_be_skipped:
            return None
        last = await last_try(self._services.storage, self._export, found)
        return Skipped(why_skipped(last), last.warning) if last else None

    async def _lay_out(self) -> None:
        api, reports = await side_by_side(
            open_api(self._services, self._connection, self._pace),
            report_url(self._services, self._run.value.id),
        )
        target = target_of(self._export, self._destination, reports)
        encoder = await self._destination.encoder(PatientReads(api, self._clock), target)
        limits = self._destination.limits
        self._reported_at = self._clock.monotonic()
        try:
            laid_out = await prepare(
                self._services,
                self._run.value,
                self._run.checkpoint.value.layout,
                self._export,
                encoder,
                limits,
                self._report,
            )
        except NothingToLayOut as refused:
            await self._has_come_to(refused.found)
            raise
        await self._has_come_to(laid_out)
        for note in (*encoder.notes(), prepared(laid_out)):
            self._run.note(note)
        if laid_out.batches > limits.concurrency:  # else it is over, or waits, in a moment
            await self._run.change(self._run.value)

    async def _has_come_to(self, found: Checkpoint) -> None:
        kept = {"slice": self._run.checkpoint.value.slice, "seconds": self._run.seconds_before}
        await self._run.checkpoint.write(found.model_copy(update=kept))
        if left_out := rejects_left_out(found, self._services.max_unsent_rejects):
            await self._run.change(self._run.value.noting(self._clock.now(), left_out))

    async def _report(self, rows: int) -> None:
        """Let people see the rows read while a file is read, and cancel the run; raise Canceled."""
        if await self._sign.is_up():
            raise Canceled
        if self._clock.monotonic() - self._reported_at >= _REPORT_SECONDS:
            self._reported_at = self._clock.monotonic()
            # A slice that died may have found more in what is read anew.
            await self._run.move(rows_read=rows, reject_files=[], counts=Counts())

    async def _send(self) -> Next | None:
        """Send, and wait for jobs, until every outcome is known; raise Canceled."""
        if self._run.checkpoint.value.phase is Phase.DONE:
            return None
        with span("send"):
            dispatcher = await self._dispatcher()
            if self._run.checkpoint.value.phase is Phase.SEND:
                if not await dispatcher.send_batches(self._deadline):
                    reason = say("The time of one slice is up; going on.")
                    return Parked(RunStatus.QUEUED, 0, reason)
                if self._run.checkpoint.value.jobs:
                    await self._run.move(phase=Phase.SETTLE)
            delay = await dispatcher.await_jobs(self._deadline)
            if delay is not None:
                return Parked(RunStatus.QUEUED, delay, self._waiting_for_jobs())
            if self._run.checkpoint.value.jobs:
                raise Canceled
        return None

    async def _settle(self) -> Next:
        # Who was overtaken must not settle, so a slice that has written nothing yet finds out.
        if not self._run.checkpoint.was_written:
            await self._run.move(phase=Phase.SETTLE)
        with span("settle"):
            await settle(self._services.storage, self._run.value, self._run.checkpoint.value)
        return Finished()

    async def _wind_up(self) -> Next:
        """End a canceled run, once the destination has told what became of the jobs that it has.

        Nothing is sent any more. Jobs are asked about for an hour after the run was canceled.
        """
        await self._run.say(say("Canceling."))
        since = self._sign.since or self._clock.now()
        left = (since + _PATIENCE - self._clock.now()).total_seconds()
        delay = await self._await_jobs() if self._run.checkpoint.value.jobs and left > 0 else None
        if delay is None:
            return Aborted(RunStatus.CANCELED)
        reason = say(
            "Canceling: waiting for {destination} to finish what it has.",
            destination=self._destination.title,
        )
        return Parked(RunStatus.QUEUED, min(delay, left), reason)

    async def _await_jobs(self) -> float | None:
        """Return in how many seconds to ask about jobs again; None if they are over, or nobody will tell."""
        try:
            return await (await self._dispatcher()).await_jobs(self._deadline)
        except TryLater as error:
            return error.after or FIRST_SETBACK
        except (NeedsAttention, BatchRefused):
            return None

    async def _dispatcher(self) -> Dispatcher:
        return await open_dispatcher(
            self._services, self._context, self._run, self._pace, self._sign
        )

    def _waiting_for_jobs(self) -> Message:
        title = self._destination.title
        return say("Waiting for {destination} to finish its work.", destination=title)
