"""What the use cases need of storage, as protocols that tests can stand in for.

Every write that may race says how it is guarded. Names are case-sensitive; times are UTC.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel

from shared.domain.audit import Entry
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


class AlreadyExists(Exception):
    """Insert-if-absent found something there."""


class Stale(Exception):
    """The thing was changed or removed since it was read."""


class Missing(Exception):
    """There is no such blob, secret or record."""


class Unavailable(Exception):
    """Storage did not answer, or not in time; worth trying again."""


class Withheld(Exception):
    """Storage has the blob and does not give it out as it is; trying again changes nothing.

    `code` is the service's own word for why, such as BlobArchived.
    """

    def __init__(self, name: str, code: str) -> None:
        super().__init__(f"{name}: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Stored[T]:
    """A record with the key and the ETag under which it was read."""

    key: str
    value: T
    etag: str


class Trail[T: BaseModel](Protocol):
    """Records by (partition, key), sorted by key within a partition, that nothing changes or removes."""

    async def insert(self, partition: str, key: str, value: T) -> str:
        """Store a new record and return its ETag; raise AlreadyExists."""

    async def page(
        self, partition: str, *, after: str = "", before: str = "\uffff", limit: int = 100
    ) -> Sequence[Stored[T]]:
        """Return up to `limit` records, by key, with `after` < key < `before`.

        An `after` that can be no key is where no page has ended: it is taken for the beginning.
        """


class Guarded[T: BaseModel](Protocol):
    """Records by (partition, key) whose every change is guarded by an ETag."""

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Return the record, or None."""

    async def insert(self, partition: str, key: str, value: T) -> str:
        """Store a new record and return its ETag; raise AlreadyExists."""

    async def replace(self, partition: str, key: str, value: T, etag: str) -> str:
        """Replace the record that has this ETag and return the new one; raise Stale."""


class Records[T: BaseModel](Guarded[T], Trail[T], Protocol):
    """One table: records by (partition, key), sorted by key within a partition, that may change."""

    async def put(self, partition: str, key: str, value: T) -> None:
        """Store the record whatever was there."""

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Remove the record if it is there.

        With an ETag raise Stale unless it is the current one, also when the record is gone: of two
        callers that delete what they both read, one succeeds.
        """


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What a listing says of one blob."""

    name: str
    etag: str
    size: int  # bytes
    modified: datetime
    archived: bool = False  # in a tier from which nothing can be read, or on its way out of it


class Blobs(Protocol):
    """One blob container. What only marks a folder is no blob here.

    Blobs are given as they are stored, whatever their `Content-Encoding` says.
    """

    def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield the blobs whose name begins with `prefix`, by name."""

    async def info(self, name: str) -> BlobInfo | None:
        """Return what a listing would say of this blob, or None."""

    async def read(self, name: str) -> bytes:
        """Return the whole blob; raise Missing or Withheld."""

    def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield the blob in pieces of a few MiB.

        Raise Withheld or Missing; or, with an ETag, Stale as soon as the blob is not this version any
        more or is gone.
        """

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Return `size` bytes of this version of the blob, from `offset`; all of them must be there.

        Raise Stale when the blob is not this version any more or is gone, or Withheld.
        """

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Store the blob whatever was there; pieces are uploaded as they come, not all at once."""

    async def create(self, name: str, data: bytes) -> None:
        """Store a blob of which there is none yet; raise AlreadyExists."""

    async def delete(self, prefix: str) -> None:
        """Remove every blob whose name begins with `prefix`."""


class Leases(Protocol):
    """Exclusive rights that end by themselves after 60 seconds unless they are renewed."""

    async def acquire(self, name: str) -> str | None:
        """Return a lease id, or None when somebody else holds the lease."""

    async def renew(self, name: str, lease_id: str) -> bool:
        """Keep the lease for another 60 seconds; False when it is lost."""

    async def release(self, name: str, lease_id: str) -> None:
        """Give the lease back; doing it after losing it changes nothing."""

    async def is_held(self, name: str) -> bool:
        """Say whether anybody holds the lease now."""


class MessageQueue(Protocol):
    """The queue whose messages the slices function gets."""

    async def send(self, message: BaseModel, delay: float = 0) -> None:
        """Enqueue a message that becomes visible after `delay` seconds (at most seven days)."""


class Backlog(Protocol):
    """A queue that is only counted."""

    async def count(self) -> int:
        """Return about how many messages are in it, hidden ones too; 0 where there is no such queue."""


class SecretReader(Protocol):
    """A vault that is only read."""

    async def get(self, name: str) -> str:
        """Return a secret's value; raise Missing."""


class Secrets(SecretReader, Protocol):
    """The vault of the app's own secrets."""

    async def set(self, name: str, value: str) -> None:
        """Store a secret under a name that was never used before, or a new version of it."""

    async def delete(self, name: str) -> None:
        """Remove the secret if it is there."""


@dataclass(frozen=True, slots=True)
class Storage:
    """Every port, joined; what bootstrap makes of Azure and tests make of memory."""

    connections: Records[Connection]
    exports: Records[Export]
    placements: Records[Placement]
    runs: Records[Run]
    checkpoints: Guarded[Checkpoint]
    reported: Guarded[ReportedBytes]
    active_runs: Records[ActiveRun]
    newest_runs: Records[RunIndexEntry]
    ended_runs: Records[EndedRun]
    webhook_outbox: Records[OutboxMessage]
    lane_queues: Records[SliceMessage]  # by lane: the runs that wait for it
    due: Records[Due]
    oauth_states: Records[OAuthState]
    schedules: Records[RefreshSchedule]
    bookmarks: Records[Bookmark]
    request_keys: Records[AskedFor]  # by export, or of all; keys are digests
    quotas: Records[Quota]
    preferences: Records[Preferences]
    readings: Records[SegmentReading]
    audit: Trail[Entry]
    versions: Records[VersionStats]
    segments: Blobs
    run_files: Blobs
    delivered: Blobs
    lanes: Leases
    slices: MessageQueue
    poison_slices: Backlog  # messages of slices that were given up
    poison_arrivals: Backlog  # and events of files
    secrets: Secrets
    linked_secrets: SecretReader | None  # of a vault that belongs to somebody else
