"""Constant Contact: what its answers say, of errors, users, lists and fields.

Facts and their sources:
- Errors are arrays of objects, but a single object for 401, and OAuth's own at the sign-in (schemas of
  the description). `throttled` and `quota_exceeded` are how other programs read the guide; the words
  of a full queue are in the description. Whatever is not known counts as throttled.
- Links to next pages are paths with a cursor (description).
- Types of custom fields and their choices are in the guide, "Custom Fields Overview".
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import orjson

from shared.destinations import oauth2
from shared.destinations.answers import malformed_answer, parsing_answer, refused
from shared.destinations.contract import Api
from shared.destinations.model import Field, FieldType, ListInfo
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say

TITLE = "Constant Contact"
ID = re.compile(r"[0-9A-Za-z-]{1,64}")
CUSTOM = "cf:"
"""How the names of custom fields begin in an import."""

_PRIVILEGES = ("contacts:write", "contacts:lists:read")
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
_QUEUE_SECONDS = 60.0  # until a full queue may have room
_THROTTLED_SECONDS = 1.5


def explained(response: httpx.Response) -> DestinationError | None:
    """Return what an error means where that differs from the common table."""
    if not response.is_client_error:
        return None
    said = _said(response)
    key = str(said.get("error_key") or "")
    text = str(said.get("error_message") or said.get("message") or "")[:300]
    match response.status_code:
        case 429:
            return _limit(key, text.lower(), response)
        case 400 | 401 if "error" in said:
            return oauth2.refusal(TITLE, str(said["error"])[:100])
        case 403:
            return NeedsAttention(
                Culprit.CONNECTION,
                say(
                    "{destination} refused (403): the user who signed in lacks a privilege, or the "
                    "app is no longer allowed. Sign in again.",
                    destination=TITLE,
                ),
            )
        case 409:
            return TryLater(
                say(
                    "{destination} is changing the same contacts for somebody else (409).",
                    destination=TITLE,
                )
            )
        case 401 | 404 | 408:
            return None
        case status:
            return BatchRefused(key or f"http_{status}", refused(TITLE, str(status), text))


def _said(response: httpx.Response) -> Mapping[str, Any]:
    """Read an error: an array of objects or one object, of the API's or OAuth's kind, or nothing."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    first = body[0] if isinstance(body, list) and body else body
    return first if isinstance(first, dict) else {}


def _limit(key: str, text: str, response: httpx.Response) -> DestinationError | None:
    """Tell a full queue from a spent day and from too many requests in a second."""
    if "queue" in key or "queued activities" in text:
        reason = say(
            "{destination} has all the imports waiting that it lets wait.", destination=TITLE
        )
        return TryLater(reason, _QUEUE_SECONDS)
    if "quota" in key or "limit exceeded" in text:
        return DailyQuotaExhausted(
            say("{destination} has had all the requests of a day.", destination=TITLE)
        )
    if "retry-after" in response.headers:
        return None
    reason = say("{destination} is limiting requests (429).", destination=TITLE)
    return RateLimited(reason, _THROTTLED_SECONDS)


def require_privileges(answer: Any) -> None:
    """Raise NeedsAttention if the user may not do what exports need."""
    with parsing_answer(TITLE):
        if not isinstance(answer, list):
            raise TypeError("no list of privileges")
        has = {str(each["privilege_name"]) for each in answer}
    if lacking := [each for each in _PRIVILEGES if each not in has]:
        raise NeedsAttention(
            Culprit.CONNECTION,
            say(
                "The user who signed in at {destination} lacks {privileges}. Sign in as a user who "
                "may manage contacts.",
                destination=TITLE,
                privileges=tuple(lacking),
            ),
        )


def list_info(item: Mapping[str, Any]) -> ListInfo:
    """Return a list."""
    with parsing_answer(TITLE):
        return ListInfo(str(item["list_id"]), str(item["name"]))


def custom_field(item: Mapping[str, Any]) -> Field | None:
    """Return a custom field as one that can be mapped, or None if it cannot be imported."""
    with parsing_answer(TITLE):
        kind = _KINDS.get(item["type"])
        name, title = f"{CUSTOM}{item['name']}", str(item.get("label") or item["name"])
        choices = [str(each["choice_label"]) for each in item.get("choices") or ()]
    if kind is None:
        return None
    if item["type"] == "boolean":
        choices = ["true", "false"]
    elif kind is FieldType.CHOICE and not choices:
        kind = FieldType.TEXT
    return Field(name, title, kind=kind, longest=_CUSTOM_LENGTH, choices=choices)


async def pages(
    api: Api, path: str, key: str, **params: str
) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield the pages of a collection.

    Of a link to the next page only the query is used, so that it can lead to no other place.
    """
    asked: list[Mapping[str, str]] = []
    while params not in asked:
        asked.append(params)
        page = await api.get(path, params)
        with parsing_answer(TITLE):
            items = [dict(item) for item in page[key]]
            link = ((page.get("_links") or {}).get("next") or {}).get("href") or ""
            params = dict(parse_qsl(urlsplit(link).query))
        yield items
        if not params:
            return
    raise malformed_answer(TITLE)
