"""Makes one ASGI application of the sandbox."""

from starlette.types import ASGIApp, Scope

from local.sandbox.kit.app import by_host, joined
from local.sandbox.mailchimp.api import create_api
from local.sandbox.mailchimp.control import Control
from local.sandbox.mailchimp.gate import Gate
from local.sandbox.mailchimp.oauth import OAuth
from local.sandbox.mailchimp.state import Sandbox

_by_datacenter = by_host(r"[a-z]{2,4}\d{1,3}", r"\.api\.mailchimp\.com", r"/3\.0")


def create_app(sandbox: Sandbox) -> ASGIApp:
    """OAuth under /oauth2, the API under /3.0 or /DC/3.0, the settings under /sandbox."""
    gate = Gate(sandbox, create_api(sandbox))
    return joined(gate, _called, [*OAuth(sandbox).routes(), *Control(sandbox).routes()])


def _called(scope: Scope) -> Scope | None:
    call = _by_datacenter(scope)
    return {**call, "path": "/3.0/"} if call and call["path"] == "/3.0" else call
