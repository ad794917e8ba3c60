"""The newest runs of all exports."""

import asyncio
from collections.abc import Sequence

from shared.domain.run import Run
from shared.exports.read_runs import list_runs
from shared.exports.services import Services
from shared.exports.stored import everything

_AT_ONCE = 16  # queries


async def recent_runs(services: Services, after: str, limit: int) -> tuple[list[Run], str | None]:
    """Return a page of runs, newest first, and where the next one begins.

    `after` is empty or what an earlier page ended with. Runs are stored by export, so this asks for
    a page of each export and merges them: one small query for every export there is.
    """
    place = _place(after)
    turns = asyncio.Semaphore(_AT_ONCE)

    async def of(export_id: str) -> Sequence[Run]:
        # Runs of two exports that one file began have the same key, so the export decides between
        # them: ask from just before the key and drop what was shown.
        async with turns:
            stored = await list_runs(services, export_id, place[0][:-1], limit + 2)
        return [each.value for each in stored if (each.key, export_id) > place]

    exports = [stored.key async for stored in everything(services.storage.exports)]
    pages = await asyncio.gather(*map(of, exports))
    runs = sorted((run for page in pages for run in page), key=lambda run: (run.key, run.export_id))
    if len(runs) <= limit:
        return runs, None
    last = runs[limit - 1]
    return runs[:limit], f"{last.key}.{last.export_id}"


def _place(after: str) -> tuple[str, str]:
    key, _, export_id = after.partition(".")
    return key, export_id
