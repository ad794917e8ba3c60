"""Serves the app's routes over HTTP, and the few addresses under /admin and /runtime that are the host's own.

As the Azure host does, requests and answers are held whole in memory, a body without a
Content-Length is dropped, what is too long is refused, routes are tried in the order of the
functions' names, and a failed invocation is a 500 without a body. All of it was seen at Microsoft's
host 4.1037.
"""

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from local.host.answers import Answer, home_page, of_host, of_json, of_value
from local.host.blobs import BlobListener
from local.host.config import FUNCTION_KEY, MASTER_KEY, SYSTEM_KEY
from local.host.patterns import encoded_path, request_path, route_pattern
from local.host.protos import RpcHttp, TypedData
from local.host.storage import host_id
from local.host.worker import Function, invoke

# Bytes, but for the count of headers: the Azure host's own limits
BODY_LIMIT = 100 * 1024 * 1024
LINE_LIMIT = 8 * 1024  # method, target and version with their spaces and line end
HEADERS_LIMIT = 32 * 1024
MOST_HEADERS = 100
_READ_LIMIT = 1024 * 1024  # what the server takes in, so that the limits above answer

_OWN = re.compile(
    "/admin/(functions(/.*)?|(host|instance)/.+|vfs/.*)|/runtime/webhooks/[^/]+(/.*)?",
    re.IGNORECASE | re.DOTALL,
)
_OPENS = {"function": {FUNCTION_KEY, MASTER_KEY}, "admin": {MASTER_KEY}}
_CUT = ("connection", "close")

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
ByHand = Callable[[str], Coroutine[Any, Any, None]]
"""Runs a function once with the text of its input."""


@dataclass(frozen=True)
class Route:
    """An HTTP function and the requests it takes; no methods means all."""

    function: Function
    path: re.Pattern[str]
    methods: frozenset[str]


def route(function: Function, prefix: str) -> Route:
    """Read an HTTP function's binding.

    Raises ValueError for a route that this host does not support.
    """
    template = function.trigger.get("route")
    methods = frozenset(str(each).upper() for each in function.trigger.get("methods") or ())
    pattern = route_pattern(prefix, function.name if template is None else template)
    return Route(function, pattern, methods)


