"""Previewing what a run would send, without sending or storing anything.

It is the same reading, mapping, checking and comparing as a run's, over storage that keeps nothing. Of
the destination only what a run looks up before it sends is asked. What it shows holds personal data: it
is answered to whoever asked, and neither logged nor kept.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil

from shared.connections.check import signed_in
from shared.destinations.contract import Destination
from shared.destinations.model import Target
from shared.domain.audit import Action, Actor
from shared.domain.clock import Clock
from shared.domain.connection import Connection, Move
from shared.domain.errors import Conflict
from shared.domain.export import Export, Idle
from shared.domain.message import Message, say
from shared.domain.people import Caller
from shared.domain.run import Checkpoint, Mode, Run, Trigger, TriggerKind
from shared.domain.segment import SegmentVersion
from shared.exports.manage import find_to_edit
from shared.exports.views import connection_of
from shared.people.audit_trail import record
from shared.runs.prepare.prepare import prepare, resolve_versions
from shared.runs.preview.discarding_storage import discarding
from shared.runs.preview.estimate import Estimate, estimate
from shared.runs.send.import_callbacks import address_of
from shared.runs.state.context import target_of
from shared.runs.state.parts import batches_per_part, read_batches
from shared.services import Services
from shared.storage.paths import layout_folder, part
from shared.transport.day_budget import used_today

BODIES = 3
"""How many request bodies are shown."""

_LAYOUT = "preview"  # nobody else lays anything out there

_SECONDS = (
    150.0  # for reading; an HTTP request ends after 230 on Azure, and comparing takes time, too
)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run that began now would do."""

    versions: Sequence[SegmentVersion]
    laid_out: Checkpoint
    bodies: Sequence[bytes]  # of the first requests, as the destination would get them
    estimate: Estimate
    notes: Sequence[Message]


async def preview(services: Services, caller: Caller, key: str, mode: Mode) -> Preview:
    """Do all that a run does before it sends, and keep nothing of it.

    Raise NotFound, NotAllowed, Conflict when the export has no connection that can be used or reading
    takes too long, BadSegment, NeedsAttention when the list is gone, or TryLater.
    """
    export = (await find_to_edit(services, caller, key, None)).value
    connection = await _connection(services, export)
    await record(
        services, Actor.of(caller.person), Action.EXPORT_PREVIEWED, export, mode=mode.value
    )
    now = services.clock.now()
    versions = await resolve_versions(services.storage, export, now)
    async with signed_in(services, connection) as (destination, api):
        # Where a run's own address for reports would stand.
        target = target_of(export, destination, address_of(services, "<run>", "<token>"))
        encoder = await destination.encoder(api, target)
    run = Run(
        export_id=export.id,
        key="preview",
        trigger=Trigger(kind=TriggerKind.ON_DEMAND, key="preview", at=now),
        target_digest=export.target_digest,
        mode=mode,
        versions=versions,
        created_at=now,
    )
    parts = ceil(BODIES / batches_per_part(destination.limits))
    kept = {part(layout_folder(run.id, _LAYOUT), number) for number in range(parts)}
    reading = replace(
        services, storage=discarding(services.storage, kept), kept_keys={}, wanted_keys={}
    )
    laid_out = await prepare(
        reading, run, _LAYOUT, export, encoder, destination.limits, _in_time(services.clock)
    )
    used = await _used_today(services, connection, destination)
    return Preview(
        versions,
        laid_out,
        await _bodies(reading, run, destination, target, laid_out),
        estimate(destination.limits, laid_out.batches, used, now),
        encoder.notes(),
    )


async def _connection(services: Services, export: Export) -> Connection:
    if export.connection_id is None:
        raise Conflict(Idle.DETACHED.reason)
    connection = await connection_of(services, export.connection_id)
    if connection is None:
        raise Conflict(say("The export's connection is not set up yet. Save the connection first."))
    connection.require(Move.USE)
    return connection


def _in_time(clock: Clock) -> Callable[[int], Awaitable[None]]:
    """Return what ends a preview that its caller would wait for in vain."""
    until = clock.monotonic() + _SECONDS

    async def report(rows: int) -> None:
        if clock.monotonic() > until:
            raise Conflict(
                say(
                    "After {rows} rows the preview has taken too long for one request. Preview an export "
                    "of a smaller segment with the same columns, or begin a run: before it sends, it says "
                    "how much, and it can be canceled.",
                    rows=rows,
                )
            )

    return report


async def _used_today(services: Services, connection: Connection, destination: Destination) -> int:
    if connection.account is None or destination.limits.requests_per_day is None:
        return 0
    lane = destination.lane(connection.account)
    return await used_today(services.storage.quotas, lane, services.clock.now())


async def _bodies(
    reading: Services, run: Run, destination: Destination, target: Target, laid_out: Checkpoint
) -> Sequence[bytes]:
    per_part, shown = batches_per_part(destination.limits), min(BODIES, laid_out.batches)
    folder = layout_folder(run.id, laid_out.layout)
    batches = read_batches(reading.storage.run_files, folder, per_part, range(shown))
    return [destination.body(target, batch) async for batch in batches]
