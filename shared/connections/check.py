"""Asking a connection's account something, and finding out that it no longer lets us in."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from shared.connections.manage import MESSAGES
from shared.connections.vendor_api import open_api
from shared.connections.waiting_runs import resume_runs
from shared.destinations.contract import Api, Destination
from shared.domain.audit import Action, Actor
from shared.domain.connection import Connection, ConnectionStatus, Move, needs_sign_in
from shared.domain.errors import Conflict, Culprit, NeedsAttention
from shared.domain.message import Message
from shared.domain.people import Person
from shared.people.audit_trail import Recording, destination_of, record
from shared.records.records import ReadVersions, find, require_current, update
from shared.services import Services
from shared.storage.ports import Stored
from shared.telemetry.logs import event
from shared.transport.day_budget import forget_share


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found; `reason` is None when the connection works."""

    connection: Stored[Connection]
    reason: Message | None = None


async def check_connection(
    services: Services, person: Person, key: str, read: ReadVersions
) -> Check:
    """Prove that a connection works, changing nothing at the destination.

    One that works is asked at full speed again, however much it refused before. One that does not is
    marked as needing sign-in; one that was marked and works again is mended and its runs go on. Raise
    NotFound, Outdated, Conflict before it was ever connected, or TryLater.
    """
    stored = await find(services.storage.connections, key, MESSAGES)
    require_current(stored, read, MESSAGES)
    connection = stored.value
    connection.require(Move.ASK)
    reason = await _refused(services, connection)
    works = reason is None
    await record(services, Actor.of(person), Action.CONNECTION_CHECKED, connection, works=works)
    if reason is not None:
        return Check(await mark_needs_sign_in(services, connection, reason), reason)
    if connection.status is not ConnectionStatus.NEEDS_SIGN_IN:
        return Check(stored)
    return Check(await _mend(services, connection))


async def _refused(services: Services, connection: Connection) -> Message | None:
    """Return why the destination does not let us in, or None when it does."""
    try:
        await services.destinations[connection.destination].check(
            await open_api(services, connection)
        )
    except NeedsAttention as error:
        return error.reason
    await _forget_refusals(services, connection)
    return None


async def _forget_refusals(services: Services, connection: Connection) -> None:
    if connection.account is not None:
        lane = services.destinations[connection.destination].lane(connection.account)
        await forget_share(services.storage.quotas, lane, services.clock.now())


@asynccontextmanager
async def signed_in(
    services: Services, connection: Connection
) -> AsyncIterator[tuple[Destination, Api]]:
    """Give the body an authorised way to the account; raise Conflict if there is none.

    When the body finds that the destination no longer lets us in, the connection is marked so.
    """
    connection.require(Move.ASK)
    try:
        yield services.destinations[connection.destination], await open_api(services, connection)
    except NeedsAttention as error:
        if error.culprit is not Culprit.CONNECTION:
            raise
        await mark_needs_sign_in(services, connection, error.reason)
        raise Conflict(needs_sign_in(connection, error.reason)) from None


async def mark_needs_sign_in(
    services: Services, connection: Connection, reason: Message
) -> Stored[Connection]:
    """Record that the destination refused these credentials, unless there are newer ones by now."""

    def change(now: Connection) -> Connection:
        same = now.secret_name == connection.secret_name
        return now.needing_sign_in(reason) if same else now

    marked = await _update(services, Action.SIGN_IN_NEEDED, connection, change)
    news = connection.status is not ConnectionStatus.NEEDS_SIGN_IN
    if news and marked.value.status is ConnectionStatus.NEEDS_SIGN_IN:
        event("sign_in_needed", connection_id=connection.id, destination=connection.destination)
    return marked


async def _mend(services: Services, connection: Connection) -> Stored[Connection]:
    def change(now: Connection) -> Connection:
        return now.mended() if now.secret_name == connection.secret_name else now

    mended = await _update(services, Action.CONNECTION_MENDED, connection, change)
    await resume_runs(services, connection.id)
    return mended


async def _update(
    services: Services,
    action: Action,
    connection: Connection,
    change: Callable[[Connection], Connection],
) -> Stored[Connection]:
    """Record and store what the destination's answer means for a connection."""
    recording = Recording(services, destination_of(services, connection), action)
    return await update(
        services.storage.connections, connection.id, MESSAGES, None, change, recording
    )
