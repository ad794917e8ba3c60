"""Makes the bodies that tell of the fields of a destination."""

from pydantic import BaseModel

from shared.api.wording import Words
from shared.destinations.model import Field, FieldType


class FieldItem(BaseModel):
    """A field of a profile that an export can fill."""

    name: str
    title: Words
    required: bool
    kind: FieldType
    longest: int | None  # characters, or None where there is no limit
    choices: list[str]  # that a value of the kinds `choice` and `choices` can be


def field_item(field: Field) -> FieldItem:
    """Return a destination's field as everybody sees it."""
    return FieldItem(
        name=field.name,
        title=field.title,
        required=field.required,
        kind=field.kind,
        longest=field.longest,
        choices=list(field.choices),
    )
