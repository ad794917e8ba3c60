"""Beginning a run of an export, whatever has triggered it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.audit import SYSTEM, Action, Actor
from shared.domain.connection import Connection, ConnectionStatus, needs_sign_in
from shared.domain.errors import Conflict, NotFound
from shared.domain.export import Export, Idle
from shared.domain.message import say
from shared.domain.run import Mode, Run, RunStatus, SliceMessage, Trigger, TriggerKind
from shared.domain.segment import SegmentVersion
from shared.people.audit_trail import recorded_with
from shared.runs import index
from shared.runs.ending import announce, index_end
from shared.runs.freshness import why_skipped
from shared.services import Services
from shared.storage.entries import ALL, ActiveRun
from shared.storage.ports import AlreadyExists, Storage, Stored
from shared.storage.side_by_side import side_by_side
from shared.telemetry.spans import begin_run

_BEGAN = {
    TriggerKind.ARRIVAL: say("A new file of a segment landed."),
    TriggerKind.REFRESH: say("The scheduled refresh was due."),
    TriggerKind.SCHEDULE: say("The export's own schedule was due."),
    TriggerKind.ON_DEMAND: say("Asked for on demand."),
}


@dataclass(frozen=True, slots=True)
class Begun:
    """A run of a trigger, as it was stored a moment ago, and what it works for."""

    stored: Stored[Run]
    export: Export
    connection: Connection
    made: bool  # now, and not by the same trigger before

    @property
    def run(self) -> Run:
        """The run."""
        return self.stored.value

    @property
    def is_to_go_on(self) -> bool:
        """Whether somebody has to see to its first slice."""
        return self.made and not self.run.status.is_over


async def start_run(
    services: Services,
    export_id: str,
    trigger: Trigger,
    mode: Mode = Mode.CHANGES,
    by: Actor = SYSTEM,
) -> tuple[Run, bool]:
    """Begin a run of an export and enqueue its first slice.

    Return the run, and whether this call made it: the same trigger never makes a second one.
    A run on a connection that cannot be used is made and skipped at once, so that people see why.
    Raise NotFound for an unknown export, Conflict when it has no connection or that is being set up.
    """
    begun = await create_run(services, export_id, trigger, mode, by)
    if begun.is_to_go_on:
        await services.storage.slices.send(SliceMessage(run_id=begun.run.id, slice=0))
    return begun.run, begun.made


async def create_run(
    services: Services,
    export_id: str,
    trigger: Trigger,
    mode: Mode = Mode.CHANGES,
    by: Actor = SYSTEM,
    unchanged: Run | None = None,
    arrived: Sequence[SegmentVersion] = (),
) -> Begun:
    """Do all of `start_run` but enqueueing, for a caller who sees to the first slice.

    `unchanged` is the run that says what this one would: then the run is made and skipped, and says so.
    `arrived` are versions that it is made for; how they are read is not asked again.
    """
    storage, now = services.storage, services.clock.now()
    export = await _export(storage, export_id)
    connection, known = await side_by_side(
        _connection(storage, export), storage.runs.get(export_id, trigger.run_key())
    )
    # A trigger often comes twice, and the trail should not tell each time of a run that nobody began.
    if known:
        return Begun(known, export, connection, made=False)
    run = _new_run(export, trigger, mode, now).model_copy(update={"versions": list(arrived)})
    if connection.status is ConnectionStatus.NEEDS_SIGN_IN:
        run = run.over(RunStatus.SKIPPED, now, needs_sign_in(connection, connection.reason))
    elif unchanged:
        same = {"versions": unchanged.versions, "warning": unchanged.warning}
        run = run.model_copy(update=same).over(RunStatus.SKIPPED, now, why_skipped(unchanged))
    # Before there is a run that could be lost: into the index of those that ended, or of active ones.
    if run.status.is_over:
        await side_by_side(index_end(services, run, connection.id), index.enter(storage, run.id))
    else:
        await side_by_side(_index_active(services, run, connection), index.enter(storage, run.id))
    said = {"run": run.id, "trigger": trigger.kind.value, "mode": mode.value}
    began = recorded_with(services, by, Action.RUN_STARTED, export, **said)
    try:
        async with began:
            etag = await storage.runs.insert(export_id, run.key, run)
    except AlreadyExists:
        return Begun(await _existing(storage, run), export, connection, made=False)
    if run.status.is_over:
        announce(run)
    return Begun(Stored(run.key, run, etag), export, connection, made=True)


def _new_run(export: Export, trigger: Trigger, mode: Mode, now: datetime) -> Run:
    run_id, kind = f"{export.id}.{trigger.run_key()}", trigger.kind
    return Run(
        export_id=export.id,
        key=trigger.run_key(),
        trigger=trigger,
        destination=export.destination,
        target_digest=export.target_digest,
        trace=begin_run(run_id=run_id, trigger=kind.value, destination=export.destination),
        mode=mode,
        created_at=now,
    ).noting(now, _BEGAN[kind])


async def _export(storage: Storage, export_id: str) -> Export:
    stored = await storage.exports.get(ALL, export_id)
    if stored is None:
        raise NotFound(say("There is no such export."))
    return stored.value


async def _connection(storage: Storage, export: Export) -> Connection:
    if export.connection_id is None:
        raise Conflict(Idle.DETACHED.reason)
    stored = await storage.connections.get(ALL, export.connection_id)
    if stored is None or stored.value.is_draft or stored.value.account is None:
        raise Conflict(say("The export's connection is not set up yet. Save the connection first."))
    return stored.value


async def _index_active(services: Services, run: Run, connection: Connection) -> None:
    """Enter a run into the index that the sweep reads."""
    if connection.account is None:
        return
    entry = ActiveRun(
        run_id=run.id,
        connection_id=connection.id,
        lane=services.destinations[connection.destination].lane(connection.account),
        wakes_at=services.clock.now() + timedelta(minutes=1),
    )
    try:
        await services.storage.active_runs.insert(ALL, run.id, entry)
    except AlreadyExists:
        return


async def _existing(storage: Storage, run: Run) -> Stored[Run]:
    stored = await storage.runs.get(run.export_id, run.key)
    if stored is None:
        raise NotFound(say("The run was removed."))
    return stored
