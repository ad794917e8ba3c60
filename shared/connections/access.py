"""Putting an account that was proven, and what opens it, on a connection: the end of every way to connect."""

from dataclasses import dataclass

from shared.connections.index import exports_on
from shared.connections.manage import MESSAGES
from shared.connections.waiting_runs import resume_runs
from shared.domain.connection import Account, Connection, ConnectionStatus
from shared.domain.errors import Conflict, Refusal
from shared.domain.message import say
from shared.people.audit_trail import Recording, Unrecorded
from shared.records.records import ReadVersions, update
from shared.services import Services
from shared.storage.ports import Stored


@dataclass(frozen=True, slots=True)
class Access:
    """An account that was proven, and the name of the secret that opens it."""

    account: Account
    secret_name: str
    linked: bool = False  # whether that is a secret of the linked vault


async def use_credentials(
    services: Services,
    key: str,
    read: ReadVersions,
    access: Access,
    recording: Recording,
    replaces: Account | None = None,
) -> Stored[Connection]:
    """Put an account and its new credentials on a connection, and go on with runs that waited for them.

    `replaces` is another account that this one may take the place of.
    The credentials that it had before are removed, as are the new ones if they are refused; those of the
    linked vault never are. Raise NotFound, Outdated or Conflict.
    """
    before: list[Connection] = []

    def change(now: Connection) -> Connection:
        # Once more, as somebody may have connected an account meanwhile, and exports may use its lists.
        _require_known_account(now, access.account, replaces)
        before.append(now)
        return now.connected(access.account, access.secret_name, access.linked)

    try:
        stored = await update(services.storage.connections, key, MESSAGES, read, change, recording)
    except (Refusal, Unrecorded):
        if not access.linked:
            await services.storage.secrets.delete(access.secret_name)
        raise
    was = before[-1]
    if was.secret_name and not was.linked_secret:
        await services.storage.secrets.delete(was.secret_name)
    if was.status is ConnectionStatus.NEEDS_SIGN_IN:
        await resume_runs(services, key)
    return stored


async def require_same_account(
    services: Services, connection: Connection, account: Account, allow_other_account: bool
) -> Account | None:
    """Refuse another account than the one that is connected, unless whoever connects allowed for that.

    While exports depend on the lists of the one that is connected, nobody can. Return the account that this
    one may take the place of: the one that was looked at.
    """
    known = connection.account
    if (
        known is not None
        and known.id != account.id
        and await exports_on(services.storage, connection.id)
    ):
        raise Conflict(
            say(
                "This is the account {account}, but the exports on this connection use lists of "
                "{known}. Connect that account, or make another connection for this one.",
                account=account.name,
                known=known.name,
            )
        )
    replaces = known if allow_other_account else None
    _require_known_account(connection, account, replaces)
    return replaces


def _require_known_account(
    connection: Connection, account: Account, replaces: Account | None
) -> None:
    known = connection.account
    if known is None or known.id in {account.id, replaces and replaces.id}:
        return
    raise Conflict(
        say(
            "This is the account {account}, but {known} is connected. Connect that one, or allow for "
            "another account: allow_other_account.",
            account=account.name,
            known=known.name,
        )
    )
