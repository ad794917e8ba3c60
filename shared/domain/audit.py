"""The audit trail: who did what to which thing, and when."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, JsonValue

from shared.domain.people import Person

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 9_999_999_999_999_999  # microseconds; subtracted from, so that newer entries sort first

type Snapshot = dict[str, JsonValue]
"""Members of a thing with their values; never a secret, a secret's name or an address of a profile."""


class ActorKind(StrEnum):
    """What kind of actor did something."""

    PERSON = "person"
    SYSTEM = "system"  # the app by itself: a file landed, a schedule was due
    DESTINATION = "destination"  # it no longer lets us in, or does again


class Actor(BaseModel, frozen=True):
    """Who did something, under the name of that time."""

    kind: ActorKind
    id: str
    name: str

    @classmethod
    def of(cls, person: Person) -> Self:
        """Return a person as an actor."""
        return cls(kind=ActorKind.PERSON, id=person.id, name=person.name)


SYSTEM = Actor(kind=ActorKind.SYSTEM, id="system", name="Segment Exports")


class Action(StrEnum):
    """Everything that is recorded."""

    CONNECTION_CREATED = "connection.created"
    CONNECTION_CHANGED = "connection.changed"
    CONNECTION_CONSENTED = "connection.consented"
    SIGN_IN_BEGUN = "connection.sign_in_begun"
    SIGN_IN_FINISHED = "connection.sign_in_finished"
    SIGN_IN_REFUSED = "connection.sign_in_refused"
    LINKED_KEY_TRIED = "connection.linked_key_tried"
    KEY_CONNECTED = "connection.key_connected"
    EXPORT_USER_ADDED = "connection.export_user_added"
    CONNECTION_SAVED = "connection.saved"
    CONNECTION_CHECKED = "connection.checked"
    SIGN_IN_NEEDED = "connection.needs_sign_in"
    CONNECTION_MENDED = "connection.mended"
    CONNECTION_REMOVED = "connection.removed"
    EXPORT_CREATED = "export.created"
    EXPORT_CHANGED = "export.changed"
    EXPORT_COPIED = "export.copied"  # and so created
    EXPORT_DETACHED = "export.detached"
    EXPORT_ATTACHED = "export.attached"
    EXPORT_SCHEDULED = "export.scheduled"
    EXPORT_REMOVED = "export.removed"
    EXPORT_PREVIEWED = "export.previewed"  # which shows addresses
    SCHEDULE_CHANGED = "refresh_schedule.changed"
    READING_CHANGED = "reading.changed"
    READING_REMOVED = "reading.removed"
    READING_TRIED = "reading.tried"  # which shows rows
    RUN_STARTED = "run.started"
    RUN_JOINED = "run.joined"  # one that a schedule began and nobody may skip from now on
    RUN_CANCELED = "run.canceled"  # asked for; it ends a moment later
    REJECTS_VIEWED = "rejects.viewed"  # once for each person, run and hour
    REJECTS_DOWNLOADED = "rejects.downloaded"  # as earlier versions told of the same


class ObjectKind(StrEnum):
    """What kind of thing something was done to. A run is part of its export."""

    CONNECTION = "connection"
    EXPORT = "export"
    REFRESH_SCHEDULE = "refresh_schedule"
    SEGMENT = "segment"  # its id is its name behind "segment:"


class Object(BaseModel, frozen=True):
    """What something was done to, under the name of that time."""

    kind: ObjectKind
    id: str
    name: str


class Entry(BaseModel, frozen=True):
    """One line of the trail. It is written before what it tells of, and never changed."""

    id: str
    at: datetime  # UTC
    by: Actor
    action: Action
    object: Object
    before: Snapshot = {}  # only members that differ, as they were; none where something was created
    after: Snapshot = {}  # the same members as they are now; none where it was removed
    withdraws: str | None = None  # the id of an entry that tells of what was not done after all


def inverted_time(at: datetime) -> str:
    """Return how the ids of an instant's entries begin: newer ones sort first."""
    since = (at - _EPOCH) // timedelta(microseconds=1)
    return f"{min(max(_LATEST - since, 0), _LATEST):016d}"
