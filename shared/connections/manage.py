"""Setting up, sharing and removing connections. Only administrators get here, but for reading."""

import logging
from collections.abc import Callable

from shared.connections.credentials import read_credentials
from shared.connections.index import exports_on
from shared.connections.schemas import ConnectionChanges, NewConnection
from shared.connections.vendor_api import open_tokens
from shared.connections.waiting_runs import waiting
from shared.destinations.contract import OAuth2
from shared.domain.audit import Action, Actor
from shared.domain.connection import TERMS_VERSION, Connection, Consent, Move
from shared.domain.errors import Conflict, DestinationError, Invalid, NotFound, Outdated
from shared.domain.message import say
from shared.domain.people import Caller, Person
from shared.people.audit_trail import Recording, recorded
from shared.records.paging import Wanted, listed
from shared.records.records import (
    ReadVersions,
    RecordMessages,
    find,
    new_id,
    require_current,
    scan,
    update,
)
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import Stale, Stored
from shared.telemetry.logs import one_line

log = logging.getLogger(__name__)

MESSAGES = RecordMessages(
    none=say("There is no such connection."),
    outdated=say("Somebody changed the connection since you read it. Read it again."),
    busy=say("Others are changing the connection right now. Try again."),
)

_NAMED = 10  # exports that a refusal names


async def list_connections(
    services: Services, caller: Caller, wanted: Wanted
) -> tuple[list[Stored[Connection]], str | None]:
    """Return a page of the connections that the caller may see."""
    return await listed(
        services.storage.connections,
        wanted,
        lambda each: each.display_name,
        lambda each: each.may_be_used_by(caller),
    )


async def find_connection(services: Services, caller: Caller, key: str) -> Stored[Connection]:
    """Return a connection; raise NotFound also for one that the caller may not see."""
    stored = await find(services.storage.connections, key, MESSAGES)
    if not stored.value.may_be_used_by(caller):
        raise NotFound(MESSAGES.none)
    return stored


async def create_connection(
    services: Services, person: Person, new: NewConnection
) -> Stored[Connection]:
    """Store a draft; raise Invalid for a destination that does not exist."""
    if new.destination not in services.destinations:
        there = say(
            "There is no such destination. There are: {names}.", names=tuple(services.destinations)
        )
        raise Invalid(("destination",), there)
    connection = Connection(
        id=new_id(services.clock),
        destination=new.destination,
        display_name=new.display_name,
        shared_with=new.shared_with,
        created_at=services.clock.now(),
    )
    async with recorded(services, Actor.of(person), Action.CONNECTION_CREATED, None, connection):
        etag = await services.storage.connections.insert(ALL, connection.id, connection)
    return Stored(connection.id, connection, etag)


async def change_connection(
    services: Services, person: Person, key: str, read: ReadVersions, changes: ConnectionChanges
) -> Stored[Connection]:
    """Rename a connection, or share it with others; raise NotFound or Outdated."""
    chosen = {name: getattr(changes, name) for name in changes.model_fields_set}
    action = Action.CONNECTION_CHANGED
    return await _update(services, person, action, key, read, lambda now: now.edited(**chosen))


async def record_consent(
    services: Services, person: Person, key: str, read: ReadVersions, terms_version: str
) -> Stored[Connection]:
    """Record that somebody accepted the data-privacy terms; raise Invalid for an outdated version."""
    if terms_version != TERMS_VERSION:
        what = say("The current version of the terms is {version}.", version=TERMS_VERSION)
        raise Invalid(("terms_version",), what)
    consent = Consent(by=person, at=services.clock.now(), terms_version=terms_version)
    action = Action.CONNECTION_CONSENTED
    return await _update(services, person, action, key, read, lambda now: now.agreed(consent))


async def add_export_user(
    services: Services, person: Person, key: str, read: ReadVersions
) -> Stored[Connection]:
    """Record on whose behalf exports run."""
    action = Action.EXPORT_USER_ADDED
    return await _update(services, person, action, key, read, lambda now: now.exported_by(person))


async def save_connection(
    services: Services, person: Person, key: str, read: ReadVersions
) -> Stored[Connection]:
    """Complete a draft; raise Conflict naming the step that is missing."""
    action = Action.CONNECTION_SAVED
    return await _update(services, person, action, key, read, Connection.saved)


async def remove_connection(
    services: Services, person: Person, key: str, read: ReadVersions
) -> None:
    """Remove a connection and its credentials; raise Conflict naming the exports in the way.

    The credentials go first, at the destination and then in the vault: if what follows fails, asking
    again removes the rest, and nothing that opens an account is ever left without an owner.
    """
    storage = services.storage
    stored = await find(storage.connections, key, MESSAGES)
    require_current(stored, read, MESSAGES)
    stored.value.require(Move.REMOVE)
    await _require_unused(services, stored.value)
    by, action = Actor.of(person), Action.CONNECTION_REMOVED
    try:
        async with recorded(services, by, action, stored.value, None):
            await _remove_credentials(services, stored.value)
            await storage.connections.delete(ALL, key, stored.etag)
            async for entry in scan(storage.active_runs, waiting(key)):
                await storage.active_runs.delete(waiting(key), entry.key)
    except Stale:
        raise Outdated(
            say("Somebody changed the connection while it was being removed. Remove it again.")
        ) from None


async def _update(
    services: Services,
    person: Person,
    action: Action,
    key: str,
    read: ReadVersions,
    change: Callable[[Connection], Connection],
) -> Stored[Connection]:
    recording = Recording(services, Actor.of(person), action)
    return await update(services.storage.connections, key, MESSAGES, read, change, recording)


async def _require_unused(services: Services, connection: Connection) -> None:
    names = await exports_on(services.storage, connection.id)
    named, more = tuple(names[:_NAMED]), len(names) - _NAMED
    if more > 0:
        raise Conflict(
            say(
                "Remove or detach the exports on this connection first: {names} and {more} more.",
                names=named,
                more=more,
            )
        )
    if named:
        raise Conflict(
            say("Remove or detach the exports on this connection first: {names}.", names=named)
        )


async def _remove_credentials(services: Services, connection: Connection) -> None:
    if connection.secret_name and not connection.linked_secret:
        await _revoke(services, connection, connection.secret_name)
        await services.storage.secrets.delete(connection.secret_name)


async def _revoke(services: Services, connection: Connection, secret_name: str) -> None:
    """Give credentials back where there is a way to. What fails here must not keep the connection."""
    destination = services.destinations[connection.destination]
    if not isinstance(destination.auth, OAuth2):
        return
    try:
        credentials = await read_credentials(services.storage.secrets, secret_name)
        await open_tokens(services, destination, destination.auth).revoke(credentials)
    except DestinationError as error:
        why = one_line(error.reason)
        log.warning("credentials of connection %s not revoked: %s", connection.id, why)
