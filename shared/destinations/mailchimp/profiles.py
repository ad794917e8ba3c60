"""Mailchimp: the merge fields of an audience, and how a profile is written as a member of it.

Facts and their sources:
- Merge fields are looked up by tag: even FNAME and LNAME can be renamed or deleted ("Merge Fields").
- One holds 255 bytes ("Format guidelines for your import file").
- A birthday is MM/DD, whatever format the audience shows (answers that others recorded).
- One for American phone numbers takes only those (the same guidelines).
- An audience begins with "First Name" and "Last Name" (answers that others recorded), in English whatever
  its owner speaks.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from shared.destinations.answers import FIRST_NAME, LAST_NAME, parsing_answer
from shared.destinations.contract import Api
from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.field_types import bare_phone
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Values
from shared.destinations.encoding.why import Why
from shared.destinations.mailchimp.answers import TITLE
from shared.destinations.model import Field, FieldType, Target
from shared.domain.errors import Culprit, NeedsAttention
from shared.domain.message import Message, say, say_count

LONGEST = 255  # bytes

_LIST_ID = re.compile(r"[0-9a-zA-Z]{1,64}")
_MOST_FIELDS = 1000
_ASKED = ",".join(f"merge_fields.{key}" for key in ("tag", "name", "type", "options"))
_TAGS = {"first_name": "FNAME", "last_name": "LNAME", "phone": "PHONE"}
_NAMES = {tag: name for name, tag in _TAGS.items()}
_UNCHANGED = {("FNAME", "First Name"): FIRST_NAME, ("LNAME", "Last Name"): LAST_NAME}
"""What nobody has renamed has our title, which readers have in their language."""

_KINDS = {  # an address has parts, which no cell can fill
    "text": FieldType.TEXT,
    "zip": FieldType.TEXT,
    "number": FieldType.NUMBER,
    "phone": FieldType.PHONE,
    "date": FieldType.DATE,
    "birthday": FieldType.BIRTHDAY,
    "url": FieldType.URL,
    "imageurl": FieldType.URL,
    "radio": FieldType.CHOICE,
    "dropdown": FieldType.CHOICE,
}
_BETWEEN_DIGITS = re.compile(r"[\s().\-\u2010-\u2015/]++")
_AMERICAN = re.compile(r"(?:\+?1)?([2-9][0-9]{2})([2-9][0-9]{2})([0-9]{4})")


class MergeField(msgspec.Struct):
    """What is read of a merge field."""

    tag: str
    name: str = ""
    type: str = "text"
    options: Any = None

    def option(self, name: str) -> Any:
        """Return one of the options that only some types have."""
        return self.options.get(name) if isinstance(self.options, dict) else None

    def field(self) -> Field | None:
        """Return the field that cells can fill, if they can."""
        kind = _KINDS.get(self.type)
        if kind is None:
            return None
        return Field(
            _NAMES.get(self.tag, self.tag),
            _UNCHANGED.get((self.tag, self.name), self.name or self.tag),
            kind=kind,
            longest=None if kind is FieldType.CHOICE else LONGEST,
            choices=tuple(str(choice) for choice in self.option("choices") or ()),
        )


def require_id(list_id: str) -> None:
    """Raise NeedsAttention(LIST) for what cannot be the id of an audience."""
    if not _LIST_ID.fullmatch(list_id):
        raise no_audience(list_id)


def no_audience(list_id: str) -> NeedsAttention:
    """Return what an id means that is no audience's."""
    reason = say("{destination} has no audience with the ID {id}.", destination=TITLE, id=list_id)
    return NeedsAttention(Culprit.LIST, reason)


async def merge_fields(api: Api, list_id: str) -> Sequence[MergeField]:
    """Return the merge fields of an audience."""
    require_id(list_id)
    params = {"count": str(_MOST_FIELDS), "fields": _ASKED}
    answer = await api.get(f"/lists/{list_id}/merge-fields", params)
    with parsing_answer(TITLE):
        return msgspec.convert(answer["merge_fields"], list[MergeField])


def mappable(merge_fields: Sequence[MergeField]) -> Sequence[Field]:
    """Return the merge fields that cells can fill."""
    return [field for each in merge_fields if (field := each.field())]


class Members(ValuesEncoder):
    """Writes the profiles of one export for one audience.

    A phone field that takes American numbers alone is left out of other profiles, because it could refuse
    the whole profile for them.
    """

    def __init__(self, merge_fields: Sequence[MergeField], target: Target, status: str) -> None:
        by_tag = replace(target, fields=_tags(target.fields), clears=_tags(target.clears))
        self._phones = {
            each.tag: each.name or each.tag
            for each in merge_fields
            if each.type == "phone" and each.option("phone_format") == "US"
        }
        values = Values(
            [_by_tag(field) for field in mappable(merge_fields)],
            by_tag,
            {FieldType.DATE: lambda text: text[:10]},
            dict.fromkeys(self._phones, _american),
            in_bytes=True,
        )
        template = Template(
            before='{"email_address":',
            between=f',"status_if_new":"{status}","merge_fields":{{',
            groups=[Group({tag: member(tag) for tag in by_tag.fields})],
            after="}}",
        )
        super().__init__(template, values)

    def notes(self) -> Sequence[Message]:
        """Return what was left out and cut, for the run's timeline."""
        left_out = [
            say_count(
                "{field} was left out of {count} profile: the audience takes only American phone "
                "numbers there, of 10 digits.",
                "{field} was left out of {count} profiles: the audience takes only American phone "
                "numbers there, of 10 digits.",
                count,
                field=self._phones[tag],
            )
            for tag, count in self.values.left_out.items()
        ]
        return [*super().notes(), *left_out]


def _american(text: str) -> str | None:
    """Return a phone number as NPA-NXX-LINE, or None for what is no American one."""
    bare = bare_phone(text)
    number = None if isinstance(bare, Why) else _AMERICAN.fullmatch(_BETWEEN_DIGITS.sub("", bare))
    return "-".join(number.groups()) if number else None


def _by_tag(field: Field) -> Field:
    return replace(field, name=_TAGS.get(field.name, field.name))


def _tags(names: Collection[str]) -> Sequence[str]:
    return [_TAGS.get(name, name) for name in names]
