"""The work of one slice: prepare, send and settle, and writing down whatever stops them."""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from shared.connections.vendor_api import open_api
from shared.domain.connection import ConnectionStatus
from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    DestinationError,
    NeedsAttention,
    TryLater,
)
from shared.domain.message import Message, say
from shared.domain.run import Phase, Run, RunStatus, SliceMessage
from shared.runs.ending import OpenRun, abort, finish, skip, suspend
from shared.runs.freshness import NOTHING_NEW, SCHEDULED, last_delivery
from shared.runs.lanes import wakeups
from shared.runs.lanes.turn import wait_for_another
from shared.runs.prepare.prepare import prepare, resolve_versions
from shared.runs.send.dispatcher import Dispatcher, open_dispatcher
from shared.runs.send.import_callbacks import report_url
from shared.runs.send.settle import settle
from shared.runs.state.cancellation import Canceled, CancelSign
from shared.runs.state.checkpoint import Fenced, OpenCheckpoint
from shared.runs.state.context import RunContext, target_of
from shared.runs.timeline import done, prepared
from shared.services import Services
from shared.storage.paths import parts_folder
from shared.storage.ports import Missing, Stale, Stored
from shared.telemetry.logs import what_failed
from shared.telemetry.spans import span
from shared.transport.day_budget import keep_slowness, seconds_to_tomorrow, slowness_of
from shared.transport.pace import Pace

log = logging.getLogger(__name__)

_FIRST_SETBACK = 30.0  # seconds until a run goes on after a setback; doubled for each one in a row
_LONGEST_SETBACK = 1800.0
_LONGEST_ASKED = 86400.0  # what a destination may ask for; a queue holds a message for a week
_MOST_SETBACKS = 24  # in a row: about nine hours
_REPORT_SECONDS = 2.0  # between two reports of the rows read
_PATIENCE = timedelta(hours=1)  # that jobs of a canceled run are asked about


