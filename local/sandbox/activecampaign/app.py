"""The sandbox as one ASGI application."""

import re

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.activecampaign.api import create_api
from local.sandbox.activecampaign.control import Control
from local.sandbox.activecampaign.gate import Gate
from local.sandbox.activecampaign.state import Sandbox

_HOST = r"[a-z0-9-]+\.api-us1\.com"
_API_PATH = re.compile(rf"(?:/({_HOST}))?(/api/3(?:/.*)?)")
_API_HOST = re.compile(rf"({_HOST})(?::\d+)?")


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The API under /api/3 or /HOST/api/3, the settings under /sandbox."""
    gate = Gate(sandbox, create_api(sandbox))
    rest = Starlette(routes=[Route("/health", _health), *Control(sandbox).routes()])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called = _API_PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if called is None:
            await rest(scope, receive, send)
            return
        host, path = called.groups()
        if host is None:
            named = _API_HOST.fullmatch(Headers(scope=scope).get("host", ""))
            host = named[1] if named else ""
        await gate({**scope, "path": path, "host": host}, receive, send)

    return app


async def _health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")
