"""What comes next for a run that a slice stops working on: which error leads to what, and storing that."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    NeedsAttention,
    OutOfReach,
    TryLater,
)
from shared.domain.message import Message, say
from shared.domain.run import RunStatus, SliceMessage
from shared.runs.ending import abort, finish, skip, suspend
from shared.runs.lanes import wakeups
from shared.runs.state.context import RunContext
from shared.runs.state.open_run import OpenRun
from shared.runs.timeline import done
from shared.services import Services
from shared.storage.paths import parts_folder
from shared.storage.ports import Missing
from shared.telemetry.logs import what_failed
from shared.transport.day_budget import seconds_to_tomorrow

log = logging.getLogger(__name__)

FIRST_SETBACK = 30.0  # seconds until a run goes on after a setback; doubled for each one in a row
_LONGEST_SETBACK = 1800.0
_MOST_SETBACKS = 24  # in a row: about nine and a half hours

_GONE = say(
    "What was prepared for this run is gone from storage. Run the export again: it then sends "
    "everything."
)


@dataclass(frozen=True, slots=True)
class Finished:
    """The run has sent everything, and is settled."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """The run has nothing new to send, or to fail by; `warning` is that of the run that says so."""

    reason: Message
    warning: Message | None


@dataclass(frozen=True, slots=True)
class Suspended:
    """The run ends until somebody has signed in again."""

    reason: Message


@dataclass(frozen=True, slots=True)
class Aborted:
    """The run ends where it is. Without a text it is said what became of the rows."""

    status: RunStatus
    text: Message | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """The run goes on by itself, in `delay` seconds."""

    status: RunStatus
    delay: float
    reason: Message
    setbacks: int | None = None  # in a row, this one included; None if it is none


type Ended = Finished | Skipped | Suspended | Aborted
type Next = Ended | Parked


def after_error(error: Exception, setbacks: int, now: datetime) -> Next | None:
    """Return what comes next after an error; None after one that should never have come.

    `setbacks` are those in a row before it.
    """
    match error:
        case DailyQuotaExhausted():
            reason = say("{why} Going on at 00:00 UTC, when the next day begins.", why=error.reason)
            return Parked(RunStatus.QUEUED, seconds_to_tomorrow(now), reason)
        case TryLater():
            return _set_back(error, setbacks, now)
        case NeedsAttention(culprit=Culprit.CONNECTION):
            return Suspended(error.reason)
        case OutOfReach(passes=True):
            return _set_back(TryLater(error.reason), setbacks, now)
        case NeedsAttention() | BadSegment() | BatchRefused():
            return Aborted(RunStatus.FAILED_PERMANENT, error.reason)
        case Missing():
            return Aborted(RunStatus.FAILED_PERMANENT, _GONE)
        case _:
            return None


def _set_back(error: TryLater, setbacks: int, now: datetime) -> Next:
    """Wait for the destination: as long as it asked for, else longer after each setback in a row."""
    if setbacks >= _MOST_SETBACKS:
        text = say("Given up after {tries} tries in a row. {why}", tries=setbacks, why=error.reason)
        return Aborted(RunStatus.FAILED_PERMANENT, text)
    own = min(FIRST_SETBACK * 2**setbacks, _LONGEST_SETBACK)
    delay = error.after or own
    until = f"{now + timedelta(seconds=delay):%H:%M:%S} UTC"
    reason = say("{why} Trying again at {time}.", why=error.reason, time=until)
    return Parked(RunStatus.FAILURE, delay, reason, setbacks + 1)


async def write_down(
    services: Services, context: RunContext, run: OpenRun, following: Next
) -> None:
    """Store what comes next; raise Fenced or Stale when somebody else works on the run."""
    match following:
        case Finished():
            await finish(services, context.connection, run, done(run.checkpoint.value))
        case Skipped(reason, warning):
            # A slice that died may have laid something out; unlike others this run never goes on.
            await services.storage.run_files.delete(parts_folder(run.value.id))
            await run.move(seconds=run.seconds)
            await skip(services, context.connection, run, reason, warning)
        case Suspended(reason):
            await run.move(seconds=run.seconds)
            await suspend(services, run, context.connection, reason)
        case Aborted(status, text):
            # A slice that finds a failure half-written down fails once more: the phase stays as it is.
            await run.move(seconds=run.seconds)
            await abort(services, context, run, status, text)
        case Parked():
            await _park(services, run, following)


async def _park(services: Services, run: OpenRun, parked: Parked) -> None:
    if parked.setbacks is not None:
        await run.move(setbacks=parked.setbacks)
    # Checkpoint first, message last, so that a crash between them loses nothing.
    number = run.checkpoint.value.slice + 1
    await run.move(slice=number, seconds=run.seconds)
    now = services.clock.now()
    until = now + timedelta(seconds=parked.delay)
    await run.change(run.value.waiting(parked.status, now, until, parked.reason))
    await wakeups.wake(services, SliceMessage(run_id=run.value.id, slice=number), parked.delay)


async def note_surprise(services: Services, run: OpenRun, error: Exception) -> None:
    """Say on a run what happened, before the trigger fails and its message is delivered again."""
    log.error("slice failed: %s", what_failed(error))
    now = services.clock.now()
    text = say(
        "Something went wrong that should not ({error}). Trying again.", error=type(error).__name__
    )
    await run.change(run.value.waiting(RunStatus.FAILURE, now, now, text))
    await wakeups.schedule(services, run.value.id, FIRST_SETBACK)
