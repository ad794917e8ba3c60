"""ActiveCampaign: lists and custom fields of an account, and how profiles are written as contacts.

Facts and their sources:
- Choices of a field stand beside the fields, in `fieldOptions`. The description's example has none, so
  the names in them are assumed.
- Custom fields are written by number, several choices as `||a||b||` (description).
- A list has a whole number (description). The address of its page holds it beside other numbers, such as that
  of a page; in which form is from memory: unverified.
- Where `exclude_automations` belongs is written in two ways, so it stands in both places.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from shared.destinations.activecampaign.answers import TITLE, NothingThere, listed
from shared.destinations.answers import no_list, parsing_answer
from shared.destinations.batch import Batch
from shared.destinations.contract import Api
from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.field_types import SEPARATOR
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Values
from shared.destinations.model import Field, FieldType, ListInfo, Target
from shared.domain.errors import Culprit, NeedsAttention
from shared.domain.message import say

OWN = "field:"
"""How the names of custom fields begin here; the id follows."""
LONGEST = 255
"""Characters of a text; no length is published."""
NO_AUTOMATIONS = "exclude_automations"

LIST_ID_HELP = say(
    "A list ID is a whole number such as 2. It stands in the address of the list's page at "
    "ActiveCampaign, behind listid=."
)
LIST_IN_ADDRESS = re.compile(
    r"(?:list[a-z_]{0,9}[=/]|action=list[a-z_]{0,9}&id=)([0-9]{1,18})(?![0-9])"
)

_LIST_ID = re.compile(r"[0-9]{1,18}")
_PAGE = 100

_KINDS = {
    "text": FieldType.TEXT,
    "textarea": FieldType.TEXT,
    "hidden": FieldType.TEXT,
    "date": FieldType.DATE,
    "datetime": FieldType.DATE,
    "number": FieldType.NUMBER,
    "currency": FieldType.NUMBER,
    "dropdown": FieldType.CHOICE,
    "radio": FieldType.CHOICE,
    "checkbox": FieldType.CHOICES,
    "listbox": FieldType.CHOICES,
    "multiselect": FieldType.CHOICES,
}


async def all_of(api: Api, path: str) -> Sequence[Mapping[str, Any]]:
    """Return every page of a collection."""
    pages: list[Mapping[str, Any]] = []
    found = 0
    while True:
        page = await api.get(path, {"limit": str(_PAGE), "offset": str(found)})
        with parsing_answer(TITLE):
            items = page[path.strip("/")]
            if not isinstance(items, list):
                raise TypeError("no list of things")
            pages.append(page)
            found += len(items)
            meta = page.get("meta") or {}
            total = int(meta.get("total", found + (len(items) == _PAGE)))
        if not items or found >= total:
            return pages


def list_info(item: Any) -> ListInfo:
    """Return a list."""
    with parsing_answer(TITLE):
        return ListInfo(str(int(item["id"])), str(item["name"]))


async def look_up(api: Api, list_id: str) -> ListInfo:
    """Return one list; raise NeedsAttention(LIST) when there is none with this id."""
    none = NeedsAttention(Culprit.LIST, no_list(TITLE, list_id))
    if not _LIST_ID.fullmatch(list_id):
        raise none
    try:
        answer = await api.get(f"/lists/{list_id}")
    except NothingThere:
        raise none from None
    with parsing_answer(TITLE):
        return list_info(answer["list"])


def own_fields(pages: Sequence[Mapping[str, Any]]) -> Iterator[Field]:
    """Return the custom fields that can be mapped: those of a type that is known."""
    choices: dict[str, list[str]] = {}
    for field_id, value in (pair for page in pages for pair in _choices(page)):
        choices.setdefault(field_id, []).append(value)
    with parsing_answer(TITLE):
        for item in (item for page in pages for item in page["fields"]):
            if kind := _KINDS.get(str(item["type"])):
                yield _field(item, kind, choices.get(str(item["id"]), ()))


def _choices(page: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return ids of fields with a choice each, of those that are told in the way that is assumed."""
    for option in listed(page, "fieldOptions"):
        if isinstance(option, dict) and option.get("field") and option.get("value"):
            yield str(option["field"]), str(option["value"])


def _field(item: Mapping[str, Any], kind: FieldType, choices: Sequence[str]) -> Field:
    chosen = kind in (FieldType.CHOICE, FieldType.CHOICES)
    if chosen and not choices:
        kind = FieldType.TEXT  # what they are is not told, so the value is sent as it is
    return Field(
        f"{OWN}{int(item['id'])}",
        str(item["title"]),
        kind=kind,
        longest=LONGEST if kind is FieldType.TEXT else None,
        choices=choices if chosen else (),
    )


def contacts(fields: Sequence[Field], target: Target) -> ValuesEncoder:
    """Return how profiles are written for a target with these fields."""
    values = Values(fields, target, {FieldType.CHOICES: _several})
    return ValuesEncoder(_template(target, [rule.name for rule in values.rules]), values)


def request_body(target: Target, batch: Batch) -> bytes:
    """Return the body of an import: its contacts, and where to report on them."""
    more = _options_of(target)
    if target.report_url:
        more["callback"] = {
            "url": target.report_url.replace("{batch}", str(batch.number)),
            "requestType": "POST",
            "detailed_results": "true",
        }
    rest = b"," + orjson.dumps(more)[1:] if more else b"}"
    return b'{"contacts":[%b]%b' % (batch.joined, rest)


def _template(target: Target, fields: Sequence[str]) -> Template:
    """Return the JSON of a contact: its standard fields, its own ones by number, and the list."""
    standard = {name: member(name) for name in fields if not name.startswith(OWN)}
    own = {
        name: (f'{{"id":{int(name.removeprefix(OWN))},"value":', "}")
        for name in fields
        if name.startswith(OWN)
    }
    always = {"subscribe": [{"listid": int(target.list_id)}], **_options_of(target)}
    return Template(
        before='{"email":',
        groups=[Group(standard, opening=","), Group(own, opening=',"fields":[', closing="]")],
        after=f",{orjson.dumps(always)[1:].decode()}",
    )


def _options_of(target: Target) -> dict[str, object]:
    """Return what stands both in the request and in each of its contacts."""
    return {NO_AUTOMATIONS: True} if NO_AUTOMATIONS in target.options else {}


def _several(plain: str) -> str:
    return "||" + plain.replace(SEPARATOR, "||") + "||"
