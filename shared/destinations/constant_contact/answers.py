"""Constant Contact: what its answers say, of errors, users and lists.

Facts and their sources:
- Errors are arrays of objects, but a single object for 401, and OAuth's own at the sign-in (schemas of
  the description). `throttled` and `quota_exceeded` are how other programs read the guide; the words
  of a full queue are in the description. Whatever is not known counts as throttled.
- Links to next pages are paths with a cursor (description).
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import orjson

from shared.destinations import oauth2
from shared.destinations.answers import malformed_answer, no_account, parsing_answer, refused
from shared.destinations.contract import Api
from shared.destinations.model import ListInfo
from shared.domain.connection import Account
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
_PRIVILEGES = ("contacts:write", "contacts:lists:read")
_QUEUE_SECONDS = 60.0  # until a full queue may have room


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
    return RateLimited(reason)


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


def account_of(summary: Any, host: str) -> Account:
    """Return the account that a summary tells of; raise NeedsAttention if it tells of none."""
    said = summary if isinstance(summary, dict) else {}
    key = said.get("encoded_account_id")
    if not isinstance(key, str) or not ID.fullmatch(key):
        raise NeedsAttention(Culprit.CONNECTION, no_account(TITLE))
    return Account(id=key, name=str(said.get("organization_name") or TITLE), endpoint=host)


def existing(item: Mapping[str, Any]) -> ListInfo:
    """Return a list; raise NeedsAttention(LIST) for one that was deleted."""
    with parsing_answer(TITLE):
        if item.get("deleted_at"):
            reason = say(
                "The list {list} was deleted at {destination}.",
                list=str(item["name"]),
                destination=TITLE,
            )
            raise NeedsAttention(Culprit.LIST, reason)
    return list_info(item)


def list_info(item: Mapping[str, Any]) -> ListInfo:
    """Return a list."""
    with parsing_answer(TITLE):
        return ListInfo(str(item["list_id"]), str(item["name"]))


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
