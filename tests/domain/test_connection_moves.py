"""The life of a connection: every move from every state, and every state that can be reached."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product

import pytest

from shared.domain.connection import (
    TERMS_VERSION,
    Account,
    Connection,
    ConnectionStatus,
    Consent,
    Move,
    SharedWith,
)
from shared.domain.errors import Conflict
from shared.domain.message import say
from shared.domain.people import Caller, Role
from tests.fakes.people import ANN, consent

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCOUNT = Account(id="us1-1", name="Acme", endpoint="us1")
OLD = Consent(by=ANN, at=NOON, terms_version="2019-01")
NEW = consent(NOON)
DRAFT, READY, BROKEN = ConnectionStatus
FIRST = Connection(id="c", destination="mailchimp", display_name="Ours", created_at=NOON)

MOVES: dict[Move, Callable[[Connection], Connection]] = {
    Move.EDIT: lambda each: each.edited(shared_with=SharedWith.CONTRIBUTORS),
    Move.CONSENT: lambda each: each.agreed(NEW),
    Move.CONNECT: lambda each: each.connected(ACCOUNT, "secret"),
    Move.LINK: lambda each: each.connected(ACCOUNT, "theirs", linked_secret=True),
    Move.ADD_EXPORT_USER: lambda each: each.exported_by(ANN),
    Move.SAVE: Connection.saved,
    Move.PASS: Connection.mended,
    Move.FAIL: lambda each: each.needing_sign_in(say("Revoked.")),
}
"""Those that change something; the others are only allowed, or not."""


def states() -> Iterator[Connection]:
    """Yield every state, also those that no move leads to."""
    choices = product(
        ConnectionStatus, (None, OLD, NEW), (None, ACCOUNT), (None, ANN), (False, True)
    )
    for status, agreed, account, user, linked in choices:
        yield FIRST.model_copy(
            update={
                "status": status,
                "reason": say("Revoked.") if status is BROKEN else None,
                "consent": agreed,
                "account": account,
                "secret_name": "secret" if account else None,
                "linked_secret": linked and account is not None,
                "export_user": user,
            }
        )


def instead(state: Connection, move: Move) -> str | None:
    """Return how the refusal of a move begins, or None where it is allowed."""
    if move in (Move.CONNECT, Move.LINK, Move.SAVE):
        if state.consent is None:
            return "Select I agree for data privacy and compliance first"
        if state.consent.terms_version != TERMS_VERSION:
            return "The terms of data privacy and compliance have changed. Select I agree again"
    if move is Move.CONNECT and state.linked_secret:
        return "The key of this connection stays in the linked vault"
    if move in (Move.SAVE, Move.ASK) and state.account is None:
        return "Connect to the account first"
    if move is Move.SAVE and state.export_user is None:
        return "Add yourself as export user first"
    if move is Move.USE and state.status is DRAFT:
        return "The connection Ours is still being set up. Save it first"
    if move is Move.USE and state.status is BROKEN:
        return "The connection Ours needs sign-in: Revoked."
    return None


LEADS = {
    (DRAFT, Move.SAVE): READY,
    (READY, Move.FAIL): BROKEN,
    (BROKEN, Move.CONNECT): READY,
    (BROKEN, Move.LINK): READY,
    (BROKEN, Move.PASS): READY,
}
"""Every move that leads to another status."""


@pytest.mark.parametrize("move", Move)
def test_a_move_is_allowed_or_says_what_to_do_instead(move: Move) -> None:
    refused = set()
    for state in states():
        expected = instead(state, move)
        if expected is None:
            state.require(move)
            continue
        with pytest.raises(Conflict) as refusal:
            MOVES.get(move, lambda each: each.require(move) or each)(state)
        assert str(refusal.value.reason).startswith(expected)
        refused.add(expected)
    never = {Move.EDIT, Move.CONSENT, Move.ADD_EXPORT_USER, Move.PASS, Move.FAIL, Move.REMOVE}
    assert bool(refused) is (move not in never)


@pytest.mark.parametrize("move", MOVES)
def test_a_move_leads_where_the_table_says_and_changes_nothing_else(move: Move) -> None:
    changed = {
        Move.EDIT: {"shared_with"},
        Move.CONSENT: {"consent"},
        Move.CONNECT: {"account", "secret_name", "linked_secret"},
        Move.LINK: {"account", "secret_name", "linked_secret"},
        Move.ADD_EXPORT_USER: {"export_user"},
    }.get(move, set())
    for state in states():
        if instead(state, move):
            continue
        moved = MOVES[move](state)
        assert moved.status is LEADS.get((state.status, move), state.status)
        assert moved.reason == (say("Revoked.") if moved.status is BROKEN else None)
        others = {*changed, "status", "reason"}
        assert moved.model_dump(exclude=others) == state.model_dump(exclude=others)


def reachable() -> list[Connection]:
    """Return every state that moves lead to from the beginning, in any order and number."""
    found, waiting = [FIRST], [FIRST]
    while waiting:
        state = waiting.pop()
        for move, make in MOVES.items():
            if instead(state, move) is None and (moved := make(state)) not in found:
                found.append(moved)
                waiting.append(moved)
    return found


def test_no_way_leads_to_a_connection_that_is_used_but_lacks_something() -> None:
    found = reachable()
    assert {state.status for state in found} == set(ConnectionStatus)
    for state in found:
        assert (state.account is None) == (state.secret_name is None)
        assert state.account is None or state.consent == NEW
        assert (state.reason is not None) == (state.status is BROKEN)
        if state.status is not DRAFT:
            assert state.consent == NEW
            assert state.export_user == ANN


def test_no_way_leads_from_a_linked_secret_back_to_a_key_of_our_own() -> None:
    for state in reachable():
        for move, make in MOVES.items():
            if state.linked_secret and instead(state, move) is None:
                assert make(state).linked_secret
                assert make(state).secret_name == "theirs"


def test_every_connection_that_can_be_saved_can_be_repaired() -> None:
    for state in reachable():
        if state.status is BROKEN:
            ways = [Move.LINK] if state.linked_secret else [Move.CONNECT, Move.LINK]
            assert all(MOVES[way](state).status is READY for way in ways)


def test_contributors_never_see_a_draft() -> None:
    contributor = Caller(ANN, Role.CONTRIBUTOR)
    for state in reachable():
        seen = state.may_be_used_by(contributor)
        assert seen is (state.shared_with is SharedWith.CONTRIBUTORS and state.status is not DRAFT)
