"""The sandbox as one ASGI application."""

import re

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.mailchimp.api import create_api
from local.sandbox.mailchimp.control import Control
from local.sandbox.mailchimp.gate import Gate
from local.sandbox.mailchimp.oauth import OAuth
from local.sandbox.mailchimp.state import Sandbox

_DATACENTER = r"[a-z]{2,4}\d{1,3}"
_API_PATH = re.compile(rf"(?:/({_DATACENTER}))?(/3\.0(?:/.*)?)")
_API_HOST = re.compile(rf"({_DATACENTER})\.api\.mailchimp\.com")


def create_app(sandbox: Sandbox) -> ASGIApp:
    """OAuth under /oauth2, the API under /3.0 or /DC/3.0, the settings under /sandbox."""
    gate = Gate(sandbox, create_api(sandbox))
    rest = Starlette(
        routes=[Route("/health", _health), *OAuth(sandbox).routes(), *Control(sandbox).routes()]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        called = _API_PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if called is None:
            await rest(scope, receive, send)
            return
        datacenter, path = called.groups()
        if datacenter is None:
            host = _API_HOST.fullmatch(Headers(scope=scope).get("host", ""))
            datacenter = host[1] if host else None
        path = "/3.0/" if path == "/3.0" else path
        await gate({**scope, "path": path, "datacenter": datacenter}, receive, send)

    return app


async def _health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")
