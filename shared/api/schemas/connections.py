"""Makes the bodies that tell of connections. None of them ever holds a secret's name."""

from datetime import datetime

from pydantic import BaseModel

from shared.api.wording import Words
from shared.domain.connection import Connection, ConnectionStatus, Consent, SharedWith
from shared.domain.people import Caller, Person


class SharedConnectionItem(BaseModel):
    """A connection as contributors see it."""

    id: str
    destination: str
    display_name: str


class AccountItem(BaseModel):
    """The account at the destination."""

    id: str
    name: str


class ConnectionItem(SharedConnectionItem):
    """A connection as administrators see it."""

    shared_with: SharedWith
    status: ConnectionStatus
    reason: Words | None  # why it needs sign-in
    consent: Consent | None
    account: AccountItem | None
    linked_secret: bool  # whether its key lies in the linked vault
    export_user: Person | None
    created_at: datetime


def connection_item(
    connection: Connection, caller: Caller
) -> ConnectionItem | SharedConnectionItem:
    """Return as much of a connection as the caller may see."""
    kind = ConnectionItem if caller.is_administrator else SharedConnectionItem
    return kind.model_validate(connection.model_dump())
