"""Connecting an account with its host name and a key, or with the name of a secret that holds the key."""

from shared.connections.access import Access, require_same_account, use_credentials
from shared.connections.credentials import (
    may_be_linked,
    no_linked_key,
    read_linked_key,
    store_credentials,
)
from shared.connections.manage import MESSAGES
from shared.connections.vendor_api import open_sign_in
from shared.destinations.contract import ApiKey, Destination
from shared.destinations.model import Credentials
from shared.domain.audit import Action, Actor
from shared.domain.connection import Account, Connection, Move
from shared.domain.errors import Invalid, NeedsAttention
from shared.domain.message import say
from shared.domain.people import Person
from shared.people.audit_trail import Recording, record
from shared.records.records import ReadVersions, find, require_current
from shared.services import Services
from shared.storage.ports import Stored
from shared.transport.pace import Pace


async def connect_with_key(
    services: Services,
    person: Person,
    key: str,
    read: ReadVersions,
    host: str | None,
    api_key: str | None,
    secret_name: str | None,
    *,
    allow_other_account: bool = False,
) -> Stored[Connection]:
    """Prove a key, store it or the name of the secret that holds it, and return the connection.

    Raise NotFound, Outdated, Invalid for what is missing or not accepted, Conflict before consent, for a
    vault that is not linked or for another account than the one that is connected, or TryLater.
    """
    stored = await find(services.storage.connections, key, MESSAGES)
    require_current(stored, read, MESSAGES)
    connection = stored.value
    connection.require(Move.LINK)  # what every way to connect needs
    destination = services.destinations[connection.destination]
    auth = destination.auth
    if not isinstance(auth, ApiKey):
        what = say(
            "{destination} is connected by signing in there, so nothing is given here.",
            destination=destination.title,
        )
        raise Invalid(("host",), what)
    if host is None:
        raise Invalid(("host",), say("The host name of the account is missing."))
    endpoint = auth.endpoint(host)
    credentials = await _credentials(services, person, connection, auth, api_key, secret_name)
    account = await _account(services, destination, endpoint, credentials)
    if account is None:
        member = "secret_name" if secret_name else "api_key"
        what = say(
            "{destination} lets nobody in at {host} with this key. Check both.",
            destination=destination.title,
            host=endpoint,
        )
        raise Invalid((member,), what)
    replaces = await require_same_account(services, connection, account, allow_other_account)
    linked = secret_name is not None
    name = secret_name or await store_credentials(services.storage.secrets, credentials)
    recording = Recording(services, Actor.of(person), Action.KEY_CONNECTED)
    access = Access(account, name, linked)
    return await use_credentials(services, key, read, access, recording, replaces)


async def _credentials(
    services: Services,
    person: Person,
    connection: Connection,
    auth: ApiKey,
    api_key: str | None,
    secret_name: str | None,
) -> Credentials:
    if api_key is not None and secret_name is None:
        connection.require(Move.CONNECT)
        return auth.credentials(api_key)
    if secret_name is not None and api_key is None:
        allowed = await may_be_linked(services, secret_name)
        by, action = Actor.of(person), Action.LINKED_KEY_TRIED
        await record(services, by, action, connection, allowed=allowed)
        if not allowed:
            raise no_linked_key(services.linked_prefix)
        return await read_linked_key(services, secret_name, auth)
    raise Invalid(("api_key",), say("Give either the key, or in secret_name what holds it."))


async def _account(
    services: Services, destination: Destination, endpoint: str, credentials: Credentials
) -> Account | None:
    """Ask which account a key opens; None if none."""
    sign_in = open_sign_in(services, destination)
    # A slice may have spent the quota of this account just now.
    await Pace(services.clock, destination.limits.rates).turn("GET")
    try:
        return await destination.account(sign_in, credentials, endpoint)
    except NeedsAttention:
        return None
