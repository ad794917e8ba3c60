"""Makes one ASGI application of the sandbox."""

from starlette.types import ASGIApp, Scope

from local.sandbox.constant_contact.api import create_api
from local.sandbox.constant_contact.control import Control
from local.sandbox.constant_contact.gate import Gate
from local.sandbox.constant_contact.oauth import OAuth
from local.sandbox.constant_contact.state import Sandbox
from local.sandbox.kit.app import joined


def create_app(sandbox: Sandbox) -> ASGIApp:
    """OAuth under /oauth2, the API under /v3, the settings under /sandbox."""
    gate = Gate(sandbox, create_api(sandbox))
    return joined(gate, _called, [*OAuth(sandbox).routes(), *Control(sandbox).routes()])


def _called(scope: Scope) -> Scope | None:
    return scope if scope["path"].startswith("/v3/") else None
