"""The base of what people choose in the body of a request, and the names and ids in it."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, StringConstraints

from shared.domain.message import say


def _printable(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError(say("Control characters, such as line breaks, cannot be part of a name."))
    return text


type Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_printable),
]
type Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Chosen(BaseModel, frozen=True, extra="forbid", strict=True):
    """Base of what people choose: nothing unknown, and no value of another type than documented."""
