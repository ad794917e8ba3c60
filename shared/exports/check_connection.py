"""Asking a connection's account something, and finding out that it no longer lets us in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.destinations.protocol import Api, Destination
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.errors import Conflict, Culprit, NeedsAttention
from shared.domain.message import Message, say
from shared.exports.connections import WHAT
from shared.exports.resume import resume_runs
from shared.exports.services import Services
from shared.exports.stored import amend, find
from shared.storage.ports import Stored


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found; `reason` is None when the connection works."""

    connection: Stored[Connection]
    reason: Message | None = None


async def check_connection(services: Services, key: str) -> Check:
    """Prove that a connection works, changing nothing at the destination.

    One that does not is marked as needing sign-in; one that was marked and works again is mended and
    its runs go on. Raise NotFound, Conflict before it was ever connected, or TryLater.
    """
    stored = await find(services.storage.connections, key, WHAT)
    connection = stored.value
    _require_account(connection)
    try:
        await services.destination(connection).check(await services.api(connection))
    except NeedsAttention as error:
        return Check(await mark_needs_sign_in(services, connection, error.reason), error.reason)
    if connection.status is not ConnectionStatus.NEEDS_SIGN_IN:
        return Check(stored)
    return Check(await _mend(services, connection))


@asynccontextmanager
async def signed_in(
    services: Services, connection: Connection
) -> AsyncIterator[tuple[Destination, Api]]:
    """Give the body an authorised way to the account; raise Conflict if there is none.

    When the body finds that the destination no longer lets us in, the connection is marked so.
    """
    _require_account(connection)
    try:
        yield services.destination(connection), await services.api(connection)
    except NeedsAttention as error:
        if error.culprit is not Culprit.CONNECTION:
            raise
        await mark_needs_sign_in(services, connection, error.reason)
        raise Conflict(needs_sign_in(connection, error.reason)) from None


def needs_sign_in(connection: Connection, reason: Message | None) -> Message:
    """Return what to say of a connection that cannot be used until somebody signs in again."""
    name = connection.display_name
    if reason is None:
        return say("The connection {connection} needs sign-in.", connection=name)
    return say("The connection {connection} needs sign-in: {why}", connection=name, why=reason)


async def mark_needs_sign_in(
    services: Services, connection: Connection, reason: Message
) -> Stored[Connection]:
    """Record that the destination refused these credentials, unless there are newer ones by now."""

    def change(now: Connection) -> Connection:
        same = now.secret_name == connection.secret_name
        return now.needing_sign_in(reason) if same else now

    return await amend(services.storage.connections, connection.id, WHAT, None, change)


async def _mend(services: Services, connection: Connection) -> Stored[Connection]:
    def change(now: Connection) -> Connection:
        return now.mended() if now.secret_name == connection.secret_name else now

    mended = await amend(services.storage.connections, connection.id, WHAT, None, change)
    await resume_runs(services, connection.id)
    return mended


def _require_account(connection: Connection) -> None:
    if connection.account is None:
        raise Conflict(say("Connect to the account first: POST …/connect."))
