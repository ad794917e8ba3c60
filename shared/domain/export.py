"""An export: a standing order that sends segments to one list of a connection."""

import hashlib
import json
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.errors import Conflict
from shared.domain.message import Message, say
from shared.domain.people import Caller
from shared.domain.schedule import ExportSchedule, Follows, Plan, Schedule


class Idle(StrEnum):
    """Why no trigger runs an export."""

    DETACHED = "detached"  # it has no connection
    CONNECTION_GONE = "connection_gone"  # it has one that was removed in the same moment
    DRAFT = "draft"  # its connection is being set up
    NEEDS_SIGN_IN = "needs_sign_in"  # its runs are skipped until somebody signs in

    @property
    def reason(self) -> Message:
        """Why, and what to do, in words for people."""
        return _IDLE[self]


_IDLE = {
    Idle.DETACHED: say("The export is detached. Attach a connection to it."),
    Idle.CONNECTION_GONE: say("The connection of the export was removed. Attach another one."),
    Idle.DRAFT: say("The connection of the export is still being set up. Save it first."),
    Idle.NEEDS_SIGN_IN: say("The connection of the export needs sign-in."),
}


class Export(BaseModel, frozen=True):
    """Which segments go to which list, and which column of them fills which field."""

    id: str
    name: str
    connection_id: str | None  # None while it is detached
    destination: str  # the type of its connection, also while it has none
    list_id: str
    list_name: str
    fields: dict[str, str]  # field of the destination -> column of the segment files
    clear_when_empty: list[
        str
    ] = []  # of these fields; an empty cell of any other leaves what is there
    strict_fields: bool = False  # whether a value that a field cannot take makes the row invalid
    options: list[str] = []  # the destination's own, those that are on
    segments: list[str]
    on_arrival: bool = True  # run when a new file of one of the segments lands
    schedule: ExportSchedule = ExportSchedule()
    created_at: datetime
    attached_at: datetime  # what landed before then runs nothing
    scheduled_at: datetime  # what was due before then runs nothing

    @property
    def target_digest(self) -> str:
        """What runs send, and where to, as a digest: a run goes on only while it stays the same.

        Attaching changes it, too, so nothing that was begun before a detachment goes on after it.
        """
        order: list[object] = [
            self.connection_id,
            self.attached_at.isoformat(),
            self.list_id,
            sorted(self.fields.items()),
            sorted(self.clear_when_empty),
            sorted(self.options),
        ]
        if self.strict_fields:  # else the digest is that of before there was a choice
            order.append("strict_fields")
        return hashlib.sha256(json.dumps(order).encode()).hexdigest()[:16]

    @property
    def is_detached(self) -> bool:
        """Whether it has no connection, so that nothing runs it."""
        return self.connection_id is None

    def may_be_edited_by(self, caller: Caller, connection: Connection | None) -> bool:
        """Say whether the caller manages this export; `connection` is its own, None if that is gone.

        A detached one is on no connection that is kept from contributors.
        """
        if self.is_detached:
            return caller.is_contributor
        # Without its connection an export is for administrators to put in order.
        return connection.may_be_used_by(caller) if connection else caller.is_administrator

    def why_idle(self, connection: Connection | None) -> Idle | None:
        """Return why nothing runs it; None if triggers do. `connection` as above."""
        if self.is_detached:
            return Idle.DETACHED
        if connection is None:
            return Idle.CONNECTION_GONE
        return {
            ConnectionStatus.DRAFT: Idle.DRAFT,
            ConnectionStatus.NEEDS_SIGN_IN: Idle.NEEDS_SIGN_IN,
        }.get(connection.status)

    def follows_file(self, segment: str, modified: datetime) -> bool:
        """Say whether a file of a segment that landed then runs it; saving and attaching run nothing."""
        # Storage tells the time of a file in whole seconds.
        since = self.attached_at.replace(microsecond=0)
        return (
            self.on_arrival
            and not self.is_detached
            and segment in self.segments
            and modified >= since
        )

    def last_due(
        self, system: Schedule | None, after: datetime, until: datetime
    ) -> datetime | None:
        """Return the newest instant in `after` < instant <= `until` at which its schedule runs it."""
        if self.is_detached:
            return None
        since = max(after, self.scheduled_at)
        return self.schedule.last_due(system, since, until) if since < until else None

    @property
    def plan(self) -> Plan | None:
        """When its own schedule runs it; None while it has none, or no connection."""
        own = None if self.is_detached else self.schedule.own
        return Plan(own, self.scheduled_at) if own else None

    def follows_refresh(self, system: Schedule, at: datetime) -> bool:
        """Say whether an instant of the refresh schedule runs it."""
        return (
            self.schedule.follows is Follows.SYSTEM
            and self.last_due(system, at - timedelta(microseconds=1), at) is not None
        )

    def detached(self) -> "Export":
        """Take its connection away; it remembers the type, the list and the fields."""
        if self.is_detached:
            raise Conflict(say("The export is detached already."))
        return self.model_copy(update={"connection_id": None})

    def attached(self, connection: Connection, at: datetime) -> "Export":
        """Put it on a connection, which must be of the same destination."""
        return self.model_copy(
            update={"connection_id": connection.id, "attached_at": at, "scheduled_at": at}
        )

    def scheduled(self, schedule: ExportSchedule, at: datetime) -> "Export":
        """Give it another schedule, whose instants count from now on."""
        if schedule == self.schedule:
            return self
        return self.model_copy(update={"schedule": schedule, "scheduled_at": at})

    @property
    def is_scheduled(self) -> bool:
        """Whether its schedule is not off."""
        return self.schedule.follows is not Follows.OFF
