"""The language of the request that is being answered."""

import re
from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import BeforeValidator
from starlette.datastructures import Headers

from shared.domain.message import Message
from shared.domain.people import Language
from shared.languages.rendering import rendered

# A context variable, because the models of answers read it: every one of them would else have to be
# given the language by whoever makes it.
spoken: ContextVar[Language] = ContextVar("spoken", default=Language.ENGLISH)
"""The language that answers to this request are in; the guard sets it."""

_RANGE = re.compile(
    r"\s*([a-z]{1,8}|\*)(?:-[a-z0-9-]+)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE
)


def accepted(headers: Headers) -> Language:
    """Return which of our languages `Accept-Language` likes best (RFC 9110); English if none."""
    ranges = map(_RANGE.fullmatch, ",".join(headers.getlist("accept-language")).split(","))
    liked = [(float(each[2] or 1), each[1].lower()) for each in ranges if each]
    for quality, tag in sorted(liked, key=lambda each: -each[0]):
        if quality and tag in set(Language):
            return Language(tag)
        if quality and tag == "*":
            return Language.ENGLISH
    return Language.ENGLISH


def worded(said: Message | str) -> str:
    """Return a message in the language of this request."""
    return rendered(said, spoken.get())


def _worded(said: Any) -> Any:
    """Word a message, also one that comes as the dump of the model that holds it."""
    return said if said is None or isinstance(said, str) else worded(Message.model_validate(said))


Words = Annotated[str, BeforeValidator(_worded)]
"""A text of an answer that is made of a message."""
