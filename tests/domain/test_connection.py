"""The steps to a connection, and what is a segment."""

from datetime import UTC, datetime

import pytest

from shared.domain.connection import (
    TERMS_VERSION,
    Account,
    Connection,
    ConnectionStatus,
    Consent,
    SharedWith,
)
from shared.domain.errors import Conflict
from shared.domain.message import say
from shared.domain.people import Caller, Person, Role

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANN = Person(id="1", name="Ann")
CONSENT = Consent(by=ANN, at=NOON, terms_version=TERMS_VERSION)
ACCOUNT = Account(id="us1-1", name="Acme", endpoint="us1")
DRAFT = Connection(id="c", destination="mailchimp", display_name="Ours", created_at=NOON)

AGREED = DRAFT.agreed(CONSENT)
SIGNED_IN = AGREED.connected(ACCOUNT, "secret")
COMPLETE = SIGNED_IN.exported_by(ANN)


@pytest.mark.parametrize(
    ("connection", "missing"),
    [
        (DRAFT, "Select I agree for data privacy and compliance first"),
        (
            COMPLETE.model_copy(update={"consent": None}),
            "Select I agree for data privacy and compliance first",
        ),
        (AGREED, "Connect to the account first"),
        (AGREED.exported_by(ANN), "Connect to the account first"),
        (SIGNED_IN, "Add yourself as export user first"),
    ],
    ids=["nothing done", "no consent", "only consent", "no account", "no export user"],
)
def test_a_draft_that_lacks_a_step_is_not_saved_and_the_step_is_named(
    connection: Connection, missing: str
) -> None:
    with pytest.raises(Conflict, match=missing):
        connection.saved()


def test_a_complete_draft_becomes_ready() -> None:
    assert COMPLETE.is_draft
    assert COMPLETE.saved().status is ConnectionStatus.READY


def test_saving_again_changes_nothing() -> None:
    assert COMPLETE.saved().saved() == COMPLETE.saved()


def test_saving_does_not_mend_a_connection_that_needs_sign_in() -> None:
    broken = COMPLETE.saved().needing_sign_in(say("Revoked."))
    assert broken.saved().status is ConnectionStatus.NEEDS_SIGN_IN


def test_signing_in_again_mends_a_connection() -> None:
    mended = COMPLETE.saved().needing_sign_in(say("Revoked.")).connected(ACCOUNT, "newer")
    assert (mended.status, mended.reason, mended.secret_name) == (
        ConnectionStatus.READY,
        None,
        "newer",
    )


def test_signing_in_does_not_complete_a_draft() -> None:
    assert SIGNED_IN.is_draft


def test_a_draft_never_needs_sign_in() -> None:
    assert DRAFT.needing_sign_in(say("Revoked.")) == DRAFT


def test_a_connection_that_needs_sign_in_says_why() -> None:
    broken = COMPLETE.saved().needing_sign_in(say("Revoked."))
    assert (broken.status, str(broken.reason)) == (ConnectionStatus.NEEDS_SIGN_IN, "Revoked.")


def test_no_step_changes_the_connection_it_was_taken_on() -> None:
    COMPLETE.saved()
    assert (DRAFT.consent, DRAFT.account, COMPLETE.status) == (None, None, ConnectionStatus.DRAFT)


SHARED = COMPLETE.model_copy(update={"shared_with": SharedWith.CONTRIBUTORS})


@pytest.mark.parametrize(
    ("connection", "roles"),
    [
        (COMPLETE.saved(), {Role.ADMINISTRATOR}),
        (SHARED, {Role.ADMINISTRATOR}),
        (SHARED.saved(), {Role.ADMINISTRATOR, Role.CONTRIBUTOR}),
        (SHARED.saved().needing_sign_in(say("x")), {Role.ADMINISTRATOR, Role.CONTRIBUTOR}),
    ],
    ids=["not shared", "a shared draft", "shared", "shared, needs sign-in"],
)
def test_a_connection_may_be_used_by(connection: Connection, roles: set[Role]) -> None:
    assert {role for role in Role if connection.may_be_used_by(Caller(ANN, role))} == roles
