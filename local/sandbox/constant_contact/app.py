"""The sandbox as one ASGI application."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.constant_contact.api import create_api
from local.sandbox.constant_contact.control import Control
from local.sandbox.constant_contact.gate import Gate
from local.sandbox.constant_contact.oauth import OAuth
from local.sandbox.constant_contact.state import Sandbox


def create_app(sandbox: Sandbox) -> ASGIApp:
    """OAuth under /oauth2, the API under /v3, the settings under /sandbox."""
    gate = Gate(sandbox, create_api(sandbox))
    rest = Starlette(
        routes=[Route("/health", _health), *OAuth(sandbox).routes(), *Control(sandbox).routes()]
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_call = scope["type"] == "http" and scope["path"].startswith("/v3/")
        await (gate if is_call else rest)(scope, receive, send)

    return app


async def _health(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")
