"""Many connections and exports, put into storage as copies of two that were made through the API."""

import asyncio
from collections.abc import Iterable
from typing import Any

from local.stack import Stack
from shared.connections.index import placed
from shared.domain.clock import SystemClock
from shared.records.bulk import each_of
from shared.records.records import new_id
from shared.settings import Settings, StorageAccount
from shared.storage.clients import OpenStorage, open_storage
from shared.storage.entries import ALL


def fill(stack: Stack, connection: str, export: str, connections: int, exports: int) -> None:
    """Add so many copies of a connection, and of an export, spread over these connections."""
    given: dict[str, Any] = {name.lower(): text for name, text in stack.settings.items()}
    account = StorageAccount(DataStorage=stack.settings["DataStorage"])
    settings = Settings(**given | {"storage": account})
    asyncio.run(_fill(settings, connection, export, connections, exports))


async def _fill(
    settings: Settings, connection: str, export: str, connections: int, exports: int
) -> None:
    storage = open_storage(settings)
    try:
        keys = await _copy_connections(storage, connection, connections)
        await _copy_exports(storage, export, [keys[n % len(keys)] for n in range(exports)])
    finally:
        await storage.close()


async def _copy_connections(storage: OpenStorage, key: str, count: int) -> list[str]:
    original = await storage.connections.get(ALL, key)
    assert original

    async def copy(number: int) -> str:
        new = {"id": new_id(SystemClock()), "display_name": f"Account {number}"}
        made = original.value.model_copy(update=new)
        await storage.connections.insert(ALL, made.id, made)
        return made.id

    return await each_of(range(count), copy)


async def _copy_exports(storage: OpenStorage, key: str, connections: Iterable[str]) -> None:
    original = await storage.exports.get(ALL, key)
    assert original

    async def copy(numbered: tuple[int, str]) -> None:
        number, connection = numbered
        new = {"id": new_id(SystemClock()), "name": f"Copy {number}", "connection_id": connection}
        made = original.value.model_copy(update=new)
        async with placed(storage, None, made):
            await storage.exports.insert(ALL, made.id, made)

    await each_of(enumerate(connections), copy)
