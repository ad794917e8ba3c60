"""A connection: one authorised link to an account at a destination."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.errors import Conflict
from shared.domain.message import Message, say
from shared.domain.people import Caller, Person

TERMS_VERSION = "2026-11"
"""The version of the data-privacy text that an administrator agrees to (docs/terms.md)."""


class SharedWith(StrEnum):
    """Who can use a connection for exports."""

    ADMINISTRATORS = "administrators"
    CONTRIBUTORS = "contributors"


class ConnectionStatus(StrEnum):
    """Where a connection stands in its life."""

    DRAFT = "draft"  # being set up; no export can use it
    READY = "ready"
    NEEDS_SIGN_IN = "needs_sign_in"  # it worked once; somebody must sign in again


class Consent(BaseModel, frozen=True):
    """That somebody agreed to send personal data to the destination."""

    by: Person
    at: datetime
    terms_version: str


class Account(BaseModel, frozen=True):
    """The account at the destination, as the destination itself names it; nothing secret."""

    id: str
    name: str
    endpoint: str  # where its API is: a data centre or a host name, meaning as the destination's file says


class Connection(BaseModel, frozen=True):
    """One authorised link to an account at a destination; it holds the name of a secret, never one."""

    id: str
    destination: str
    display_name: str
    shared_with: SharedWith = SharedWith.ADMINISTRATORS
    status: ConnectionStatus = ConnectionStatus.DRAFT
    reason: Message | None = None  # why it needs sign-in
    consent: Consent | None = None
    account: Account | None = None
    secret_name: str | None = None
    linked_secret: bool = False  # whether that is a secret of the linked vault, which is only read
    export_user: Person | None = None
    created_at: datetime

    def may_be_used_by(self, caller: Caller) -> bool:
        """Say whether the caller can build and run exports on this connection."""
        shared = self.shared_with is SharedWith.CONTRIBUTORS and not self.is_draft
        return caller.is_administrator or (caller.is_contributor and shared)

    @property
    def is_draft(self) -> bool:
        """Whether it is still being set up."""
        return self.status is ConnectionStatus.DRAFT

    def require(self, move: "Move") -> None:
        """Raise Conflict unless the move is allowed now; it says what to do instead."""
        for need in _RULES[move].needs:
            if not need.is_met(self):
                raise Conflict(need.instead(self))

    def edited(self, **chosen: object) -> "Connection":
        """Rename it, or share it with others."""
        return self._moved(Move.EDIT, **chosen)

    def agreed(self, consent: Consent) -> "Connection":
        """Record that somebody accepted the data-privacy terms."""
        return self._moved(Move.CONSENT, consent=consent)

    def connected(
        self, account: Account, secret_name: str, linked_secret: bool = False
    ) -> "Connection":
        """Record a proven account, and mend a connection that needed sign-in; raise Conflict."""
        return self._moved(
            Move.LINK if linked_secret else Move.CONNECT,
            account=account,
            secret_name=secret_name,
            linked_secret=linked_secret,
        )

    def exported_by(self, person: Person) -> "Connection":
        """Record on whose behalf exports run."""
        return self._moved(Move.ADD_EXPORT_USER, export_user=person)

    def saved(self) -> "Connection":
        """Complete a draft; raise Conflict naming the step that is missing."""
        return self._moved(Move.SAVE)

    def mended(self) -> "Connection":
        """Record that the destination lets us in."""
        return self._moved(Move.PASS)

    def needing_sign_in(self, reason: Message) -> "Connection":
        """Record that the destination no longer lets us in. A draft stays one: nothing uses it yet."""
        failed = self._moved(Move.FAIL)
        return failed if failed.is_draft else failed.model_copy(update={"reason": reason})

    def _moved(self, move: "Move", **update: object) -> "Connection":
        self.require(move)
        status = _RULES[move].leads.get(self.status, self.status)
        reason = self.reason if status is ConnectionStatus.NEEDS_SIGN_IN else None
        return self.model_copy(update={"status": status, "reason": reason, **update})


def needs_sign_in(connection: Connection, reason: Message | None) -> Message:
    """Return what to say of a connection that cannot be used until somebody signs in again."""
    name = connection.display_name
    if reason is None:
        return say("The connection {connection} needs sign-in.", connection=name)
    return say("The connection {connection} needs sign-in: {why}", connection=name, why=reason)


class Move(StrEnum):
    """What can happen to a connection."""

    EDIT = "edit"
    CONSENT = "consent"
    CONNECT = "connect"  # with a sign-in, or with a key that is kept in the app's own vault
    LINK = "link"  # with a secret of the linked vault
    ADD_EXPORT_USER = "add_export_user"
    SAVE = "save"
    ASK = "ask"  # check it, or look up what its account has
    PASS = "pass"  # noqa: S105 # the destination lets us in
    FAIL = "fail"  # it does not
    USE = "use"  # put an export on it
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class _Need:
    """What must be true before a move, and what to do instead where it is not."""

    is_met: Callable[[Connection], bool]
    instead: Callable[[Connection], Message]


@dataclass(frozen=True, slots=True)
class _Rule:
    """When a move is allowed, and where it leads; from a state that is not named it leads nowhere else."""

    needs: tuple[_Need, ...] = ()
    leads: Mapping[ConnectionStatus, ConnectionStatus] = field(default_factory=dict)


_AGREED = _Need(
    lambda each: each.consent is not None,
    lambda _: say("Select I agree for data privacy and compliance first: POST …/consent."),
)
_AGREED_TO_THESE = _Need(
    lambda each: each.consent is not None and each.consent.terms_version == TERMS_VERSION,
    lambda _: say(
        "The terms of data privacy and compliance have changed. Select I agree again first: "
        "POST …/consent."
    ),
)
_CONNECTED = _Need(
    lambda each: each.account is not None,
    lambda _: say("Connect to the account first: POST …/connect."),
)
_HAS_EXPORT_USER = _Need(
    lambda each: each.export_user is not None,
    lambda _: say("Add yourself as export user first: PUT …/export-user."),
)
_NOT_LINKED = _Need(
    lambda each: not each.linked_secret,
    lambda _: say(
        "The key of this connection stays in the linked vault. Change it there, name another "
        "secret, or make another connection."
    ),
)
_SAVED = _Need(
    lambda each: not each.is_draft,
    lambda each: say(
        "The connection {connection} is still being set up. Save it first.",
        connection=each.display_name,
    ),
)
_SIGNED_IN = _Need(
    lambda each: each.status is not ConnectionStatus.NEEDS_SIGN_IN,
    lambda each: needs_sign_in(each, each.reason),
)

_MENDS = {ConnectionStatus.NEEDS_SIGN_IN: ConnectionStatus.READY}

_RULES: Mapping[Move, _Rule] = {
    Move.EDIT: _Rule(),
    Move.CONSENT: _Rule(),
    Move.CONNECT: _Rule((_AGREED, _AGREED_TO_THESE, _NOT_LINKED), _MENDS),
    Move.LINK: _Rule((_AGREED, _AGREED_TO_THESE), _MENDS),
    Move.ADD_EXPORT_USER: _Rule(),
    Move.SAVE: _Rule(
        (_AGREED, _AGREED_TO_THESE, _CONNECTED, _HAS_EXPORT_USER),
        {ConnectionStatus.DRAFT: ConnectionStatus.READY},
    ),
    Move.ASK: _Rule((_CONNECTED,)),
    Move.PASS: _Rule((), _MENDS),
    Move.FAIL: _Rule((), {ConnectionStatus.READY: ConnectionStatus.NEEDS_SIGN_IN}),
    Move.USE: _Rule((_SAVED, _SIGNED_IN)),
    Move.REMOVE: _Rule(),  # if no export uses it, which it cannot know
}
"""The life of a connection: every move, in one place."""
