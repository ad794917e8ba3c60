"""Ending a run that has not sent everything: what it delivered is kept, and every row is accounted for."""

from shared.domain.message import Message, say
from shared.domain.run import Run, RunStatus, SliceMessage, split_run_id
from shared.runs.ending import end_run
from shared.runs.send.batch_sender import unanswered
from shared.runs.send.poller import PollResult, RunFiles, unknown
from shared.runs.send.recorder import NoRequests, Recorder
from shared.runs.send.settle import settle_part
from shared.runs.state.checkpoint import Fenced, OpenCheckpoint
from shared.runs.state.context import Order, order_of
from shared.runs.state.delivered import digest_key, digest_with, state_of
from shared.runs.state.parts import batches_per_part, read_batches
from shared.runs.timeline import canceled
from shared.services import Services
from shared.storage.ports import Missing, Stale, Stored
from shared.telemetry.logs import about_run, event

_UNTOLD = say("The run ended before the destination said what became of it.")


async def break_off(
    services: Services,
    order: Order,
    stored: Stored[Run],
    checkpoint: OpenCheckpoint,
    status: RunStatus,
    text: Message | None = None,
) -> None:
    """End a run where it is; raise Fenced or Stale when somebody else works on it.

    `checkpoint` was read before `stored`. So whoever claims the run later finds its checkpoint
    changed, and stops before it settles anything. Without a text it is said what became of the rows.
    """
    limits = services.destinations[order.connection.destination].limits
    try:
        await _account(services, order, stored.value, checkpoint)
        await settle_part(services, stored.value, checkpoint.value, limits)
    except Missing:
        await _forget(services, stored.value)
    said = text or canceled(checkpoint.value.as_last_progress())
    await end_run(services, stored, status, said)


async def end_without(services: Services, stored: Stored[Run], why: Message) -> None:
    """Cancel a run whose order is gone."""
    await _forget(services, stored.value)
    await end_run(services, stored, RunStatus.CANCELED, why)


async def fail_run(services: Services, message: SliceMessage) -> None:
    """Close a run whose message the queue gave up after its last try."""
    with about_run(message.run_id):
        event("message_given_up")
    storage = services.storage
    checkpoint = await OpenCheckpoint.read(storage.checkpoints, message.run_id)
    stored = await storage.runs.get(*split_run_id(message.run_id))
    if stored is None or stored.value.status.is_over or checkpoint.value.slice != message.slice:
        return
    order = await order_of(services, stored.value)
    why = stored.value.reason or say("It never said why.")
    text = say("Given up: several tries in a row ended in the same way. {why}", why=why)
    try:
        if isinstance(order, Order):
            failed = RunStatus.FAILED_PERMANENT
            await break_off(services, order, stored, checkpoint, failed, text)
        else:
            await end_without(services, stored, order)
    except (Fenced, Stale):
        return  # a slice is working on it after all


async def _account(services: Services, order: Order, run: Run, checkpoint: OpenCheckpoint) -> None:
    """Count as unknown what may have arrived, and what the destination has not told the end of."""
    files, limits = (
        services.storage.run_files,
        services.destinations[order.connection.destination].limits,
    )
    now = checkpoint.value
    recorder = Recorder(
        services.clock,
        run,
        files,
        RunFiles(files, run.id, limits),
        checkpoint,
        digest_with(await digest_key(services.storage.secrets)),
        NoRequests(),
    )
    in_doubt = min(now.batches, now.batches_done + now.under_way)
    batches = read_batches(files, run.id, batches_per_part(limits), now.batches_done, in_doubt)
    answers = [unanswered(batch, _UNTOLD) async for batch in batches]
    untold = [unknown(job, _UNTOLD) for job in now.jobs if job.failed is None]
    await recorder.record(answers, PollResult(finished=untold))
    await recorder.expect(0)


async def _forget(services: Services, run: Run) -> None:
    """Forget what the list was told last: nobody can tell any more what of it is still right."""
    await services.storage.delivered.delete(state_of(run))
