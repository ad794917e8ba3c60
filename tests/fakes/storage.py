"""The storage ports in memory, with the guards of the real ones.

Values are kept as JSON, so that what does not survive the way to storage and back does not survive
it here either. Nothing here is ever Unavailable, and nothing takes time.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from math import ceil
from typing import Any
from uuid import uuid4

from pydantic import BaseModel

from shared.domain.audit import Entry
from shared.domain.clock import Clock
from shared.domain.connection import Connection
from shared.domain.export import Export
from shared.domain.people import Preferences
from shared.domain.reading import SegmentReading
from shared.domain.run import Checkpoint, Run, SliceMessage
from shared.domain.schedule import RefreshSchedule
from shared.domain.segment import VersionStats
from shared.storage.entries import (
    ActiveRun,
    AskedFor,
    Bookmark,
    Due,
    EndedRun,
    OAuthState,
    OutboxMessage,
    Placement,
    Quota,
    ReportedBytes,
    RunIndexEntry,
)
from shared.storage.limits import (
    LEASE_SECONDS,
    check_delay,
    check_message,
    check_record,
    check_secret,
    check_table_key,
    is_table_key,
    may_begin_blob,
)
from shared.storage.ports import (
    AlreadyExists,
    BlobInfo,
    Missing,
    Stale,
    Storage,
    Stored,
    Unavailable,
    Withheld,
)

_etags = count(1)


def number_etags_anew() -> None:
    """Begin the ETags at 1 again, so that whatever is derived from them is the same every time."""
    global _etags
    _etags = count(1)


def _new_etag() -> str:
    return f'"0x{next(_etags):016X}"'


class MemoryTrail[T: BaseModel]:
    """A table that is only added to.

    It sorts by code point; Azure may differ for characters of two UTF-16 units.
    """

    def __init__(self, model: type[T]) -> None:
        self._model = model
        self._records: dict[tuple[str, str], tuple[str, str]] = {}  # JSON and ETag

    async def insert(self, partition: str, key: str, value: T) -> str:
        """Store a new record and return its ETag; raise AlreadyExists."""
        if (partition, key) in self._records:
            raise AlreadyExists(f"{partition}/{key}")
        return self._write(partition, key, value)

    async def page(
        self, partition: str, *, after: str = "", before: str = "\uffff", limit: int = 100
    ) -> Sequence[Stored[T]]:
        """Return up to `limit` records whose key lies between `after` and `before`."""
        after = after if is_table_key(after) else ""
        keys = sorted(k for p, k in self._records if p == partition and after < k < before)
        return [self._stored(partition, key) for key in keys[:limit]]

    def __str__(self) -> str:
        """Return all that is kept, as text."""
        return str(self._records)

    def _stored(self, partition: str, key: str) -> Stored[T]:
        body, etag = self._records[partition, key]
        return Stored(key, self._model.model_validate_json(body), etag)

    def _write(self, partition: str, key: str, value: T) -> str:
        body = value.model_dump_json()
        check_table_key(partition, key)
        check_record(body)
        etag = _new_etag()
        self._records[partition, key] = (body, etag)
        return etag


def kept_in(trail: MemoryTrail[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield partition, key and JSON of every record, in the order in which they were first stored."""
    yield from ((*at, body) for at, (body, _) in trail._records.items())


def keep_in(trail: MemoryTrail[Any], partition: str, key: str, body: str, etag: str) -> None:
    """Have a record in a table as another storage had it."""
    trail._records[partition, key] = (body, etag)


class MemoryRecords[T: BaseModel](MemoryTrail[T]):
    """A table."""

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return the record, or None."""
        return self._stored(partition, key) if (partition, key) in self._records else None

    async def replace(self, partition: str, key: str, value: T, etag: str) -> str:
        """Replace the record that has this ETag and return the new one; raise Stale."""
        self._require_current(partition, key, etag)
        return self._write(partition, key, value)

    async def put(self, partition: str, key: str, value: T) -> None:
        """Store the record whatever was there."""
        self._write(partition, key, value)

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Remove the record if it is there; with an ETag raise Stale unless that is current."""
        if etag is not None:
            self._require_current(partition, key, etag)
        self._records.pop((partition, key), None)

    def _require_current(self, partition: str, key: str, etag: str) -> None:
        if self._records.get((partition, key), ("", ""))[1] != etag:
            raise Stale(f"{partition}/{key}")