class SliceWork:
    """The work on one run, by the slice that holds its lane."""

    def __init__(
        self,
        services: Services,
        context: RunContext,
        stored: Stored[Run],
        checkpoint: OpenCheckpoint,
        deadline: float,
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._context = context
        self._export = context.export
        self._connection = context.connection
        self._destination = services.destinations[context.connection.destination]
        self._stored = stored
        self._checkpoint = checkpoint
        self._sign = CancelSign(services.storage.bookmarks, self._clock, stored.value.id)
        self._deadline = deadline  # on the monotonic clock; no batch is sent after it
        self._pace = Pace(self._clock)
        self._began = self._clock.monotonic()
        self._seconds_before = checkpoint.value.seconds

    async def work(self) -> None:
        """Go through the phases until the run ends or has to stop; raise Fenced, Stale, or a surprise."""
        records, lane = self._services.storage.quotas, self._destination.lane(self._context.account)
        before = await slowness_of(records, lane)
        self._pace = Pace(self._clock, self._destination.limits.rates, before)
        try:
            await self._work()
        finally:
            if self._pace.slowness != before:
                await keep_slowness(records, lane, self._pace.slowness)

    async def _work(self) -> None:
        try:
            if wait := await self._phases_unless_canceled():
                await self._park(RunStatus.QUEUED, *wait)
        except DailyQuotaExhausted as error:
            delay = seconds_to_tomorrow(self._clock.now())
            reason = say("{why} Going on at 00:00 UTC, when the next day begins.", why=error.reason)
            await self._park(RunStatus.QUEUED, delay, reason)
        except TryLater as error:
            await self._set_back(error)
        except NeedsAttention as error:
            await self._stop_for(error)
        except (BadSegment, BatchRefused) as error:
            await self._abort(RunStatus.FAILED_PERMANENT, error.reason)
        except Missing:
            await self._abort(
                RunStatus.FAILED_PERMANENT,
                say(
                    "What was prepared for this run is gone from storage. Run the export again: it "
                    "then sends everything."
                ),
            )
        except (Fenced, Stale):
            raise
        except Exception as error:
            await self._note_surprise(error)
            raise

    async def _phases_unless_canceled(self) -> tuple[float, Message] | None:
        """Do as `_phases` until somebody cancels the run, and then as `_wind_up`."""
        try:
            if not await self._sign.is_up():
                wait = await self._phases()
                if wait is None or not await self._sign.is_up():
                    return wait
        except (Canceled, DestinationError):
            if not await self._sign.is_up():
                raise
        return await self._wind_up()

    async def _wind_up(self) -> tuple[float, Message] | None:
        """End a canceled run, once the destination has told what became of the jobs that it has.

        Nothing is sent any more. Jobs are asked about for an hour after the run was canceled.
        """
        await self._change(self._run.processing(self._clock.now(), say("Canceling.")))
        left = self._patience()
        try:
            asks = bool(self._checkpoint.value.jobs) and left > 0
            delay = await (await self._dispatcher()).await_jobs(self._deadline) if asks else None
        except TryLater as error:
            delay = error.after or _FIRST_SETBACK
        except (NeedsAttention, BatchRefused):
            delay = None  # nobody will tell
        if delay is not None and left > 0:
            return min(delay, left), say(
                "Canceling: waiting for {destination} to finish what it has.",
                destination=self._destination.title,
            )
        await self._abort(RunStatus.CANCELED)
        return None

    def _patience(self) -> float:
        """Return for how many seconds more jobs of a canceled run are asked about."""
        since = self._sign.since or self._clock.now()
        return max(0.0, (since + _PATIENCE - self._clock.now()).total_seconds())

    async def _phases(self) -> tuple[float, Message] | None:
        """Return None when the run has ended, else how long to wait until it goes on, and why."""
        if self._connection.status is ConnectionStatus.NEEDS_SIGN_IN:
            reason = self._connection.reason or say("Sign in again.")
            raise NeedsAttention(Culprit.CONNECTION, reason)
        if self._checkpoint.value.phase is Phase.PREPARE:
            if delay := await wait_for_another(self._services, self._run):
                return delay, say("Waiting for another run of this export to end.")
            with span("prepare"):
                anything_new = await self._prepare()
            if not anything_new:
                # A slice that died may have laid something out; unlike others this run never goes on.
                await self._services.storage.run_files.delete(parts_folder(self._run.id))
                await self._move(seconds=self._seconds())
                await skip(self._services, self._stored, NOTHING_NEW)
                return None
        else:  # also before it only waits: whoever cancels must see that a slice is at work
            going_on = self._checkpoint.value.phase is Phase.SEND
            text = say("Going on.") if going_on else self._waiting_for_jobs()
            await self._change(self._run.processing(self._clock.now(), text))
        if self._checkpoint.value.phase is not Phase.DONE:
            with span("send"):
                wait = await self._send()
            if wait:
                return wait
        await self._move(phase=Phase.SETTLE)
        with span("settle"):
            await settle(self._services, self._run, self._checkpoint.value)
        await self._move(phase=Phase.DONE, seconds=self._seconds())
        await finish(self._services, self._stored, done(self._checkpoint.value))
        return None

    async def _prepare(self) -> bool:
        """Lay out what is to be sent; return False if there is nothing new for a scheduled run."""
        await self._change(
            self._run.processing(self._clock.now(), say("Reading the segment files."))
        )
        versions = await resolve_versions(self._services, self._export)
        await self._change(self._run.model_copy(update={"versions": versions}))
        is_scheduled = self._run.trigger.kind in SCHEDULED
        if is_scheduled and await last_delivery(self._services.storage, self._export, versions):
            return False
        api = await open_api(self._services, self._connection, self._pace)
        reports = await report_url(self._services, self._run.id)
        target = target_of(self._export, self._destination, reports)
        encoder = await self._destination.encoder(api, target)
        laid_out = await prepare(
            self._services,
            self._run,
            self._export,
            encoder,
            self._destination.limits,
            self._reporter(),
        )
        kept = {"slice": self._checkpoint.value.slice, "seconds": self._seconds_before}
        await self._checkpoint.write(laid_out.model_copy(update=kept))
        run, now = self._run, self._clock.now()
        for note in encoder.notes():
            run = run.noting(now, note)
        await self._change(run.noting(now, prepared(laid_out)))
        return True

    async def _send(self) -> tuple[float, Message] | None:
        """Send, and wait for jobs; return None when every outcome is known, else how long to wait."""
        dispatcher = await self._dispatcher()
        if self._checkpoint.value.phase is Phase.SEND:
            if not await dispatcher.send_batches(self._deadline):
                return 0, say("The time of one slice is up; going on.")
            await self._move(phase=Phase.SETTLE)
        delay = await dispatcher.await_jobs(self._deadline)
        if delay is not None:
            return delay, self._waiting_for_jobs()
        if self._checkpoint.value.jobs:
            raise Canceled
        return None

    async def _dispatcher(self) -> Dispatcher:
        return await open_dispatcher(
            self._services, self._context, self._run, self._checkpoint, self._pace, self._sign
        )

    def _waiting_for_jobs(self) -> Message:
        title = self._destination.title
        return say("Waiting for {destination} to finish its work.", destination=title)

    def _reporter(self) -> Callable[[int], Awaitable[None]]:
        """Return what lets people see the rows read while a file is read, and cancel the run."""
        last = self._clock.monotonic()

        async def report(rows: int) -> None:
            nonlocal last
            if await self._sign.is_up():
                raise Canceled
            if self._clock.monotonic() - last >= _REPORT_SECONDS:
                last = self._clock.monotonic()
                await self._move(rows_read=rows)

        return report

    async def _set_back(self, error: TryLater) -> None:
        """Wait for the destination: as long as it asked for, else longer after each setback in a row."""
        setbacks = self._checkpoint.value.setbacks
        if setbacks >= _MOST_SETBACKS:
            text = say(
                "Given up after {tries} tries in a row. {why}", tries=setbacks, why=error.reason
            )
            await self._abort(RunStatus.FAILED_PERMANENT, text)
            return
        own = min(_FIRST_SETBACK * 2**setbacks, _LONGEST_SETBACK)
        delay = min(error.after or own, _LONGEST_ASKED)
        await self._move(setbacks=setbacks + 1)
        until = f"{self._clock.now() + timedelta(seconds=delay):%H:%M:%S} UTC"
        reason = say("{why} Trying again at {time}.", why=error.reason, time=until)
        await self._park(RunStatus.FAILURE, delay, reason)

    async def _stop_for(self, error: NeedsAttention) -> None:
        if error.culprit is Culprit.LIST:
            await self._abort(RunStatus.FAILED_PERMANENT, error.reason)
            return
        await self._move(seconds=self._seconds())
        await suspend(self._services, self._stored, self._connection, error.reason)

    async def _park(self, status: RunStatus, delay: float, reason: Message) -> None:
        """End the slice: checkpoint first, message second, so that a crash between them loses nothing."""
        number = self._checkpoint.value.slice + 1
        await self._move(slice=number, seconds=self._seconds())
        now = self._clock.now()
        await self._change(self._run.waiting(status, now, now + timedelta(seconds=delay), reason))
        await wakeups.wake(self._services, SliceMessage(run_id=self._run.id, slice=number), delay)

    async def _abort(self, status: RunStatus, text: Message | None = None) -> None:
        # A slice that finds a failure half-written down fails once more: its phase stays what it is.
        await self._move(seconds=self._seconds())
        run = OpenRun(self._stored, self._checkpoint)
        await abort(self._services, self._context, run, status, text)

    async def _note_surprise(self, error: Exception) -> None:
        """Say what happened before the trigger fails, and its message is delivered again."""
        log.error("slice failed: %s", what_failed(error))
        now = self._clock.now()
        text = say(
            "Something went wrong that should not ({error}). Trying again.",
            error=type(error).__name__,
        )
        await self._change(self._run.waiting(RunStatus.FAILURE, now, now, text))
        await wakeups.schedule(self._services, self._run.id, _FIRST_SETBACK)

    @property
    def _run(self) -> Run:
        return self._stored.value

    def _seconds(self) -> float:
        return self._seconds_before + self._clock.monotonic() - self._began

    async def _move(self, **update: Any) -> None:
        await self._checkpoint.write(self._checkpoint.value.model_copy(update=update))

    async def _change(self, run: Run) -> None:
        etag = await self._services.storage.runs.replace(
            run.export_id, run.key, run, self._stored.etag
        )
        self._stored = Stored(run.key, run, etag)
