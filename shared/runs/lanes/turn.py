"""Letting the runs of an export go one by one: what one has laid out is sent before the next is laid out.

Each compares with what the one before has delivered. If one overtook another that is still sending, older
values would arrive after newer ones, and would be taken for what was delivered last.
"""

from shared.domain.run import Checkpoint, Phase, Run
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.paths import CHECKPOINT, unique_name
from shared.storage.ports import AlreadyExists, Stale, Stored

_SOON = 10.0  # seconds between two looks
_LATE = 300.0  # the same where the other run waits for longer, such as for the next day


async def wait_for_another(services: Services, run: Run) -> float | None:
    """Return in how many seconds to look again while another run of the export is laid out, else None.

    Whoever asks has the lane, but a slice that was paused until it lost the lane may still be laying one
    out. After None it cannot say so any more: its checkpoint was moved.
    """
    # The ids of an export's runs are its own id, a dot and a key; a slash sorts behind a dot.
    after, before = f"{run.export_id}.", f"{run.export_id}/"
    active = await services.storage.active_runs.page(ALL, after=after, before=before)
    others = [entry for entry in active if entry.key != run.id]
    found = [await services.storage.checkpoints.get(each.key, CHECKPOINT) for each in others]
    for entry, checkpoint in zip(others, found, strict=True):
        if checkpoint and checkpoint.value.phase is not Phase.PREPARE:
            left = (entry.value.wakes_at - services.clock.now()).total_seconds()
            return min(max(left, _SOON), _LATE)
    try:
        for entry, checkpoint in zip(others, found, strict=True):
            await _fence(services, entry.key, checkpoint)
    except (AlreadyExists, Stale):
        return _SOON  # one of them has moved on this moment
    return None


async def _fence(services: Services, run_id: str, read: Stored[Checkpoint] | None) -> None:
    """Give a run a layout that nobody lays out; raise AlreadyExists or Stale if somebody was faster."""
    checkpoints, layout = services.storage.checkpoints, unique_name()
    if read is None:
        await checkpoints.insert(run_id, CHECKPOINT, Checkpoint(layout=layout))
    else:
        moved = read.value.model_copy(update={"layout": layout})
        await checkpoints.replace(run_id, CHECKPOINT, moved, read.etag)