class MemoryBlobs:
    """A container. `piece` is the size in bytes of what `stream` yields at a time.

    As on Azure nothing is read of a blob in the archive tier, and its ETag and time stay as they are when
    it comes or goes; whoever holds a lease keeps nobody from reading. Other refusals can be planted.
    """

    def __init__(self, clock: Clock, piece: int = 4 * 1024 * 1024) -> None:
        self._clock = clock
        self._piece = piece
        self._blobs: dict[str, tuple[bytes, BlobInfo]] = {}
        self._folders: set[str] = set()
        self._refusals: dict[str, Exception] = {}

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield the blobs whose name begins with `prefix`, by name."""
        for name in sorted(self._blobs) if may_begin_blob(prefix) else ():
            if name.startswith(prefix) and (info := await self.info(name)):
                yield info

    async def info(self, name: str) -> BlobInfo | None:
        """Return what a listing would say of this blob, or None."""
        return self._blobs[name][1] if name in self._blobs and name not in self._folders else None

    async def read(self, name: str) -> bytes:
        """Return the whole blob; raise Missing."""
        return self._current(name, None)[0]

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield one version of the blob in pieces; raise Missing, or Stale once it is replaced."""
        data, info = self._current(name, etag)
        for start in range(0, len(data), self._piece):
            if start:
                self._current(name, info.etag)
            yield data[start : start + self._piece]

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Return `size` bytes of this version of the blob, from `offset`; raise Stale."""
        data, _ = self._current(name, etag)
        if offset + size > len(data):
            raise ValueError(f"{name}: {offset} + {size} of {len(data)} bytes")
        return data[offset : offset + size]

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Store the blob whatever was there; pieces replace it once the last of them has come."""
        whole = data if isinstance(data, bytes) else b"".join([piece async for piece in data])
        self._blobs[name] = (whole, BlobInfo(name, _new_etag(), len(whole), self._clock.now()))

    async def create(self, name: str, data: bytes) -> None:
        """Store a blob of which there is none yet; raise AlreadyExists."""
        if name in self._blobs:
            raise AlreadyExists(name)
        await self.write(name, data)

    async def delete(self, prefix: str) -> None:
        """Remove every blob whose name begins with `prefix`."""
        for name in [name for name in self._blobs if name.startswith(prefix)]:
            del self._blobs[name]

    def __str__(self) -> str:
        """Return all that is kept, as text."""
        return str(self._blobs)

    def kept(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of every blob."""
        yield from ((name, data) for name, (data, _) in self._blobs.items())

    def mark_folder(self, name: str) -> None:
        """Have a blob of no bytes that stands for a folder (`hdi_isfolder`)."""
        self.keep(name, b"", _new_etag(), self._clock.now())
        self._folders.add(name)

    def archive(self, name: str, archived: bool = True) -> None:
        """Move a blob to the archive tier, or out of it."""
        data, info = self._blobs[name]
        self._blobs[name] = (data, replace(info, archived=archived))

    def withhold(self, name: str, code: str) -> None:
        """Have storage refuse to give out a blob, for a reason of its own."""
        self._refusals[name] = Withheld(name, code)

    def put_out_of_reach(self, name: str) -> None:
        """Have storage not answer when a blob is read."""
        self._refusals[name] = Unavailable(name)

    def give_out(self, name: str) -> None:
        """Have storage give out a blob again."""
        self._refusals.pop(name)

    def keep(self, name: str, data: bytes, etag: str, modified: datetime) -> None:
        """Have a blob as another storage had it."""
        self._blobs[name] = (data, BlobInfo(name, etag, len(data), modified))

    def _current(self, name: str, etag: str | None) -> tuple[bytes, BlobInfo]:
        there = self._blobs.get(name)
        if etag is not None and (there is None or there[1].etag != etag):
            raise Stale(name)
        if there is None:
            raise Missing(name)
        if there[1].archived:
            raise Withheld(name, "BlobArchived")
        if name in self._refusals:
            raise self._refusals[name]
        return there


class MemoryLeases:
    """Leases that end when the clock says so.

    A lease that ended is lost at once; Azure would still renew it as long as nobody else took it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[str, float]] = {}  # lease id, and when it ends

    async def acquire(self, name: str) -> str | None:
        """Return a lease id, or None when somebody else holds the lease."""
        if await self.is_held(name):
            return None
        return self._hold(name, str(uuid4()))

    async def renew(self, name: str, lease_id: str) -> bool:
        """Keep the lease for another 60 seconds; False when it is lost."""
        if self._holder(name) != lease_id:
            return False
        self._hold(name, lease_id)
        return True

    async def release(self, name: str, lease_id: str) -> None:
        """Give the lease back; doing it after losing it changes nothing."""
        if self._holder(name) == lease_id:
            del self._held[name]

    async def is_held(self, name: str) -> bool:
        """Say whether anybody holds the lease now."""
        return self._holder(name) is not None

    def take_away(self, name: str) -> None:
        """End whatever lease there is, as an operator can."""
        self._held.pop(name, None)

    def _hold(self, name: str, lease_id: str) -> str:
        self._held[name] = (lease_id, self._clock.monotonic() + LEASE_SECONDS)
        return lease_id

    def _holder(self, name: str) -> str | None:
        lease_id, ends = self._held.get(name, (None, 0.0))
        return lease_id if self._clock.monotonic() < ends else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in a queue, and when it can be received."""

    message: BaseModel
    visible_at: datetime


class MemoryQueue:
    """A queue that tests empty by hand; it counts no deliveries and hides nothing it handed out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.waiting: list[Waiting] = []

    async def send(self, message: BaseModel, delay: float = 0) -> None:
        """Enqueue a message that becomes visible after `delay` seconds."""
        check_message(message.model_dump_json())
        check_delay(delay)
        visible_at = self._clock.now() + timedelta(seconds=ceil(delay))
        self.waiting.append(Waiting(message, visible_at))

    async def count(self) -> int:
        """Return how many messages are in it."""
        return len(self.waiting)

    def take(self) -> list[BaseModel]:
        """Remove the messages that are visible now and return them, the earliest first."""
        now = self._clock.now()
        due = sorted(
            (w for w in self.waiting if w.visible_at <= now), key=lambda waiting: waiting.visible_at
        )
        self.waiting = [waiting for waiting in self.waiting if waiting.visible_at > now]
        return [waiting.message for waiting in due]


