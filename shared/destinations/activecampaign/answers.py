"""ActiveCampaign: what its answers say, of errors, users, lists and imports that it queues.

Facts and their sources:
- A whole import is refused with a 400 whose `failureReasons` are objects for single contacts and texts
  otherwise; exceeding the rate of imports is such a 400, too (the description's examples).
- A 429 may carry Retry-After; the documentation shows 30 seconds. Errors from the network in front are
  JSON with `retry_after` (recordings of others).
- A wrong key is a 403 without a body (seen), or a web page (in the tests of others).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import orjson

from shared.destinations.addresses import without_addresses
from shared.destinations.answers import MOST_OF_A_PAGE, parsing_answer, refused
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say, say_count

TITLE = "ActiveCampaign"
LONGEST_REASON = 300  # characters of its own words that are kept

_BATCH_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_API = "/api/3/"
_A_MINUTE = 60.0
_MOVED = say(
    "{destination} has no such account, or it has moved. Connect again with its host.",
    destination=TITLE,
)
_LOG_IN = re.compile(rb"log.?in|sign.?in|password", re.IGNORECASE)
_RATE = re.compile(r"rate limit|per minute", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")


class ImportRefused(BatchRefused):
    """An import that was refused for some of its contacts, by their numbers in it."""

    known_as = "Refusal"  # in telemetry

    def __init__(self, account: str, named: Sequence[tuple[int, str]]) -> None:
        reason = say_count(
            "{destination} refused the import for {count} contact in it.",
            "{destination} refused the import for {count} contacts in it.",
            len(named),
            destination=TITLE,
        )
        super().__init__("invalid_contact", reason)
        self.account = account  # the address that its API begins with
        self.named = named


class NothingThere(NeedsAttention):
    """There is nothing at an address: not what was asked for, or no account."""


def explained(response: httpx.Response) -> DestinationError | None:
    """Return what an error, or a success that is no JSON, means where the common table differs."""
    said = _said(response)
    match response.status_code:
        case 400:
            return _refused_import(said, response) or _refused(said, 400)
        case 401 | 403:
            return NeedsAttention(
                Culprit.CONNECTION,
                say(
                    "{destination} does not accept the key, or its user may not do this ({status}). "
                    "Connect again.",
                    destination=TITLE,
                    status=str(response.status_code),
                ),
            )
        case 404 if said:
            return NothingThere(Culprit.CONNECTION, _MOVED)
        case 404:
            return NeedsAttention(Culprit.CONNECTION, _MOVED)
        case 408:
            return None
        case 429:
            after = response.headers.get("retry-after", "")
            seconds = float(after) if after.isascii() and after.isdigit() else None
            reason = say("{destination} is limiting requests (429).", destination=TITLE)
            return RateLimited(reason, seconds)
    if response.is_redirect:
        return NeedsAttention(Culprit.CONNECTION, _MOVED)
    if response.is_success:
        return _log_in_page(response)
    if response.is_server_error:
        return _out_of_reach(said)
    return _refused(said, response.status_code)


def queued(answer: Any) -> str:
    """Return the id of the import that was queued; raise what another answer means."""
    with parsing_answer(TITLE):
        said = {str(key).lower(): value for key, value in answer.items()}
        if str(said["success"]).lower() in ("1", "true"):
            batch_id = said["batchid"]
            if not _BATCH_ID.fullmatch(batch_id):
                raise ValueError("no id")
            return str(batch_id)
    raise TryLater(
        say("{destination} did not queue the import and did not say why.", destination=TITLE)
    )


def require_user(answer: Any) -> None:
    """Raise NeedsAttention if a key is nobody's: an answer without a user is a page that lets nobody in."""
    user = answer.get("user") if isinstance(answer, dict) else None
    if not user or not isinstance(user, dict):
        raise NeedsAttention(
            Culprit.CONNECTION,
            say(
                "{destination} did not say whose key it is. Check host and key.",
                destination=TITLE,
            ),
        )


def _said(response: httpx.Response) -> Mapping[str, Any]:
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def listed(said: Mapping[str, Any], name: str) -> Sequence[Any]:
    """Return a list in an answer, nothing if it is no list."""
    found = said.get(name)
    return found if isinstance(found, list) else ()


def _words(said: Mapping[str, Any]) -> str:
    """Return the vendor's own words of an error, without addresses."""
    errors = [each for each in listed(said, "errors") if isinstance(each, dict)]
    words = [
        said.get("message"),
        *(each for each in listed(said, "failureReasons") if isinstance(each, str)),
        *(each.get("detail") or each.get("title") for each in errors),
    ]
    return without_addresses(" ".join(str(each) for each in words if each), LONGEST_REASON)


def _refused(said: Mapping[str, Any], status: int) -> DestinationError:
    return BatchRefused(f"http_{status}", refused(TITLE, str(status), _words(said)))


def _refused_import(said: Mapping[str, Any], response: httpx.Response) -> DestinationError | None:
    """Tell the rate of imports from contacts that are at fault."""
    words = _words(said)
    if _RATE.search(words):
        reason = say(
            "{destination} is limiting imports (400). {words}", destination=TITLE, words=words
        )
        return RateLimited(reason, _A_MINUTE)
    named = list(_named(said))
    if not named:
        return None
    return ImportRefused(str(response.request.url).partition(_API)[0], named)


def _named(said: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Return who is named by number, and why. Scalars are texts in most of its answers."""
    for each in listed(said, "failureReasons"):
        number = str(each.get("contact")) if isinstance(each, dict) else ""
        if _NUMBER.fullmatch(number):
            yield int(number), str(each.get("failureReason") or "")[:LONGEST_REASON]


def _log_in_page(response: httpx.Response) -> DestinationError | None:
    """A wrong key may be answered with the page where people log in."""
    is_page = "html" in response.headers.get("content-type", "").lower()
    if not is_page or not _LOG_IN.search(response.content[:MOST_OF_A_PAGE]):
        return None
    return NeedsAttention(
        Culprit.CONNECTION,
        say(
            "{destination} answered with its log-in page: check host and key.",
            destination=TITLE,
        ),
    )


def _out_of_reach(said: Mapping[str, Any]) -> DestinationError | None:
    wait = said.get("retry_after")
    if isinstance(wait, bool) or not isinstance(wait, int | float) or wait <= 0:
        return None
    reason = say("{destination} cannot be reached behind its network.", destination=TITLE)
    return TryLater(reason, float(wait))
