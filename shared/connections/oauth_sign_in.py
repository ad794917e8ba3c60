"""Connecting an account: the OAuth sign-in, from the first click to credentials in the vault.

What ties the two halves together is the state: 256 random bits that work once, for ten minutes, for
one connection, and of which storage holds only a digest. A sign-in that the portal begins is also bound
to its browser by a key that only that browser has (RFC 9700), so that nobody can be talked into ending
somebody else's. One that a program begins cannot be: the browser that comes back is not what asked.

The verifier of PKCE is made of the state and a key in the vault. So it needs no place of its own, where
sign-ins that nobody finishes would leave it behind, and who sees the state still cannot make it.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from shared.connections.access import Access, require_same_account, use_credentials
from shared.connections.credentials import store_credentials
from shared.connections.manage import MESSAGES
from shared.connections.vendor_api import open_tokens
from shared.destinations.contract import OAuth2
from shared.destinations.oauth2 import authorize_url
from shared.domain.audit import Action, Actor
from shared.domain.connection import Account, Connection, Move
from shared.domain.errors import Conflict, DestinationError, Invalid, Refusal
from shared.domain.message import say
from shared.domain.people import Person
from shared.people.audit_trail import Recording, record
from shared.records.app_keys import AppKey, app_key
from shared.records.records import ReadVersions, find, require_current, scan
from shared.services import Services
from shared.storage.entries import ALL, OAuthState
from shared.storage.ports import Stale

LIFETIME = timedelta(minutes=10)
_STATE = re.compile(r"[\w-]{43}", re.ASCII)  # what 32 random bytes are as text


class BadState(Refusal):
    """The state of a callback was never given out, was used before, is too old or another browser's."""


@dataclass(frozen=True, slots=True)
class SignInBegun:
    """The page where a person lets us in, and what comes back from there."""

    page: str
    state: str
    browser_key: str | None  # what only the browser that the sign-in is bound to may have


async def begin_sign_in(
    services: Services,
    person: Person,
    key: str,
    read: ReadVersions,
    *,
    bound: bool = False,
    allow_other_account: bool = False,
) -> SignInBegun:
    """Begin to let us in; `bound` says that only the browser which asks may end it.

    Raise NotFound, Outdated, Conflict before consent, or Invalid for a destination that has no such page.
    """
    stored = await find(services.storage.connections, key, MESSAGES)
    require_current(stored, read, MESSAGES)
    connection = stored.value
    connection.require(Move.CONNECT)
    destination = services.destinations[connection.destination]
    if not isinstance(destination.auth, OAuth2):
        what = say(
            "{destination} is connected with a host name and a key.",
            destination=destination.title,
        )
        raise Invalid(("host",), what)
    await _forget_old_states(services)
    state = secrets.token_urlsafe(32)
    browser_key = secrets.token_urlsafe(32) if bound else None
    began = OAuthState(
        connection_id=key,
        by_id=person.id,
        by_name=person.name,
        expires_at=services.clock.now() + LIFETIME,
        browser=browser_key and _digest(browser_key),
        allow_other_account=allow_other_account,
    )
    await record(services, Actor.of(person), Action.SIGN_IN_BEGUN, connection)
    await services.storage.oauth_states.insert(ALL, _digest(state), began)
    challenge = _base64(hashlib.sha256((await _verifier(services, state)).encode()).digest())
    page = authorize_url(destination.auth, services.addresses.callback, state, challenge)
    return SignInBegun(page, state, browser_key)


async def finish_sign_in(
    services: Services, state: str, code: str | None, browser_key: str | None
) -> None:
    """Store what a sign-in gave us; `code` is None when the person or the destination refused.

    Raise BadState, NotFound when the connection was removed meanwhile, Conflict when the sign-in was
    refused or is for another account than the one that is connected, NeedsAttention or TryLater.
    """
    began = await _redeem(services, state, browser_key)
    by = Actor.of(Person(id=began.by_id, name=began.by_name))
    connection = (await find(services.storage.connections, began.connection_id, MESSAGES)).value
    try:
        access, replaces = await _exchange(
            services, connection, state, code, began.allow_other_account
        )
    except (Refusal, DestinationError) as error:
        await record(services, by, Action.SIGN_IN_REFUSED, connection, reason=str(error.reason))
        raise
    recording = Recording(services, by, Action.SIGN_IN_FINISHED)
    await use_credentials(services, connection.id, None, access, recording, replaces)


async def _exchange(
    services: Services,
    connection: Connection,
    state: str,
    code: str | None,
    allow_other_account: bool,
) -> tuple[Access, Account | None]:
    """Trade a code for credentials and store them; return, too, the account that may make way."""
    if code is None:
        raise Conflict(say("The sign-in was not completed. Nothing was changed."))
    destination = services.destinations[connection.destination]
    if not isinstance(destination.auth, OAuth2):
        raise BadState(say("This connection has no sign-in."))
    tokens = open_tokens(services, destination, destination.auth)
    verifier = await _verifier(services, state)
    credentials = await tokens.exchange(code, services.addresses.callback, verifier)
    account = await destination.account(tokens.sign_in, credentials, endpoint="")
    replaces = await require_same_account(services, connection, account, allow_other_account)
    access = Access(account, await store_credentials(services.storage.secrets, credentials))
    return access, replaces


async def _redeem(services: Services, state: str, browser_key: str | None) -> OAuthState:
    """Use up a state. Of two callbacks that bring the same one, the ETag lets one through.

    Another browser than the one that the sign-in is bound to uses up nothing.
    """
    refused = BadState(
        say("This sign-in is unknown, was used before, or took more than ten minutes.")
    )
    if not _STATE.fullmatch(state):
        raise refused
    records, key = services.storage.oauth_states, _digest(state)
    stored = await records.get(ALL, key)
    if stored is None:
        raise refused
    _require_browser(stored.value, browser_key)
    try:
        await records.delete(ALL, key, stored.etag)
    except Stale:
        raise refused from None
    if stored.value.expires_at <= services.clock.now():
        raise refused
    return stored.value


def _require_browser(began: OAuthState, browser_key: str | None) -> None:
    if began.browser is None:
        return
    if browser_key is None or not hmac.compare_digest(began.browser, _digest(browser_key)):
        raise BadState(say("This sign-in was begun in another browser."))


async def _forget_old_states(services: Services) -> None:
    """Remove what sign-ins that were never finished left behind."""
    records, now = services.storage.oauth_states, services.clock.now()
    async for stored in scan(records):
        if stored.value.expires_at <= now:
            with suppress(Stale):
                await records.delete(ALL, stored.key, stored.etag)


def _digest(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()


async def _verifier(services: Services, state: str) -> str:
    key = await app_key(services, AppKey.SIGN_IN)
    return _base64(hmac.digest(key, state.encode(), "sha256"))


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
