"""Constant Contact: the custom fields of an account, and how a profile is written as a contact of an import.

Facts and their sources:
- Types of custom fields and their choices are in the guide, "Custom Fields Overview". A contact has 25 of
  them at most (description).
- An address has at most 80 characters by the help pages, 50 by the import's own description.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.destinations.answers import EMAIL, parsing_answer
from shared.destinations.constant_contact.answers import TITLE
from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Values, at_most, characters
from shared.destinations.model import Field, FieldType, InvalidProfile, Target
from shared.domain.errors import Culprit, NeedsAttention
from shared.domain.message import Message, say

ADDRESS_LENGTH = 80
"""Characters of an address; whether more than 50 are taken is in doubt."""

_LENGTH_IN_DOUBT = 50
_CUSTOM_FIELDS = 25  # of one contact
_TOO_LONG = at_most(EMAIL, characters(ADDRESS_LENGTH))
_CUSTOM = "cf:"
"""How the names of custom fields begin in an import."""

_CUSTOM_LENGTH = 255
# How an import takes a `datetime` or a `multi_select` is written nowhere, so they are not offered.
_KINDS = {
    "string": FieldType.TEXT,
    "text_area": FieldType.TEXT,
    "date": FieldType.DATE,
    "number": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "single_select": FieldType.CHOICE,
    "boolean": FieldType.CHOICE,
}


def custom_field(item: Mapping[str, Any]) -> Field | None:
    """Return a custom field as one that can be mapped, or None if it cannot be imported."""
    with parsing_answer(TITLE):
        kind = _KINDS.get(item["type"])
        name, title = f"{_CUSTOM}{item['name']}", str(item.get("label") or item["name"])
        choices = [str(each["choice_label"]) for each in item.get("choices") or ()]
    if kind is None:
        return None
    if item["type"] == "boolean":
        choices = ["true", "false"]
    elif kind is FieldType.CHOICE and not choices:
        kind = FieldType.TEXT
    return Field(name, title, kind=kind, longest=_CUSTOM_LENGTH, choices=choices)


def custom_ones(target: Target) -> int:
    """Return how many custom fields an export fills; raise NeedsAttention if no contact has so many."""
    custom = sum(name.startswith(_CUSTOM) for name in target.fields)
    if custom > _CUSTOM_FIELDS:
        raise NeedsAttention(
            Culprit.LIST,
            say(
                "{destination} takes {most} custom fields of a contact at most; the export "
                "fills {fields}.",
                destination=TITLE,
                most=_CUSTOM_FIELDS,
                fields=custom,
            ),
        )
    return custom


class Contacts(ValuesEncoder):
    """Writes the profiles of one export for one list."""

    def __init__(self, fields: Sequence[Field], target: Target, date_format: str) -> None:
        def written(text: str) -> str:
            return date.fromisoformat(text[:10]).strftime(date_format)

        values = Values(fields, target, {FieldType.DATE: written})
        group = Group({name: member(name) for name in target.fields}, opening=",")
        template = Template(before='{"email":', groups=[group], after="}")
        super().__init__(template, values, _LENGTH_IN_DOUBT)
        self._long = 0  # addresses

    def restart(self) -> None:
        """Forget what was noted, because everything is read anew."""
        super().restart()
        self._long = 0

    def encode(self, address: str, cells: Sequence[str], row: Message | None = None) -> bytes:
        """Return the JSON of one contact; raise InvalidProfile."""
        if len(address) > ADDRESS_LENGTH:
            raise InvalidProfile("bad_value", _TOO_LONG)
        self._long += len(address) > _LENGTH_IN_DOUBT
        return super().encode(address, cells, row)

    def notes(self) -> Sequence[Message]:
        """Return what was left out and cut, and how many addresses may be too long."""
        about_long = say(
            "Addresses longer than {longest} characters: {addresses}. {destination} may refuse "
            "them.",
            longest=_LENGTH_IN_DOUBT,
            addresses=self._long,
            destination=TITLE,
        )
        return [*super().notes(), *([about_long] if self._long else ())]
