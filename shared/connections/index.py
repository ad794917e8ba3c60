"""Which exports are on a connection: an index, since there may be too many exports to look at each.

An entry is there before the export is, and goes after it has gone. So it may tell of an export that is
elsewhere, or was never made, and the export itself has the last word; but no export is on a connection
that the index does not tell of.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.domain.export import Export
from shared.records.bulk import each_of
from shared.records.records import LARGEST_PAGE, scan
from shared.storage.entries import ALL, Placement
from shared.storage.ports import Stale, Storage


@asynccontextmanager
async def placed(
    storage: Storage, before: Export | None, after: Export | None
) -> AsyncIterator[None]:
    """Keep the index right while the body moves an export; None is an export that is not there."""
    records = storage.placements
    was, now = (each.connection_id if each else None for each in (before, after))
    if was == now:
        yield
        return
    left = await records.get(_on(was), before.id) if before and was else None
    if after and now:
        await records.put(_on(now), after.id, Placement(connection_id=now))
    yield
    if was and left:
        with suppress(Stale):  # it was put back on this connection in the meantime
            await records.delete(_on(was), left.key, left.etag)


async def exports_on(storage: Storage, connection_id: str) -> list[str]:
    """Return the names of the exports on a connection, the oldest first."""
    placements = scan(storage.placements, _on(connection_id), size=LARGEST_PAGE)
    keys = [stored.key async for stored in placements]

    async def name(key: str) -> str | None:
        stored = await storage.exports.get(ALL, key)
        return stored.value.name if stored and stored.value.connection_id == connection_id else None

    return [found for found in await each_of(keys, name) if found is not None]


def _on(connection_id: str) -> str:
    return f"on-{connection_id}"
