"""What the destinations' files share in reading answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import TryLater
from shared.domain.message import Message, say


@contextmanager
def parsing_answer(who: str) -> Iterator[None]:
    """Turn what goes wrong while an answer of `who` is taken apart into TryLater."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise malformed_answer(who) from None


def malformed_answer(who: str) -> TryLater:
    """Return what an answer of `who` means that cannot be taken apart."""
    return TryLater(say("{destination} gave an answer that makes no sense.", destination=who))


def no_account(who: str) -> Message:
    """Return what to say of a sign-in that does not tell whose it is."""
    return say("{destination} did not name the account. Sign in again.", destination=who)


def no_list(who: str, list_id: str) -> Message:
    """Return what to say of a list that is not there."""
    return say("{destination} has no list with the ID {id}.", destination=who, id=list_id)


def ended(who: str, state: str) -> Message:
    """Return what to say of an import that did nothing; `state` is the destination's word for it."""
    return say("{destination} ended the import as {state}.", destination=who, state=state)


def refused(who: str, how: str, words: str) -> Message:
    """Return what to say of a refused request: its status, and the destination's own words if any."""
    if not words:
        return say("{destination} refused the request ({status}).", destination=who, status=how)
    return say(
        "{destination} refused the request ({status}). {words}",
        destination=who,
        status=how,
        words=words,
    )
