"""Ending runs: every way in which a run comes to be over, and the order in which that is written down.

=========  =================================  ============================  ==========================
function   when                               status                        what its list was told last
=========  =================================  ============================  ==========================
finish     everything was sent                successful                    all of it; settled before
skip       there is nothing new to send       skipped                       stays as it is
suspend    somebody has to sign in            skipped, and goes on later    stays as it is
abort      a failure for good, or a cancel    failed_permanent or canceled  what was sent so far
give_up    the queue gave up its message      failed_permanent              what was sent so far
orphan     what it works for is gone          canceled                      forgotten
=========  =================================  ============================  ==========================

All of them write in one order, in which a crash leaves nothing wrong behind: what the list was told, the
run, the index of runs to be forgotten, the webhook's outbox, and last the index of active runs. Until a
run has left that one, whoever finds it there cleans up again.
"""

from contextlib import suppress
from dataclasses import replace

import orjson

from shared.connections.check import mark_needs_sign_in
from shared.connections.waiting_runs import resume_runs, waiting
from shared.domain.connection import Connection
from shared.domain.message import Message, say
from shared.domain.run import Checkpoint, Phase, Run, RunStatus, SliceMessage, split_run_id
from shared.runs.send.batch_sender import unanswered
from shared.runs.send.poller import PollResult, RunFiles, unknown
from shared.runs.send.recorder import NoRequests, Recorder
from shared.runs.send.settle import settle_part
from shared.runs.state.checkpoint import Fenced, OpenCheckpoint
from shared.runs.state.context import RunContext, load_context
from shared.runs.state.delivered import digest_key, digest_with, state_of
from shared.runs.state.open_run import OpenRun
from shared.runs.state.parts import batches_per_part, read_batches
from shared.runs.timeline import canceled
from shared.runs.timeline import warning as warning_of
from shared.services import Services
from shared.storage.entries import ALL, DueTable, EndedRun, OutboxMessage, SettingsTable
from shared.storage.paths import CHECKPOINT, layout_folder, parts_folder
from shared.storage.ports import AlreadyExists, Missing, Stale, Storage, Stored
from shared.storage.side_by_side import side_by_side
from shared.telemetry.logs import about_run, event

_UNTOLD = say("The run ended before the destination said what became of it.")


async def load_for_ending(services: Services, run_id: str) -> OpenRun | None:
    """Return a run that nobody seems to work on, and its checkpoint; None if it is not there."""
    # The checkpoint first: whoever claims the run later then finds its checkpoint changed, and stops
    # before it settles anything.
    runs = services.storage.runs
    checkpoint = await OpenCheckpoint.read(services.storage.checkpoints, run_id)
    stored = await runs.get(*split_run_id(run_id))
    return OpenRun(runs, services.clock, stored, checkpoint) if stored else None


async def finish(services: Services, connection: Connection, run: OpenRun, text: Message) -> None:
    """End a run that has sent everything, and is settled; raise Stale when somebody else changed it."""
    ended = {"phase": Phase.DONE, "seconds": run.seconds}
    so_far = run.checkpoint.value.model_copy(update=ended)
    await _close(services, run.stored, RunStatus.SUCCESSFUL, text, so_far, connection.id)


async def skip(
    services: Services,
    connection: Connection,
    run: OpenRun,
    text: Message,
    warning: Message | None = None,
) -> None:
    """End a run that has nothing to send; raise Stale when somebody else changed it.

    `warning` is that of the run that has sent it before, and still holds.
    """
    value = run.value.model_copy(update={"warning": warning})
    stored, so_far = replace(run.stored, value=value), run.checkpoint.value
    await _close(services, stored, RunStatus.SKIPPED, text, so_far, connection.id)


async def suspend(
    services: Services, suspended: OpenRun, connection: Connection, reason: Message
) -> None:
    """Mark a connection as needing sign-in, and skip the run until somebody has signed in again."""
    run, active = suspended.value, services.storage.active_runs
    entry = await active.get(ALL, run.id)
    if entry is not None:
        await active.put(waiting(connection.id), run.id, entry.value)
    await mark_needs_sign_in(services, connection, reason)
    text = say("{why} The run goes on from here once somebody has signed in.", why=reason)
    so_far = suspended.checkpoint.value
    await _close(services, suspended.stored, RunStatus.SKIPPED, text, so_far, connection.id)
    now = await services.storage.connections.get(ALL, connection.id)
    if entry and now and now.value.secret_name != connection.secret_name:
        # Somebody signed in while we were at it, and may have looked for waiting runs too early.
        await active.put(waiting(connection.id), run.id, entry.value)
        await resume_runs(services, connection.id)


async def abort(
    services: Services,
    context: RunContext,
    run: OpenRun,
    status: RunStatus,
    text: Message | None = None,
) -> None:
    """End a run where it is: what it delivered is kept, and every row is accounted for.

    Without a text it is said what became of the rows. Raise Fenced or Stale when somebody else works
    on the run.
    """
    checkpoint = run.checkpoint
    limits = services.destinations[context.connection.destination].limits
    try:
        await _account(services, context, run.value, checkpoint)
        await settle_part(services, run.value, checkpoint.value, limits)
    except Missing:
        await _forget_delivered(services.storage, run.value)
    said = text or canceled(checkpoint.value.as_last_progress())
    so_far = checkpoint.value
    await _close(services, run.stored, status, said, so_far, context.connection.id)


