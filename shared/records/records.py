"""Reading and changing configuration: found or refused, and changed under its ETag."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from pydantic import BaseModel

from shared.domain.clock import Clock
from shared.domain.errors import NotFound, Outdated
from shared.domain.message import Message
from shared.storage.entries import ALL
from shared.storage.guarded_update import Contended, guarded_update
from shared.storage.ports import Records, Stored

type ReadVersions = Collection[str] | None
"""The versions of which a caller has read one, by `version_of`; None is content with any."""

_TRIES = 3
_VERSION = 16  # hex digits; whoever could guess one may change the record anyway

LARGEST_PAGE = 1000
"""Records that one request of a table gives at most: for whoever reads all of them."""


@dataclass(frozen=True, slots=True)
class RecordMessages:
    """What to say of a kind of record. Whole sentences: languages bend the word for it in them."""

    none: Message  # that there is no such thing
    outdated: Message  # that it was changed since the caller read it
    busy: Message  # that others are changing it right now


def new_id(clock: Clock) -> str:
    """Return an id that nothing has yet; ids sort by age, so that lists have an order that stays."""
    return f"{int(clock.now().timestamp() * 1000):012x}{secrets.token_hex(8)}"


async def find[T: BaseModel](records: Records[T], key: str, messages: RecordMessages) -> Stored[T]:
    """Return a record; raise NotFound."""
    stored = await records.get(ALL, key)
    if stored is None:
        raise NotFound(messages.none)
    return stored


def version_of(etag: str) -> str:
    """Return what callers know a version of a record by: of what storage calls it they learn nothing."""
    return hashlib.sha256(etag.encode()).hexdigest()[:_VERSION]


def is_current[T](stored: Stored[T], read: ReadVersions) -> bool:
    """Say whether a record is a version that a caller read."""
    return read is None or version_of(stored.etag) in read


def require_current[T](stored: Stored[T], read: ReadVersions, messages: RecordMessages) -> None:
    """Raise Outdated when a caller read another version."""
    if not is_current(stored, read):
        raise Outdated(messages.outdated)


async def update[T: BaseModel](
    records: Records[T],
    key: str,
    messages: RecordMessages,
    read: ReadVersions,
    change: Callable[[T], T],
    recording: Callable[[T, T], AbstractAsyncContextManager[None]],
) -> Stored[T]:
    """Change a record and return it as it is now; raise NotFound or Outdated.

    `change` may raise a refusal. Unless the caller read a certain version it is asked again, with the newer
    record, when somebody else writes in between. `recording` gets the record
    before and after, and records that before it lets the change be stored.
    """

    def absent() -> T:
        raise NotFound(messages.none)

    def changed(stored: Stored[T]) -> T:
        require_current(stored, read, messages)
        return change(stored.value)

    try:
        return await guarded_update(records, ALL, key, absent, changed, _TRIES, recording)
    except Contended:
        raise Outdated(messages.busy) from None


async def scan[T: BaseModel](
    records: Records[T], partition: str = ALL, after: str = "", size: int = 100
) -> AsyncIterator[Stored[T]]:
    """Yield the records of a partition whose key is greater than `after`, reading `size` at a time."""
    while page := await records.page(partition, after=after, limit=size):
        for stored in page:
            yield stored
        if len(page) < size:
            return
        after = page[-1].key
