"""Joins the parts of a sandbox into one ASGI application."""

import re
from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

type Called = Callable[[Scope], Scope | None]
"""What the gate is to see of a request, or None if it is no call of the API."""


def joined(gate: ASGIApp, called: Called, routes: Iterable[Route]) -> ASGIApp:
    """Lead calls of the API to the gate, and all else to the routes and to /health."""
    rest = Starlette(routes=[Route("/health", _health), *routes])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = called(scope) if scope["type"] == "http" else None
        await (rest(scope, receive, send) if call is None else gate(call, receive, send))

    return app


def by_host(host: str, domain: str, path: str) -> Called:
    """Tell calls by their path, and which of the vendor's hosts each is for, as `scope["host"]`.

    All three are patterns. The host is the first segment of the path, or what stands before the
    domain in the request's Host header; a call that names none has None.
    """
    paths = re.compile(rf"(?:/({host}))?({path}(?:/.*)?)")
    hosts = re.compile(rf"({host}){domain}")

    def called(scope: Scope) -> Scope | None:
        found = paths.fullmatch(scope["path"])
        if found is None:
            return None
        named, rest = found.groups()
        if named is None and (header := hosts.fullmatch(Headers(scope=scope).get("host", ""))):
            named = header[1]
        return {**scope, "path": rest, "host": named}

    return called


async def _health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")
