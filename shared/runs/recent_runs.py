"""The newest runs of all exports: an index by age, since runs are stored by export.

An entry is there before the run is and goes after it, so some tell of a run that was never made.
"""

import asyncio

from shared.domain.run import Run, split_run_id
from shared.services import Services
from shared.storage.entries import Place, RunsTable


async def enter_newest(services: Services, run: Run) -> None:
    """Enter a run that is about to be stored; doing it twice is the same as doing it once."""
    await services.storage.newest_runs.put(RunsTable.NEWEST, _place(run.id), Place(run_id=run.id))


async def forget_newest(services: Services, run_id: str) -> None:
    """Remove the entry of a run that was removed."""
    await services.storage.newest_runs.delete(RunsTable.NEWEST, _place(run_id))


async def recent_runs(services: Services, after: str, limit: int) -> tuple[list[Run], str | None]:
    """Return a page of runs, newest first, and where the next one begins.

    `after` is empty or what an earlier page ended with.
    """
    found: list[tuple[str, Run]] = []
    while len(found) <= limit:
        want = limit + 1 - len(found)
        page = await services.storage.newest_runs.page(RunsTable.NEWEST, after=after, limit=want)
        ids = (split_run_id(each.value.run_id) for each in page)
        runs = await asyncio.gather(*(services.storage.runs.get(*each) for each in ids))
        found += [(at.key, run.value) for at, run in zip(page, runs, strict=True) if run]
        if len(page) < want:
            return [run for _, run in found], None
        after = page[-1].key
    return [run for _, run in found[:limit]], found[limit - 1][0]


def _place(run_id: str) -> str:
    export_id, key = split_run_id(run_id)
    return (
        f"{key}.{export_id}"  # keys sort by age, and exports that one file runs have the same one
    )
