"""A connection: one authorised link to an account at a destination."""

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

    def agreed(self, consent: Consent) -> "Connection":
        """Record that somebody accepted the data-privacy terms."""
        return self.model_copy(update={"consent": consent})

    def require_consent(self) -> None:
        """Raise Conflict unless the terms were accepted."""
        if self.consent is None:
            raise Conflict(say("Accept the data-privacy terms first: POST …/consent."))

    def connected(
        self, account: Account, secret_name: str, linked_secret: bool = False
    ) -> "Connection":
        """Record a proven account, and mend a connection that needed sign-in."""
        return self.mended().model_copy(
            update={
                "account": account,
                "secret_name": secret_name,
                "linked_secret": linked_secret,
            }
        )

    def mended(self) -> "Connection":
        """Record that the destination lets us in."""
        status = ConnectionStatus.DRAFT if self.is_draft else ConnectionStatus.READY
        return self.model_copy(update={"status": status, "reason": None})

    def exported_by(self, person: Person) -> "Connection":
        """Record on whose behalf exports run."""
        return self.model_copy(update={"export_user": person})

    def saved(self) -> "Connection":
        """Complete a draft; raise Conflict naming the step that is missing."""
        self.require_consent()
        if self.account is None:
            raise Conflict(say("Connect to the account first: POST …/connect."))
        if self.export_user is None:
            raise Conflict(say("Add yourself as export user first: PUT …/export-user."))
        return self.model_copy(update={"status": ConnectionStatus.READY}) if self.is_draft else self

    def needing_sign_in(self, reason: Message) -> "Connection":
        """Record that the destination no longer lets us in."""
        if self.is_draft:
            return self
        return self.model_copy(update={"status": ConnectionStatus.NEEDS_SIGN_IN, "reason": reason})
