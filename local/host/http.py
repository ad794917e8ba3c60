"""Serves the app's routes over HTTP, and the host's own under /admin and /runtime.

As the Azure host does, requests and answers are held whole in memory, a body without a
Content-Length is dropped, a body over 100 MB is refused, routes are tried in the order of the
functions' names, and a failed invocation is a 500 without a body.
"""

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from local.host.answers import Answer, of_value
from local.host.blobs import BlobListener
from local.host.patterns import route_pattern
from local.host.protos import RpcHttp, TypedData
from local.host.storage import host_id
from local.host.worker import Function, invoke

BODY_LIMIT = 100 * 1024 * 1024  # bytes, the Azure host's default

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
    /admin can start.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        by_hand: Mapping[str, ByHand],
        blobs: BlobListener,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._routes = routes
        self._by_hand = by_hand
        self._blobs = blobs
        self._start = start

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        length = int(headers.get("content-length", 0))
        if length > BODY_LIMIT:
            answer = Answer(413)
        else:
            body = await _body(receive) if length else b""
            answer = await self._answer(scope, headers, body)
        await _send(answer, send)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], body: bytes) -> Answer:
        segments = scope["path"].strip("/").split("/")
        match (scope["method"], *(each.lower() for each in segments[:2])):
            case ("GET", "admin", "host") if segments[2:] == ["status"]:
                return self._status()
            case ("POST", "admin", "functions") if len(segments) == 3:
                return self._start_by_hand(segments[2], body)
            case ("POST", "runtime", "webhooks") if segments[2:] == ["blobs"]:
                return await self._webhook(_query(scope).get("functionName", ""), body)
            case (_, "admin" | "runtime", *_):
                return Answer(404)  # never the app's
        return await self._function(scope, headers, body)

    async def _function(self, scope: Scope, headers: Mapping[str, str], body: bytes) -> Answer:
        for each in self._routes:
            found = each.path.fullmatch(scope["path"])
            if found and (not each.methods or scope["method"] in each.methods):
                if str(each.function.trigger.get("authLevel")).lower() != "anonymous":
                    return Answer(401)  # there are no keys, so none is right
                request = _request(scope, headers, body, found.groupdict())
                result = await invoke(each.function, TypedData(http=request))
                return of_value(result.value) if result.succeeded else Answer(500)
        return Answer(404)

    def _status(self) -> Answer:
        names = sorted([*self._by_hand, *(each.function.name for each in self._routes)])
        return _json(200, {"id": host_id(), "state": "Running", "functions": names})

    def _start_by_hand(self, name: str, body: bytes) -> Answer:
        if name not in self._by_hand:
            return Answer(404)
        try:
            text = json.loads(body)["input"] if body else ""
        except (ValueError, KeyError, TypeError):
            return _json(400, {"message": 'the body must be {"input": "..."}'})
        self._start(self._by_hand[name](text if isinstance(text, str) else json.dumps(text)))
        return Answer(202)

    async def _webhook(self, function: str, body: bytes) -> Answer:
        if not self._blobs.fed_by_events(function):
            return Answer(404)
        try:
            code = await self._blobs.receive(function, json.loads(body))
        except (ValueError, KeyError, TypeError):
            return Answer(400)
        return Answer(202) if code is None else _json(200, {"validationResponse": code})


class HttpServer:
    """Uvicorn around the application, stopping when told and not by signals."""

    def __init__(self, app: HttpApp, listening: socket.socket) -> None:
        self._listening = listening
        config = uvicorn.Config(
            app,
            lifespan="off",
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


def _request(
    scope: Scope, headers: Mapping[str, str], body: bytes, params: Mapping[str, str | None]
) -> RpcHttp:
    path, query = scope["raw_path"].decode(), scope["query_string"].decode()
    url = f"{scope['scheme']}://{headers.get('host', 'localhost')}{path}"
    return RpcHttp(
        method=scope["method"],
        url=f"{url}?{query}" if query else url,
        headers=headers,
        params={name: value for name, value in params.items() if value is not None},
        query=_query(scope),
        body=TypedData(bytes=body),
    )


def _json(status: int, document: object) -> Answer:
    return Answer(status, json.dumps(document).encode(), (("content-type", "application/json"),))


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
    ]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
