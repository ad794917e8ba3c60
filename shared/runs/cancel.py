"""Canceling a run, which is asked for once and carried out by whoever works on it.

A slice that works on the run sees the sign within a second, begins no batch any more, waits for those
under way and ends the run. Where no slice works, whoever asked ends the run; what a crash leaves undone,
the minute tick does. While a destination still works on jobs of the run, slices go on asking about them.
"""

from shared.connections.waiting_runs import waiting
from shared.domain.audit import Action, Actor
from shared.domain.errors import Conflict
from shared.domain.message import say
from shared.domain.people import Caller
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.exports.manage import find_to_edit
from shared.people.audit_trail import recorded_with
from shared.records.records import scan
from shared.runs.ending import abort, load_for_ending, orphan
from shared.runs.history import find_run
from shared.runs.lanes.wakeups import wake
from shared.runs.state.checkpoint import Fenced
from shared.runs.state.context import RunContext, load_context
from shared.services import Services
from shared.storage.entries import Bookmark, SettingsTable
from shared.storage.ports import AlreadyExists, Stale


async def cancel_run(services: Services, caller: Caller, run_id: str) -> Run:
    """Ask for a run to be canceled, end it if no slice works on it, and return it as it is then.

    Asking again changes nothing. Raise NotFound, NotAllowed, or Conflict when the run is over.
    """
    run = await find_run(services, run_id)
    export = await find_to_edit(services, caller, run.export_id, None)
    if run.status.is_over and not await _waits_for_sign_in(services, run):
        raise Conflict(say("The run is over, so there is nothing to cancel."))
    asked, by = services.storage.bookmarks, Actor.of(caller.person)
    is_new = await asked.get(SettingsTable.CANCELS, run.id) is None
    if is_new:
        try:
            async with recorded_with(services, by, Action.RUN_CANCELED, export.value, run=run.id):
                await asked.insert(SettingsTable.CANCELS, run.id, Bookmark(at=services.clock.now()))
        except AlreadyExists:
            is_new = False
    await _carry_out(services, run.id, wakes=is_new)
    return await find_run(services, run.id)


async def sweep_cancels(services: Services) -> None:
    """Carry out what was asked for and not done, because a process died or somebody was faster."""
    async for asked in scan(services.storage.bookmarks, SettingsTable.CANCELS):
        await _carry_out(services, asked.key, wakes=False)


async def _carry_out(services: Services, run_id: str, *, wakes: bool) -> None:
    """End a run that was canceled, unless a slice works on it or has to ask about its jobs."""
    storage = services.storage
    run = await load_for_ending(services, run_id)
    waits = run is not None and await _waits_for_sign_in(services, run.value)
    if run is None or (run.value.status.is_over and not waits):
        await storage.bookmarks.delete(SettingsTable.CANCELS, run_id)
        return
    if run.value.status is RunStatus.PROCESSING:
        return  # if its slice has died, sweep_runs finds it
    context, checkpoint = (
        await load_context(services.storage, run.value),
        run.checkpoint.value,
    )
    try:
        if not isinstance(context, RunContext):
            await orphan(services, run.stored, context)
        elif waits or all(job.failed for job in checkpoint.jobs):
            await abort(services, context, run, RunStatus.CANCELED)
            await storage.active_runs.delete(waiting(context.connection.id), run_id)
        elif wakes:
            await wake(services, SliceMessage(run_id=run_id, slice=checkpoint.slice), 0)
    except (Fenced, Stale):
        return  # a slice has begun to work on it, and will see the sign


async def _waits_for_sign_in(services: Services, run: Run) -> bool:
    """Say whether a skipped run would go on once somebody has signed in."""
    if run.status is not RunStatus.SKIPPED:
        return False
    context = await load_context(services.storage, run)
    if not isinstance(context, RunContext):
        return False
    partition = waiting(context.connection.id)
    return await services.storage.active_runs.get(partition, run.id) is not None
