"""Letting the runs of an export go one by one: what one has laid out is sent before the next is laid out.

Each compares with what the one before has delivered. If one overtook another that is still sending, older
values would arrive after newer ones, and would be taken for what was delivered last.
"""

from shared.domain.run import Phase, Run
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.paths import CHECKPOINT

_SOON = 10.0  # seconds between two looks
_LATE = 300.0  # the same where the other run waits for longer, such as for the next day


async def wait_for_another(services: Services, run: Run) -> float | None:
    """Return in how many seconds to look again while another run of the export is laid out, else None.

    Whoever asks has the lane, so none is being laid out meanwhile.
    """
    # The ids of an export's runs are its own id, a dot and a key; a slash sorts behind a dot.
    after, before = f"{run.export_id}.", f"{run.export_id}/"
    active = await services.storage.active_runs.page(ALL, after=after, before=before)
    for entry in active:
        if entry.key != run.id:
            checkpoint = await services.storage.checkpoints.get(entry.key, CHECKPOINT)
            if checkpoint and checkpoint.value.phase is not Phase.PREPARE:
                left = (entry.value.wakes_at - services.clock.now()).total_seconds()
                return min(max(left, _SOON), _LATE)
    return None
