"""Refuses requests that are larger than any needs to be, and more of them than a caller may send."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from shared.api.allowances import TooMany
from shared.api.middleware.layer import Layer
from shared.api.problems import HEADERS_TOO_LARGE, QUERY_TOO_LONG, TOO_LARGE, answer, problem
from shared.domain.message import say

MAX_BODY = 1_000_000  # bytes
MAX_QUERY = 8_000  # bytes
MAX_HEADERS = 32_000  # bytes of names and values; a token takes a few thousand of them


class HeadLimits(Layer):
    """Limits what stands in front of the body: the query and the headers."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request by what there is of it already."""
        await (_too_much(scope) or self.app)(scope, receive, send)


class CallerLimit(Layer):
    """Limits how many requests a caller sends; after their language is known, before their body is read."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request of somebody who is signed in, and refuse one too many."""
        caller = scope.get("state", {}).get("caller")
        if caller is not None:
            try:
                scope["app"].state.allowances.callers.use(caller.person.id)
            except TooMany as error:
                await answer(Request(scope), error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class BodyLimit(Layer):
    """Limits the body, whatever the request says of its length."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, and give it to the inner layers in one piece."""
        body = await _body(scope, receive)
        if body is None:
            detail = say("The body may have {most} bytes.", most=MAX_BODY)
            await problem(scope, TOO_LARGE, detail)(scope, receive, send)
            return
        await self.app(scope, _replaying(body, receive), send)


def _too_much(scope: Scope) -> Response | None:
    """Return what to answer when there is more beside the body than any request needs, or None."""
    if len(scope.get("query_string", b"")) > MAX_QUERY:
        detail = say("The query may have {most} bytes.", most=MAX_QUERY)
        return problem(scope, QUERY_TOO_LONG, detail)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        detail = say("The headers may have {most} bytes together.", most=MAX_HEADERS)
        return problem(scope, HEADERS_TOO_LARGE, detail)
    return None


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """Return the whole body, or None when it is too large."""
    length = Headers(scope=scope).get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY:
        return None
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, then whatever comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