async def give_up(services: Services, message: SliceMessage) -> None:
    """End a run whose message the queue gave up after its last try."""
    with about_run(message.run_id):
        event("message_given_up")
    run = await load_for_ending(services, message.run_id)
    if run is None or run.value.status.is_over:
        return
    if run.checkpoint.value.slice != message.slice:
        return
    context = await load_context(services.storage, run.value)
    why = run.value.reason or say("It never said why.")
    text = say("Given up: several tries in a row ended in the same way. {why}", why=why)
    try:
        await run.count_broken_off()
        if isinstance(context, RunContext):
            await abort(services, context, run, RunStatus.FAILED_PERMANENT, text)
        else:
            await orphan(services, run.stored, context)
    except (Fenced, Stale):
        return  # a slice is working on it after all


async def orphan(services: Services, stored: Stored[Run], why: Message) -> None:
    """Cancel a run whose export or connection is gone; raise Stale when somebody else changed it."""
    await _forget_delivered(services.storage, stored.value)
    checkpoint = await services.storage.checkpoints.get(stored.value.id, CHECKPOINT)
    so_far = checkpoint.value if checkpoint else None
    await _close(services, stored, RunStatus.CANCELED, why, so_far)


async def _close(
    services: Services,
    stored: Stored[Run],
    status: RunStatus,
    text: Message,
    checkpoint: Checkpoint | None,
    connection_id: str | None = None,
) -> None:
    """Store a run as over, with the progress it has made, and clean up; raise Stale."""
    run = stored.value.over(status, services.clock.now(), text)
    if checkpoint is not None:  # kept on the run, which outlives the files of the export
        goes_on = status is RunStatus.SKIPPED
        so_far = checkpoint.as_progress() if goes_on else checkpoint.as_last_progress()
        run = run.model_copy(update={"progress": so_far})
        if status is RunStatus.SUCCESSFUL:
            run = run.model_copy(update={"warning": warning_of(so_far)})
    await services.storage.runs.replace(run.export_id, run.key, run, stored.etag)
    announce(run)
    await clean_up(services, run, connection_id)


def announce(run: Run) -> None:
    """Report that a run is over."""
    with about_run(run.id):
        event(
            "run_ended",
            export_id=run.export_id,
            destination=run.destination,
            status=run.status.value,
        )


async def clean_up(services: Services, run: Run, connection_id: str | None = None) -> None:
    """Remove what a run that is over leaves behind; doing it twice is the same as doing it once.

    A skipped run keeps its parts: it goes on when its connection is signed in again. Whoever has just
    ended the run names its connection. A sign to cancel that came too late is left to the sweep of them.
    """
    await side_by_side(_remove_files(services, run), _index_end_once(services, run, connection_id))
    await services.storage.active_runs.delete(ALL, run.id)


async def _remove_files(services: Services, run: Run) -> None:
    if run.status is not RunStatus.SKIPPED:
        await services.storage.run_files.delete(parts_folder(run.id))
    if run.status is RunStatus.CANCELED:
        await services.storage.bookmarks.delete(SettingsTable.CANCELS, run.id)


async def _index_end_once(services: Services, run: Run, connection_id: str | None) -> None:
    if connection_id is None:
        entry = await services.storage.active_runs.get(ALL, run.id)
        connection_id = entry.value.connection_id if entry else None
    if connection_id is not None:  # else this was done before
        await index_end(services, run, connection_id)


async def index_end(services: Services, run: Run, connection_id: str) -> None:
    """Note that a run is to be forgotten some day, and what the webhook is to be told of its end.

    Doing it twice is the same as doing it once.
    """
    storage, at = services.storage, run.finished_at or services.clock.now()
    key = f"{at:%Y%m%d%H%M%S%f}-{run.id}"
    entry = EndedRun(run_id=run.id, at=at, connection_id=connection_id)
    await storage.ended_runs.put(DueTable.ENDED, key, entry)
    if services.webhook is None:
        return
    body = await _webhook_body(storage, run)
    message = OutboxMessage(run_id=run.id, body=body, since=at, due_at=at)
    with suppress(AlreadyExists):
        await storage.webhook_outbox.insert(DueTable.OUTBOX, key, message)


async def _webhook_body(storage: Storage, run: Run) -> str:
    """Return what the webhook is told: no personal data, and no words of others."""
    export = await storage.exports.get(ALL, run.export_id)
    progress = run.progress
    told = {
        "type": "run.ended",
        "timestamp": run.finished_at,
        "data": {
            "run_id": run.id,
            "export_id": run.export_id,
            "export_name": export.value.name if export else None,
            "status": run.status,
            "trigger": run.trigger.kind,
            "mode": run.mode,
            "created_at": run.created_at,
            "finished_at": run.finished_at,
            "rows_read": progress.rows_read if progress else 0,
            "counts": progress.counts.model_dump() if progress else {},
            "not_sent": progress.not_sent if progress else 0,
        },
    }
    return orjson.dumps(told).decode()


async def _account(
    services: Services, context: RunContext, run: Run, checkpoint: OpenCheckpoint
) -> None:
    """Count as unknown what may have arrived, and what the destination has not told the end of."""
    files = services.storage.run_files
    limits = services.destinations[context.connection.destination].limits
    now = checkpoint.value
    recorder = Recorder(
        services.clock,
        run,
        files,
        RunFiles(files, run.id, now.layout, limits),
        checkpoint,
        digest_with(await digest_key(services)),
        NoRequests(),
    )
    folder = layout_folder(run.id, now.layout)
    batches = read_batches(files, folder, batches_per_part(limits), now.unconfirmed(), now.left)
    results = [unanswered(batch, _UNTOLD) async for batch in batches]
    untold = [unknown(job, _UNTOLD) for job in now.jobs if job.is_untold]
    await recorder.record(results, PollResult(finished=untold))
    await recorder.reserve(0)


async def _forget_delivered(storage: Storage, run: Run) -> None:
    """Forget what the list was told last: nobody can tell any more what of it is still right."""
    await storage.delivered.delete(state_of(run))
