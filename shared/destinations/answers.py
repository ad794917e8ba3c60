"""What the destinations' files share: reading answers, and the sentences and titles that all of them use."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import TryLater
from shared.domain.message import Message, say

EMAIL = say("Email")
FIRST_NAME = say("First name")
LAST_NAME = say("Last name")
PHONE = say("Phone")

MOST_OF_A_PAGE = 1_000_000
"""Bytes of a web page in which it is looked for what page it is."""


@contextmanager
def parsing_answer(title: str) -> Iterator[None]:
    """Turn what goes wrong while an answer is taken apart into TryLater."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise malformed_answer(title) from None


def malformed_answer(title: str) -> TryLater:
    """Return what an answer means that cannot be taken apart."""
    return TryLater(say("{destination} gave an answer that makes no sense.", destination=title))


def no_account(title: str) -> Message:
    """Return what to say of a sign-in that does not tell whose it is."""
    return say("{destination} did not name the account. Sign in again.", destination=title)


def no_list(title: str, list_id: str) -> Message:
    """Return what to say of a list that is not there."""
    return say("{destination} has no list with the ID {id}.", destination=title, id=list_id)


def ended(title: str, state: str) -> Message:
    """Return what to say of an import that did nothing; `state` is the destination's word for it."""
    return say("{destination} ended the import as {state}.", destination=title, state=state)


def refused(title: str, how: str, words: str) -> Message:
    """Return what to say of a refused request: its status, and the destination's own words if any."""
    if not words:
        return say("{destination} refused the request ({status}).", destination=title, status=how)
    return say(
        "{destination} refused the request ({status}). {words}",
        destination=title,
        status=how,
        words=words,
    )
