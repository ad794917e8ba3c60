"""The work of one slice: prepare, send and settle, and writing down whatever stops them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from shared.destinations.protocol import Target
from shared.domain.connection import Account, Connection, ConnectionStatus
from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Culprit,
    DayIsSpent,
    NeedsAttention,
    TryLater,
)
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.run import Phase, Run, RunStatus, SliceMessage
from shared.exports.checkpoints import Fenced, OpenCheckpoint
from shared.exports.deliver import Delivery
from shared.exports.delivered import Digests, digest_key
from shared.exports.end_run import end_run, suspend_run
from shared.exports.jobs import Looks, RunFiles
from shared.exports.news import NOTHING_NEW, SCHEDULED, told
from shared.exports.prepare import prepare, resolve_versions
from shared.exports.quota import keep_slowness, seconds_to_tomorrow, slowness_of
from shared.exports.record import Recorder
from shared.exports.reports import report_url
from shared.exports.send import Sending
from shared.exports.services import Services
from shared.exports.settle import settle
from shared.exports.summary import done, prepared
from shared.exports.wait import Waiting
from shared.exports.wake import expect, wake
from shared.storage.ports import Stale, Stored
from shared.transport.pace import Pace

_FIRST_SETBACK = 30.0  # seconds until a run goes on after a setback; doubled for each one in a row
_LONGEST_SETBACK = 1800.0
_LONGEST_ASKED = 86400.0  # what a destination may ask for; a queue holds a message for a week
_MOST_SETBACKS = 24  # in a row: about nine hours
_REPORT_SECONDS = 2.0  # between two reports of the rows read


class SliceWork:
    """The work on one run, by the slice that holds its lane."""

    def __init__(
        self,
        services: Services,
        export: Export,
        connection: Connection,
        account: Account,
        stored: Stored[Run],
        checkpoint: OpenCheckpoint,
        deadline: float,
    ) -> None:
        self._services = services
        self._clock = services.clock
        self._export = export
        self._connection = connection
        self._account = account
        self._destination = services.destination(connection)
        self._stored = stored
        self._checkpoint = checkpoint
        self._deadline = deadline  # on the monotonic clock; no batch is sent after it
        self._pace = Pace(self._clock)
        self._began = self._clock.monotonic()
        self._seconds_before = checkpoint.value.seconds

    async def work(self) -> None:
        """Go through the phases until the run ends or has to stop; raise Fenced, Stale, or a surprise."""
        records, lane = self._services.storage.quotas, self._destination.lane(self._account)
        before = await slowness_of(records, lane)
        self._pace = Pace(self._clock, self._destination.limits.rates, before)
        try:
            await self._work()
        finally:
            if self._pace.slowness != before:
                await keep_slowness(records, lane, self._pace.slowness)

    async def _work(self) -> None:
        try:
            if wait := await self._phases():
                await self._park(RunStatus.QUEUED, *wait)
        except DayIsSpent as error:
            delay = seconds_to_tomorrow(self._clock.now())
            reason = say("{why} Going on at 00:00 UTC, when the next day begins.", why=error.reason)
            await self._park(RunStatus.QUEUED, delay, reason)
        except TryLater as error:
            await self._set_back(error)
        except NeedsAttention as error:
            await self._stop_for(error)
        except (BadSegment, BatchRefused) as error:
            await self._end(RunStatus.FAILED_PERMANENT, error.reason)
        except (Fenced, Stale):
            raise
        except Exception as error:
            await self._note_surprise(error)
            raise

    async def _phases(self) -> tuple[float, Message] | None:
        """Return None when the run has ended, else how long to wait until it goes on, and why."""
        if self._connection.status is ConnectionStatus.NEEDS_SIGN_IN:
            reason = self._connection.reason or say("Sign in again.")
            raise NeedsAttention(Culprit.CONNECTION, reason)
        if self._checkpoint.value.phase is Phase.PREPARE:
            if not await self._prepare():
                await self._end(RunStatus.SKIPPED, NOTHING_NEW)
                return None
        elif self._checkpoint.value.phase is Phase.SEND:
            await self._change(self._run.processing(self._clock.now(), say("Going on.")))
        if self._checkpoint.value.phase is not Phase.DONE and (wait := await self._send()):
            return wait
        await self._move(phase=Phase.SETTLE)
        await settle(self._services, self._run, self._export, self._checkpoint.value)
        await self._end(RunStatus.SUCCESSFUL, done(self._checkpoint.value))
        return None

    async def _prepare(self) -> bool:
        """Lay out what is to be sent; return False if there is nothing new for a scheduled run."""
        await self._change(
            self._run.processing(self._clock.now(), say("Reading the segment files."))
        )
        versions = await resolve_versions(self._services, self._export)
        await self._change(self._run.model_copy(update={"versions": versions}))
        is_scheduled = self._run.trigger.kind in SCHEDULED
        if is_scheduled and await told(self._services, self._export, versions):
            return False
        api = await self._services.api(self._connection, self._pace)
        encoder = await self._destination.encoder(api, await self._target())
        laid_out = await prepare(
            self._services,
            self._run,
            self._export,
            encoder.encode,
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
        api = await self._services.api(self._connection, self._pace)
        limits, files = self._destination.limits, self._services.storage.run_files
        of_jobs = RunFiles(files, self._run.id, limits)
        digests = Digests(await digest_key(self._services.storage.secrets))
        delivery = Delivery(
            self._clock,
            self._destination,
            api,
            self._pace,
            await self._target(),
            {job.id for job in self._checkpoint.value.jobs},
        )
        recorder = Recorder(self._run, files, of_jobs, self._checkpoint, digests, api)
        looks = Looks(self._clock, self._destination, api, of_jobs)
        if self._checkpoint.value.phase is Phase.SEND:
            if not await Sending(delivery, recorder, looks).go_on(self._deadline):
                return 0, say("The time of one slice is up; going on.")
            await self._move(phase=Phase.SETTLE)
        delay = await Waiting(delivery, recorder, looks).go_on(self._deadline)
        if delay is None:
            return None
        title = self._destination.title
        return delay, say("Waiting for {destination} to finish its work.", destination=title)

    async def _target(self) -> Target:
        mapped = [
            field for field in self._export.fields if field != self._destination.fields[0].name
        ]
        return Target(
            self._export.list_id,
            mapped,
            self._export.clear_when_empty,
            self._export.options,
            await report_url(self._services, self._run.id),
        )

    def _reporter(self) -> Callable[[int], Awaitable[None]]:
        """Return what lets people see the rows read while a file is read."""
        last = self._clock.monotonic()

        async def report(rows: int) -> None:
            nonlocal last
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
            await self._end(RunStatus.FAILED_PERMANENT, text)
            return
        own = min(_FIRST_SETBACK * 2**setbacks, _LONGEST_SETBACK)
        delay = min(error.after or own, _LONGEST_ASKED)
        await self._move(setbacks=setbacks + 1)
        until = f"{self._clock.now() + timedelta(seconds=delay):%H:%M:%S} UTC"
        reason = say("{why} Trying again at {time}.", why=error.reason, time=until)
        await self._park(RunStatus.FAILURE, delay, reason)

    async def _stop_for(self, error: NeedsAttention) -> None:
        if error.culprit is Culprit.LIST:
            await self._end(RunStatus.FAILED_PERMANENT, error.reason)
            return
        await self._move(seconds=self._seconds())
        await suspend_run(self._services, self._stored, self._connection, error.reason)

    async def _park(self, status: RunStatus, delay: float, reason: Message) -> None:
        """End the slice: checkpoint first, message second, so that a crash between them loses nothing."""
        number = self._checkpoint.value.slice + 1
        await self._move(slice=number, seconds=self._seconds())
        now = self._clock.now()
        await self._change(self._run.waiting(status, now, now + timedelta(seconds=delay), reason))
        await wake(self._services, SliceMessage(run_id=self._run.id, slice=number), delay)

    async def _end(self, status: RunStatus, text: Message) -> None:
        # Only a success is settled. A slice that finds a failure half-written down fails once more.
        phase = Phase.DONE if status is RunStatus.SUCCESSFUL else self._checkpoint.value.phase
        await self._move(phase=phase, seconds=self._seconds())
        await end_run(self._services, self._stored, status, text)

    async def _note_surprise(self, error: Exception) -> None:
        """Say what happened before the trigger fails, and its message is delivered again."""
        now = self._clock.now()
        text = say(
            "Something went wrong that should not ({error}). Trying again.",
            error=type(error).__name__,
        )
        await self._change(self._run.waiting(RunStatus.FAILURE, now, now, text))
        await expect(self._services, self._run.id, _FIRST_SETBACK)

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