class HttpApp:
    """The ASGI application.

    `start` runs a coroutine in the background; `by_hand` has an entry for each function that
    /admin can start, `functions` is what it lists.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        routes: Sequence[Route],
        by_hand: Mapping[str, ByHand],
        blobs: BlobListener,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        # Whether each answer is the last of its connection: the server overlooks one that opens as it stops.
        self.closing = False
        self._functions = functions
        self._routes = routes
        self._by_hand = by_hand
        self._blobs = blobs
        self._start = start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        answer = _refusal(scope)
        if answer is None:
            body = await _body(receive) if "content-length" in headers else b""
            answer = await self._answer(scope, headers, body)
        if self.closing:
            answer = replace(answer, headers=(*answer.headers, _CUT))
        await _send(answer, send)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], body: bytes) -> Answer:
        try:
            path = request_path(_target(scope, headers))
        except ValueError:
            return of_host(400)
        if _OWN.fullmatch(path):
            return await self._own(scope, path, _key(scope, headers), body)
        return await self._function(scope, path, headers, body)

    async def _own(self, scope: Scope, path: str, key: str, body: bytes) -> Answer:
        segments = path.strip("/").split("/")
        match (scope["method"], *(each.lower() for each in segments[:2]), *segments[2:]):
            case (_, "runtime", *_) if refused := _locked(key, {MASTER_KEY, SYSTEM_KEY}):
                return refused
            case ("POST", "runtime", "webhooks", "blobs"):
                return await self._webhook(scope, body)
            case ("GET", "admin", "host", "ping"):
                return of_host(200)
            case (_, "admin", *_) if refused := _locked(key, {MASTER_KEY}):
                return refused
            case ("GET", "admin", "host", "status"):
                return of_json(200, {"id": host_id(), "state": "Running"})
            case ("GET", "admin", "functions"):
                return of_json(200, [_listed(each) for each in self._functions])
            case ("POST", "admin", "functions", name):
                return self._start_by_hand(name, body)
        return of_host(404)

    async def _function(
        self, scope: Scope, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        for each in self._routes:
            found = each.path.fullmatch(path)
            if found and (not each.methods or scope["method"] in each.methods):
                level = str(each.function.trigger.get("authLevel")).lower()
                if level != "anonymous" and (
                    refused := _locked(_key(scope, headers), _OPENS[level])
                ):
                    return refused
                if not headers.get("host"):
                    return of_host(500)  # no address can be made for the worker
                request = _request(scope, path, headers, body, found.groupdict())
                result = await invoke(each.function, TypedData(http=request))
                return of_value(result.value) if result.succeeded else of_host(500)
        return home_page() if path == "/" else of_host(404)

    def _start_by_hand(self, name: str, body: bytes) -> Answer:
        if name not in self._by_hand:
            return of_host(404)
        try:
            text = json.loads(body)["input"] if body else ""
        except (ValueError, KeyError, TypeError):
            return of_json(400, {"message": 'the body must be {"input": "..."}'})
        self._start(self._by_hand[name](text if isinstance(text, str) else json.dumps(text)))
        return of_host(202)

    async def _webhook(self, scope: Scope, body: bytes) -> Answer:
        kind = _headers(scope).get("aeg-event-type", "").lower()
        try:
            if kind == "subscriptionvalidation":
                code = json.loads(body)[0]["data"]["validationCode"]
                return of_json(200, {"validationResponse": code})
            if kind == "notification":
                name = _query(scope).get("functionName", "")
                await self._blobs.receive(name, json.loads(body))
        except (ValueError, KeyError, TypeError, IndexError):
            return of_host(500)
        return of_host(202 if kind in {"notification", "unsubscribe"} else 400)


class HttpServer:
    """Uvicorn around the application, stopping when told and not by signals."""

    def __init__(self, app: HttpApp, listening: socket.socket) -> None:
        self._app = app
        self._listening = listening
        config = uvicorn.Config(
            app,
            lifespan="off",
            http="h11",
            h11_max_incomplete_event_size=_READ_LIMIT,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        self._server = _Server(config)

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until told to stop, then finish the requests under way."""
        serving = asyncio.create_task(self._server.serve([self._listening]))
        await stopping.wait()
        self._app.closing = True
        self._server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the host."""
        yield


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name, repeated ones joined as the Azure host joins them."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _query(scope: Scope) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(scope["query_string"].decode(), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


async def _body(receive: Receive) -> bytes:
    parts = bytearray()
    more = True
    while more:
        message = await receive()
        parts += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(parts)


def _refusal(scope: Scope) -> Answer | None:
    """Return the answer to what is too long, after which the connection is cut; None to all else."""
    query = scope["query_string"]
    line = f"{scope['method']}  HTTP/1.1\r\n".encode() + scope["raw_path"]
    headers = scope["headers"]
    status = None
    if len(line) + (len(query) + 1 if query else 0) > LINE_LIMIT:
        status = 414
    elif (
        len(headers) > MOST_HEADERS
        or sum(len(name) + len(value) + len(": \r\n") for name, value in headers) > HEADERS_LIMIT
    ):
        status = 431
    elif int(dict(headers).get(b"content-length", 0)) > BODY_LIMIT:
        status = 500
    return None if status is None else replace(of_host(status), headers=(_CUT,))


def _target(scope: Scope, headers: Mapping[str, str]) -> str:
    """Return the path as it was sent; an absolute address must be of the host that it names."""
    target: str = scope["raw_path"].decode("latin-1")
    own = f"http://{headers.get('host')}"
    return target.removeprefix(own) or "/" if target.startswith(own) else target


def _key(scope: Scope, headers: Mapping[str, str]) -> str:
    return headers.get("x-functions-key") or _query(scope).get("code", "")


def _locked(key: str, opens: Set[str]) -> Answer | None:
    """Return None for a key that opens, 403 for one that opens something else, and else 401."""
    if key in opens:
        return None
    return of_host(403 if key in {MASTER_KEY, SYSTEM_KEY, FUNCTION_KEY} else 401)


def _listed(function: Function) -> dict[str, Any]:
    config = {"name": function.name, "bindings": [function.trigger]}
    return {"name": function.name, "config": config, "isDisabled": False, "language": "python"}


def _request(
    scope: Scope,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    params: Mapping[str, str | None],
) -> RpcHttp:
    query = scope["query_string"].decode()
    url = f"{scope['scheme']}://{headers['host']}{encoded_path(path)}"
    return RpcHttp(
        method=scope["method"],
        url=f"{url}?{query}" if query else url,
        headers=headers,
        params={name: value for name, value in params.items() if value is not None},
        query=_query(scope),
        body=TypedData(bytes=body),
    )


async def _send(answer: Answer, send: Send) -> None:
    """Send an answer whole; without a length of its own it goes out in chunks."""
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    if not any(name == b"server" for name, _ in headers):
        headers.append((b"server", b"Kestrel"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
