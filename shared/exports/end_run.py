"""Ending a run, in an order in which a crash leaves nothing wrong behind."""

from shared.domain.connection import Connection
from shared.domain.message import Message, say
from shared.domain.run import Run, RunStatus, SliceMessage, split_run_id
from shared.exports.check_connection import mark_needs_sign_in
from shared.exports.names import CHECKPOINT, parts_folder
from shared.exports.resume import resume_runs, waiting
from shared.exports.services import Services
from shared.storage.ports import ALL, Stale, Stored
from shared.telemetry.logs import about_run, event


async def end_run(
    services: Services, stored: Stored[Run], status: RunStatus, text: Message
) -> None:
    """Close a run and remove what it no longer needs; raise Stale when somebody else changed it."""
    run = stored.value.over(status, services.clock.now(), text)
    checkpoint = await services.storage.checkpoints.get(run.id, CHECKPOINT)
    if checkpoint is not None:  # kept on the run, which outlives the files of the export
        run = run.model_copy(update={"progress": checkpoint.value.as_progress()})
    await services.storage.runs.replace(run.export_id, run.key, run, stored.etag)
    tell_ended(run)
    await tidy(services, run)


def tell_ended(run: Run) -> None:
    """Report that a run is over."""
    with about_run(run.id):
        event(
            "run_ended",
            export_id=run.export_id,
            destination=run.destination,
            status=run.status.value,
        )


async def tidy(services: Services, run: Run) -> None:
    """Remove the parts of a run that is over, then its entry in the index of active runs.

    A skipped run keeps its parts: it goes on when its connection is signed in again.
    """
    if run.status is not RunStatus.SKIPPED:
        await services.storage.run_files.delete(parts_folder(run.id))
    await services.storage.active_runs.delete(ALL, run.id)


async def suspend_run(
    services: Services, stored: Stored[Run], connection: Connection, reason: Message
) -> None:
    """Mark a connection as needing sign-in, and skip the run until somebody has signed in again."""
    run, active = stored.value, services.storage.active_runs
    entry = await active.get(ALL, run.id)
    if entry is not None:
        await active.put(waiting(connection.id), run.id, entry.value)
    await mark_needs_sign_in(services, connection, reason)
    text = say("{why} The run goes on from here once somebody has signed in.", why=reason)
    await end_run(services, stored, RunStatus.SKIPPED, text)
    now = await services.storage.connections.get(ALL, connection.id)
    if entry and now and now.value.secret_name != connection.secret_name:
        # Somebody signed in while we were at it, and may have looked for waiting runs too early.
        await active.put(waiting(connection.id), run.id, entry.value)
        await resume_runs(services, connection.id)


async def fail_run(services: Services, message: SliceMessage) -> None:
    """Close a run whose message the queue gave up after its last try."""
    with about_run(message.run_id):
        event("message_given_up")
    storage = services.storage
    stored = await storage.runs.get(*split_run_id(message.run_id))
    checkpoint = await storage.checkpoints.get(message.run_id, CHECKPOINT)
    number = checkpoint.value.slice if checkpoint else 0
    if stored is None or stored.value.status.is_over or number != message.slice:
        return
    why = stored.value.reason or say("It never said why.")
    text = say("Given up: several tries in a row ended in the same way. {why}", why=why)
    try:
        await end_run(services, stored, RunStatus.FAILED_PERMANENT, text)
    except Stale:
        return  # a slice is working on it after all
