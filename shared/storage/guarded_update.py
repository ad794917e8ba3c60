"""Changing a record under its ETag: once more with the newer one when somebody else was faster."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from pydantic import BaseModel

from shared.storage.ports import AlreadyExists, Guarded, Stale, Stored

NOT_STORED = ""
"""The ETag of what is not there yet."""


class Contended(Exception):
    """Others changed the record each time that it was to be changed."""


async def guarded_update[T: BaseModel](
    records: Guarded[T],
    partition: str,
    key: str,
    absent: Callable[[], T],
    change: Callable[[Stored[T]], T],
    tries: int,
    around: Callable[[T, T], AbstractAsyncContextManager[None]] = lambda _, __: nullcontext(),
) -> Stored[T]:
    """Change a record, or what `absent` gives where there is none, and return it as it is now.

    Nothing is written where nothing changes. `around` is entered around a write, with what was there and
    what is written. Whatever `absent`, `change` and `around` raise is passed on; raise Contended.
    """
    for _ in range(tries):
        stored = await records.get(partition, key) or Stored(key, absent(), NOT_STORED)
        changed = change(stored)
        if changed == stored.value:
            return stored
        try:
            async with around(stored.value, changed):
                return Stored(key, changed, await _write(records, partition, stored, changed))
        except (AlreadyExists, Stale):
            continue
    raise Contended


async def _write[T: BaseModel](
    records: Guarded[T], partition: str, before: Stored[T], value: T
) -> str:
    if before.etag == NOT_STORED:
        return await records.insert(partition, before.key, value)
    return await records.replace(partition, before.key, value, before.etag)
