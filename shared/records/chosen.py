"""The base of what people choose in the body of a request, and the names and ids in it."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, StringConstraints

from shared.domain.message import say
from shared.invisible import has_control, turns_letters, without_invisible


def visible(text: str) -> str:
    """Return a name that people see as it is; raise ValueError for another."""
    if has_control(text):
        raise ValueError(say("Control characters, such as line breaks, cannot be part of a name."))
    if turns_letters(text):
        raise ValueError(
            say("A name cannot hold characters that show letters in another order than theirs.")
        )
    if not without_invisible(text):
        raise ValueError(say("Nothing of this name can be seen."))
    return text


type Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(visible),
]
type Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Chosen(BaseModel, frozen=True, extra="forbid", strict=True):
    """Base of what people choose: nothing unknown, and no value of another type than documented."""
