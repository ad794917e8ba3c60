"""Ending a run, in an order in which a crash leaves nothing wrong behind."""

from shared.connections.check import mark_needs_sign_in
from shared.connections.waiting_runs import resume_runs, waiting
from shared.domain.connection import Connection
from shared.domain.message import Message, say
from shared.domain.run import Run, RunStatus
from shared.runs.enter_end import enter_end
from shared.services import Services
from shared.storage.entries import ALL, SettingsTable
from shared.storage.paths import CHECKPOINT, parts_folder
from shared.storage.ports import Stored
from shared.telemetry.logs import about_run, event


async def end_run(
    services: Services, stored: Stored[Run], status: RunStatus, text: Message
) -> None:
    """Close a run and remove what it no longer needs; raise Stale when somebody else changed it."""
    run = stored.value.over(status, services.clock.now(), text)
    checkpoint = await services.storage.checkpoints.get(run.id, CHECKPOINT)
    if checkpoint is not None:  # kept on the run, which outlives the files of the export
        goes_on = status is RunStatus.SKIPPED
        so_far = checkpoint.value.as_progress() if goes_on else checkpoint.value.as_last_progress()
        run = run.model_copy(update={"progress": so_far})
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
    storage = services.storage
    if run.status is not RunStatus.SKIPPED:
        await storage.run_files.delete(parts_folder(run.id))
        await storage.bookmarks.delete(SettingsTable.CANCELS, run.id)
    if entry := await storage.active_runs.get(ALL, run.id):  # else this was done before
        await enter_end(services, run, entry.value.connection_id)
    await storage.active_runs.delete(ALL, run.id)


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