class MemorySecrets:
    """A vault with soft-delete, so that a deleted name stays taken. It keeps no old versions."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._deleted: set[str] = set()

    async def get(self, name: str) -> str:
        """Return a secret's value; raise Missing."""
        if name not in self._values:
            raise Missing(name)
        return self._values[name]

    async def set(self, name: str, value: str) -> None:
        """Store a secret, or a new version of it; raise AlreadyExists for a deleted name."""
        check_secret(name, value)
        if name in self._deleted:
            raise AlreadyExists(name)
        self._values[name] = value

    async def delete(self, name: str) -> None:
        """Remove the secret if it is there."""
        if self._values.pop(name, None) is not None:
            self._deleted.add(name)


def names_in(secrets: MemorySecrets) -> list[str]:
    """Return the names of the secrets that are there."""
    return list(secrets._values)


class WatchedSecrets(MemorySecrets):
    """A vault that remembers all that was ever stored in it, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.stored: dict[str, list[str]] = {}

    async def set(self, name: str, value: str) -> None:
        """Store a secret."""
        await super().set(name, value)
        self.stored.setdefault(name, []).append(value)


def memory_storage(clock: Clock) -> Storage:
    """Return every port, empty; the class of each is the one above."""
    return Storage(
        connections=MemoryRecords(Connection),
        exports=MemoryRecords(Export),
        placements=MemoryRecords(Placement),
        runs=MemoryRecords(Run),
        checkpoints=MemoryRecords(Checkpoint),
        reported=MemoryRecords(ReportedBytes),
        active_runs=MemoryRecords(ActiveRun),
        newest_runs=MemoryRecords(RunIndexEntry),
        ended_runs=MemoryRecords(EndedRun),
        webhook_outbox=MemoryRecords(OutboxMessage),
        lane_queues=MemoryRecords(SliceMessage),
        due=MemoryRecords(Due),
        oauth_states=MemoryRecords(OAuthState),
        schedules=MemoryRecords(RefreshSchedule),
        bookmarks=MemoryRecords(Bookmark),
        request_keys=MemoryRecords(AskedFor),
        quotas=MemoryRecords(Quota),
        readings=MemoryRecords(SegmentReading),
        preferences=MemoryRecords(Preferences),
        audit=MemoryTrail(Entry),
        versions=MemoryRecords(VersionStats),
        segments=MemoryBlobs(clock),
        run_files=MemoryBlobs(clock),
        delivered=MemoryBlobs(clock),
        lanes=MemoryLeases(clock),
        slices=MemoryQueue(clock),
        poison_slices=MemoryQueue(clock),
        poison_arrivals=MemoryQueue(clock),
        secrets=MemorySecrets(),
        linked_secrets=None,
    )
