"""What an answer of a vendor means: one table from HTTP to what happens next.

A destination's `explain` is asked first and only states exceptions.
"""

import re
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import orjson

from shared.destinations.answers import MOST_OF_A_PAGE, refused
from shared.destinations.contract import Read
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say
from shared.transport.answer import AnswerTooLarge

type Explain = Callable[[httpx.Response], DestinationError | None]

_PASSWORD = re.compile(rb"""<input[^<>]{1,2000}type=["']?password""", re.IGNORECASE)

_STATUS: dict[int, Callable[[str, httpx.Response], DestinationError]] = {
    401: lambda title, _: NeedsAttention(
        Culprit.CONNECTION,
        say("{destination} no longer accepts the sign-in (401). Sign in again.", destination=title),
    ),
    403: lambda title, _: NeedsAttention(
        Culprit.CONNECTION,
        say(
            "{destination} does not allow this account to do it (403). Sign in again.",
            destination=title,
        ),
    ),
    404: lambda title, _: NeedsAttention(
        Culprit.LIST, say("{destination} no longer has the list (404).", destination=title)
    ),
    408: lambda title, _: TryLater(
        say("{destination} took too long to read the request (408).", destination=title)
    ),
    429: lambda title, answer: RateLimited(
        say("{destination} is limiting requests (429).", destination=title), retry_after(answer)
    ),
}


def understood(
    title: str, response: httpx.Response, explain: Explain, read: Read | None = None
) -> Any:
    """Return the JSON of an answer, or raise what the answer means."""
    if not response.is_success:
        raise _error(title, response, explain)
    try:
        return (read or orjson.loads)(response.content)
    except ValueError:  # what both make of something that is no JSON
        raise explain(response) or _no_data(title, response) from None


def _error(title: str, response: httpx.Response, explain: Explain) -> DestinationError:
    status = response.status_code
    if explained := explain(response):
        return explained
    if known := _STATUS.get(status):
        return known(title, response)
    if response.is_server_error:
        reason = say(
            "{destination} has a problem of its own ({status}).",
            destination=title,
            status=str(status),
        )
        return TryLater(reason, retry_after(response))
    return BatchRefused(f"http_{status}", refused(title, str(status), _detail(response)))


def _no_data(title: str, response: httpx.Response) -> DestinationError:
    """Tell the page where people sign in from other pages, and from answers that were cut off."""
    if _PASSWORD.search(response.content[:MOST_OF_A_PAGE]):
        return NeedsAttention(
            Culprit.CONNECTION,
            say("{destination} answered with its sign-in page. Sign in again.", destination=title),
        )
    return TryLater(
        say("{destination} answered with something that is not data.", destination=title)
    )


def lost(title: str, error: httpx.RequestError) -> TryLater:
    """Return what a request without an answer means. Every request of ours may be repeated."""
    broke = say("The connection to {destination} broke before an answer came.", destination=title)
    cause = error.__cause__  # the transport calls every broken connection a ConnectTimeout
    made = not isinstance(cause, aiohttp.ClientConnectorError)
    if made and isinstance(cause, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError):
        return TryLater(broke)
    if isinstance(error, AnswerTooLarge):
        return TryLater(
            say("{destination} gave an answer that is far too long.", destination=title)
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return TryLater(say("{destination} could not be reached.", destination=title))
    if isinstance(error, httpx.TimeoutException):
        return TryLater(say("{destination} did not answer in time.", destination=title))
    return TryLater(broke)


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header; dates and nonsense count as none."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _detail(response: httpx.Response) -> str:
    """Return the vendor's own sentence from a problem document, if there is one."""
    try:
        body = orjson.loads(response.content)  # which also bounds how deep it goes
    except ValueError:
        return ""
    return str(body.get("detail", ""))[:300] if isinstance(body, dict) else ""
