"""What is noted when a run ends: that it is to be forgotten some day, and that the webhook is to be told.

Both are noted before the run leaves the index of active runs, so a crash repeats it and loses nothing.
"""

from contextlib import suppress

import orjson

from shared.domain.run import Run
from shared.services import Services
from shared.storage.entries import ALL, DueTable, Ended, Notice
from shared.storage.ports import AlreadyExists


async def enter_end(services: Services, run: Run, connection_id: str) -> None:
    """Note that a run has ended; doing it twice is the same as doing it once."""
    storage, at = services.storage, run.finished_at or services.clock.now()
    key = f"{at:%Y%m%d%H%M%S%f}-{run.id}"
    entry = Ended(run_id=run.id, at=at, connection_id=connection_id)
    await storage.ended_runs.put(DueTable.ENDED, key, entry)
    if services.webhook is None:
        return
    notice = Notice(run_id=run.id, body=await _body(services, run), since=at, due_at=at)
    with suppress(AlreadyExists):
        await storage.notices.insert(DueTable.NOTICES, key, notice)


async def _body(services: Services, run: Run) -> str:
    """Return what the webhook is told: no personal data, and no words of others."""
    export = await services.storage.exports.get(ALL, run.export_id)
    progress = run.progress
    told = {
        "type": "run.ended",
        "timestamp": run.finished_at,
        "data": {
            "run_id": run.id,
            "export_id": run.export_id,
            "export_name": export.value.name if export else None,
            "status": run.status,
            "trigger": run.trigger.kind,
            "mode": run.mode,
            "created_at": run.created_at,
            "finished_at": run.finished_at,
            "rows_read": progress.rows_read if progress else 0,
            "counts": progress.counts.model_dump() if progress else {},
            "not_sent": progress.not_sent if progress else 0,
        },
    }
    return orjson.dumps(told).decode()
