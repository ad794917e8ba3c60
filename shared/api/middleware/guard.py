"""What stands before every route: language, sign-in, size of the body, safe headers, the last resort.

These are plain ASGI applications because they must also hold where FastAPI answers by itself (an
unknown path, a body that is no JSON), and because Starlette's own answer to an unknown exception is
lost under the Functions adapter.
"""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.api.language import accepted, spoken
from shared.api.problems import (
    HEADERS_TOO_LARGE,
    QUERY_TOO_LONG,
    TOO_LARGE,
    UNEXPECTED,
    answer,
    correlation_id,
    problem,
)
from shared.api.tokens import NotSignedIn, TokenCheck
from shared.connections.oauth_sign_in import CALLBACK
from shared.domain.errors import ProductError
from shared.domain.message import say
from shared.domain.people import Language, Person
from shared.people.preferences import preferred_language
from shared.runs.send.import_callbacks import PATH as REPORTS
from shared.storage.ports import Unavailable
from shared.telemetry.logs import what_failed

MAX_BODY = 1_000_000  # bytes
MAX_QUERY = 8_000  # bytes
MAX_HEADERS = 32_000  # bytes of names and values; a token takes a few thousand of them
DONE = "/api/v1/oauth/done"
PUBLIC = {"/api/health", "/api/docs", "/api/openapi.json", CALLBACK, DONE}
"""The paths that need no token, besides those that begin as below."""

_PUBLIC_FOLDERS = (
    "/api/problems/",
    f"{REPORTS}/",
)  # an address of a report is its own authorisation

_IN_ENGLISH = {"/api/docs", "/api/openapi.json"}
"""What programmers read."""

_log = logging.getLogger(__name__)

_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the callback's address holds a code
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Wraps the whole API."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        in_english = scope["path"] in _IN_ENGLISH
        spoken.set(Language.ENGLISH if in_english else accepted(Headers(scope=scope)))

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(scope, message)
            await send(message)

        try:
            await self._answer(scope, receive, send_safely)
        except Exception as error:
            _log_failure(scope, error)
            if started:
                raise
            detail = say("The request was not done, or not wholly. Try again, or report the id.")
            await problem(scope, UNEXPECTED, detail)(scope, receive, send_safely)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _too_much(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        path = scope["path"]
        if path not in PUBLIC and not path.startswith(_PUBLIC_FOLDERS):
            tokens: TokenCheck = scope["app"].state.tokens
            try:
                caller = await tokens.caller(_bearer(scope))
            except (NotSignedIn, ProductError) as error:
                await answer(Request(scope), error)(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
            await _heed_preference(scope, caller.person)
        body = await _body(scope, receive)
        if body is None:
            detail = say("The body may have {most} bytes.", most=MAX_BODY)
            await problem(scope, TOO_LARGE, detail)(scope, receive, send)
            return
        await self._app(scope, _replaying(body, receive), send)


def _too_much(scope: Scope) -> Response | None:
    """Return what to answer when there is more beside the body than any request needs, or None."""
    if len(scope.get("query_string", b"")) > MAX_QUERY:
        detail = say("The query may have {most} bytes.", most=MAX_QUERY)
        return problem(scope, QUERY_TOO_LONG, detail)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADERS:
        detail = say("The headers may have {most} bytes together.", most=MAX_HEADERS)
        return problem(scope, HEADERS_TOO_LARGE, detail)
    return None


def _bearer(scope: Scope) -> str:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        reason = say("Send a bearer token in the Authorization header.")
        raise NotSignedIn(reason, given=False)
    return token.strip()


async def _heed_preference(scope: Scope, person: Person) -> None:
    """Speak the language that a person has chosen. If nobody can tell, the header has the last word."""
    try:
        preferred = await preferred_language(await scope["app"].state.get_services(), person)
    except Unavailable:
        return
    if preferred is not None:
        spoken.set(preferred)


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


def _add_headers(scope: Scope, message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _SAFE.items():
        headers.setdefault(name, value)
    headers["Content-Language"] = spoken.get()
    headers.add_vary_header("Accept-Language")
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _log_failure(scope: Scope, error: Exception) -> None:
    _log.error("request %s: %s", correlation_id(scope), what_failed(error))
