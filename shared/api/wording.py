"""Words messages in the language that answers to this request are in."""

from contextvars import ContextVar
from typing import Annotated, Any

from pydantic import BeforeValidator

from shared.domain.message import Message
from shared.domain.people import Language
from shared.languages.rendering import rendered

# A context variable, because the models of answers read it: every one of them would else have to be
# given the language by whoever makes it.
spoken: ContextVar[Language] = ContextVar("spoken", default=Language.ENGLISH)
"""The language that answers to this request are in; `middleware.language` sets it."""


def worded(said: Message | str) -> str:
    """Return a message in the language of this request."""
    return rendered(said, spoken.get())


def _worded(said: Any) -> Any:
    """Word a message, also one that comes as the dump of the model that holds it."""
    return said if said is None or isinstance(said, str) else worded(Message.model_validate(said))


Words = Annotated[str, BeforeValidator(_worded)]
"""A text of an answer that is made of a message."""
