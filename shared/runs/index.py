"""The index of all runs by age, since runs themselves are stored by export.

An entry is there before the run is and goes after it, so some tell of a run that was never made.
"""

import asyncio

from shared.domain.run import Run, split_run_id
from shared.storage.entries import RunIndexEntry, RunsTable
from shared.storage.ports import Storage


async def enter(storage: Storage, run_id: str) -> None:
    """Enter a run that is about to be stored; doing it twice is the same as doing it once."""
    await storage.newest_runs.put(RunsTable.NEWEST, _key(run_id), RunIndexEntry(run_id=run_id))


async def remove(storage: Storage, run_id: str) -> None:
    """Remove the entry of a run that was removed."""
    await storage.newest_runs.delete(RunsTable.NEWEST, _key(run_id))


async def newest_runs(storage: Storage, after: str, limit: int) -> tuple[list[Run], str | None]:
    """Return a page of runs, newest first, and the key that the next one begins behind; None at the end.

    `after` is empty or what an earlier page ended with.
    """
    found: list[tuple[str, Run]] = []
    while len(found) <= limit:
        want = limit + 1 - len(found)
        page = await storage.newest_runs.page(RunsTable.NEWEST, after=after, limit=want)
        ids = (split_run_id(each.value.run_id) for each in page)
        runs = await asyncio.gather(*(storage.runs.get(*each) for each in ids))
        found += [(at.key, run.value) for at, run in zip(page, runs, strict=True) if run]
        if len(page) < want:
            return [run for _, run in found], None
        after = page[-1].key
    return [run for _, run in found[:limit]], found[limit - 1][0]


def _key(run_id: str) -> str:
    """Return the key of a run's entry: keys of runs sort by age, and those one file began have the same."""
    export_id, key = split_run_id(run_id)
    return f"{key}.{export_id}"
