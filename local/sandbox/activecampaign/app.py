"""Makes one ASGI application of the sandbox."""

from starlette.types import ASGIApp

from local.sandbox.activecampaign.api import create_api
from local.sandbox.activecampaign.control import Control
from local.sandbox.activecampaign.gate import Gate
from local.sandbox.activecampaign.state import Sandbox
from local.sandbox.kit.app import by_host, joined


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The API under /api/3 or /HOST/api/3, the settings under /sandbox."""
    gate = Gate(sandbox, create_api(sandbox))
    called = by_host(r"[a-z0-9-]+\.api-us1\.com", r"(?::\d+)?", "/api/3")
    return joined(gate, called, Control(sandbox).routes())
