"""Waking runs: the message that does it, and the time in the index that tells the sweep of lost ones."""

from datetime import timedelta

from shared.domain.run import SliceMessage
from shared.services import Services
from shared.storage.entries import ALL


async def wake(services: Services, message: SliceMessage, delay: float) -> None:
    """Enqueue a run's next slice after `delay` seconds, and tell the sweep when to expect it."""
    await schedule(services, message.run_id, delay)
    await services.storage.slices.send(message, delay)


async def schedule(
    services: Services, run_id: str, delay: float, *, in_queue: bool = False
) -> None:
    """Tell the sweep when a run should next show a sign of life, and whether its lane's queue has it."""
    entry = await services.storage.active_runs.get(ALL, run_id)
    if entry is not None:
        at = services.clock.now() + timedelta(seconds=delay)
        await services.storage.active_runs.put(
            ALL, run_id, entry.value.model_copy(update={"wakes_at": at, "in_queue": in_queue})
        )
