"""Where records lie in each table: partitions, fixed keys, and the entries of indexes."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from shared.domain.run import Mode

ALL = "all"
"""The partition of a table's main records, where nothing else divides them."""

REFRESH = "refresh"
"""The key of the refresh schedule in `settings`, and what its entry in `due` is of."""


class DueTable:
    """Partitions of the table `due`, beside ALL (runs that are not over) and one a lane (who waits)."""

    SCHEDULES = "schedules"  # what schedules make due; keys begin with the instant
    ENDED = "ended"  # runs that are over; keys begin with when they ended
    OUTBOX = "notices"  # what the webhook is still to be told


class RunsTable:
    """Partitions of the table `runs`, beside one an export."""

    NEWEST = "newest"  # where the runs of all exports are, the newest first


class SettingsTable:
    """Partitions of the table `settings`, beside ALL (the refresh schedule)."""

    BOOKMARKS = "bookmarks"  # how far periodic tasks have come
    CANCELS = "cancels"  # when somebody asked to cancel a run; keys are ids of runs
    PREFERENCES = "preferences"  # what people prefer; keys are digests of their ids
    READINGS = "readings"  # how segments are read; keys are digests of their names
    QUOTAS = "quotas"  # what lanes have used up; keys are names of lanes
    RUN_ALL = "run-all"  # when a request to run all exports first came


class OAuthState(BaseModel, frozen=True):
    """A sign-in that began: who began it, for which connection."""

    connection_id: str
    by_id: str
    by_name: str
    expires_at: datetime
    browser: str | None = (
        None  # a digest of the key of the one that it is bound to; None if to none
    )
    allow_other_account: bool = False


class Placement(BaseModel, frozen=True):
    """The entry of the index that says: this export is on this connection."""

    connection_id: str


class ActiveRun(BaseModel, frozen=True, validate_by_name=True, serialize_by_alias=True):
    """The entry of the due index that says: this run is not over yet."""

    run_id: str
    connection_id: str
    lane: str
    wakes_at: datetime  # when a message or a slice should next move it
    # Whether it waits in the queue of its lane, to be called by whoever has that.
    in_queue: bool = Field(default=False, alias="in_line")


class Due(BaseModel, frozen=True):
    """The entry of the due index that says: look at this at that instant.

    It is a hint. Whether something is due then is up to the schedule as it is by that time.
    """

    of: str  # the id of an export, or REFRESH
    at: datetime
    claimed: datetime | None = (
        None  # the instant that somebody has begun to run: `at` or a newer one
    )
    after: str = ""  # of a refresh: the export up to which runs have begun


class RunIndexEntry(BaseModel, frozen=True):
    """The entry of the index of runs by age that says: there is this run, or there was going to be."""

    run_id: str


class EndedRun(BaseModel, frozen=True):
    """The entry of the due index that says: this run ended then, and is to be forgotten some day."""

    run_id: str
    at: datetime
    connection_id: str


class ReportedBytes(BaseModel, frozen=True):
    """How much of a run's reports was taken."""

    taken: int = 0


class OutboxMessage(BaseModel, frozen=True):
    """What the webhook is still to be told. Its id is its key, which stays the same at every try."""

    run_id: str
    body: str
    since: datetime
    tries: int = 0
    due_at: datetime


class Bookmark(BaseModel, frozen=True):
    """How far a periodic task has come."""

    at: datetime


class AskedFor(BaseModel, frozen=True):
    """What a caller asked for when they first used an `Idempotency-Key`, and when."""

    at: datetime
    mode: Mode
    joined: str = ""  # the id of the run that does it; empty: one that the key itself began


class Quota(BaseModel, frozen=True):
    """What a lane has used up of the requests that it may make, and how slowly it is asked."""

    day: date = date.min  # UTC
    used: int = 0  # requests on that day
    by_people: int = 0  # those of them that runs did not make
    slowness: float = 1.0  # times slower than the limits allow: 1 / Share.size of transport
    slowness_at: datetime | None = None  # Share.at; None in records of earlier versions
    halvings: int = 0  # as in Share
    refusals: int = 0  # as in Share
    jobs_of: str = ""  # the run that last began jobs, where the destination lists them
