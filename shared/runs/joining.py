"""Finding the run that waits and will do what somebody asks for, so that no second one is begun."""

from shared.domain.audit import Action, Actor
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.run import Mode, Phase, Run, RunStatus, split_run_id
from shared.people.audit_trail import recorded_with
from shared.runs.history import checkpoint_of, is_canceling
from shared.runs.state.context import RunContext, load_context
from shared.segments.readings import said_of
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import Stale, Stored


async def join_waiting(services: Services, export_id: str, mode: Mode, by: Actor) -> Run | None:
    """Return a run of an export in this mode that waits, or None if a new one is needed.

    It has read nothing yet, so it sends what is newest when its turn comes. If it is one that a schedule
    began it is marked: somebody has asked for it, so it is not skipped for want of a new file.
    """
    # The ids of an export's runs are its own id, a dot and a key; a slash sorts behind a dot.
    after, before = f"{export_id}.", f"{export_id}/"
    active = await services.storage.active_runs.page(ALL, after=after, before=before)
    for entry in reversed(active):  # the oldest goes first
        stored = await services.storage.runs.get(*split_run_id(entry.key))
        if stored is None or stored.value.mode is not mode or not _is_idle(stored.value):
            continue
        context = await load_context(services.storage, stored.value)
        if isinstance(context, RunContext) and await _will_do(services, stored.value):
            try:
                return await _asked_for(services, stored, context.export, by)
            except Stale:
                continue  # a slice has begun to work on it
    return None


def _is_idle(run: Run) -> bool:
    return not run.status.is_over and run.status is not RunStatus.PROCESSING


async def _will_do(services: Services, run: Run) -> bool:
    """Say whether a run that is idle will do all that one would do that began now."""
    if (await checkpoint_of(services, run)).phase is not Phase.PREPARE:
        return False
    if await is_canceling(services, run):
        return False
    for version in run.versions:  # it keeps the readings that it has begun with
        said = await said_of(services.storage.readings, version.segment)
        if version.read_by(said) != version:
            return False
    return True


async def _asked_for(services: Services, stored: Stored[Run], export: Export, by: Actor) -> Run:
    run = stored.value
    if not run.may_be_skipped:
        return run
    noted = run.noting(services.clock.now(), say("Asked for on demand, too."))
    marked = noted.model_copy(update={"asked_for": True})
    async with recorded_with(services, by, Action.RUN_JOINED, export, run=run.id):
        await services.storage.runs.replace(run.export_id, run.key, marked, stored.etag)
    return marked
