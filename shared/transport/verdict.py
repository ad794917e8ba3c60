"""What an answer of a vendor means: one table from HTTP to what happens next.

A destination's `explain` is asked first and only states exceptions.
"""

import re
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import orjson

from shared.destinations.protocol import Read
from shared.domain.errors import BatchRefused, Culprit, Halt, Limited, NeedsAttention, TryLater

type Explain = Callable[[httpx.Response], Halt | None]

_PASSWORD = re.compile(rb"""<input[^>]+type=["']?password""", re.IGNORECASE)

_STATUS: dict[int, Callable[[str, httpx.Response], Halt]] = {
    401: lambda who, _: NeedsAttention(
        Culprit.CONNECTION, f"{who} no longer accepts the sign-in (401). Sign in again."
    ),
    403: lambda who, _: NeedsAttention(
        Culprit.CONNECTION, f"{who} does not allow this account to do it (403). Sign in again."
    ),
    404: lambda who, _: NeedsAttention(Culprit.LIST, f"{who} no longer has the list (404)."),
    408: lambda who, _: TryLater(f"{who} took too long to read the request (408)."),
    429: lambda who, answer: Limited(f"{who} is limiting requests (429).", retry_after(answer)),
}


def understood(
    who: str, response: httpx.Response, explain: Explain, read: Read | None = None
) -> Any:
    """Return the JSON of an answer, or raise what the answer means; `who` is the destination's title."""
    if not response.is_success:
        raise _error(who, response, explain)
    try:
        return (read or orjson.loads)(response.content)
    except ValueError:  # what both make of something that is no JSON
        raise explain(response) or _no_data(who, response) from None


def _error(who: str, response: httpx.Response, explain: Explain) -> Halt:
    status = response.status_code
    if explained := explain(response):
        return explained
    if known := _STATUS.get(status):
        return known(who, response)
    if response.is_server_error:
        return TryLater(f"{who} has a problem of its own ({status}).", retry_after(response))
    return BatchRefused(
        f"http_{status}", f"{who} refused the request ({status}). {_detail(response)}"
    )


def _no_data(who: str, response: httpx.Response) -> Halt:
    """Tell the page where people sign in from other pages, and from answers that were cut off."""
    if _PASSWORD.search(response.content):
        return NeedsAttention(
            Culprit.CONNECTION, f"{who} answered with its sign-in page. Sign in again."
        )
    return TryLater(f"{who} answered with something that is not data.")


def lost(who: str, error: httpx.RequestError) -> TryLater:
    """Return what a request without an answer means. Every request of ours may be repeated."""
    cause = error.__cause__  # the transport calls every broken connection a ConnectTimeout
    made = not isinstance(cause, aiohttp.ClientConnectorError)
    if made and isinstance(cause, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError):
        return TryLater(f"The connection to {who} broke before an answer came.")
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return TryLater(f"{who} could not be reached.")
    if isinstance(error, httpx.TimeoutException):
        return TryLater(f"{who} did not answer in time.")
    return TryLater(f"The connection to {who} broke before an answer came.")


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header; dates and nonsense count as none."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _detail(response: httpx.Response) -> str:
    """Return the vendor's own sentence from a problem document, if there is one."""
    try:
        body = response.json()
    except ValueError:
        return ""
    return str(body.get("detail", ""))[:300] if isinstance(body, dict) else ""
