"""Defines what a layer is: a plain ASGI application around the next one.

Layers are no dependencies of routes because they must also hold where FastAPI answers by itself (an
unknown path, a body that is no JSON).
"""

from abc import ABC, abstractmethod

from starlette.types import ASGIApp, Receive, Scope, Send


class Layer(ABC):
    """Handles requests on their way to `app`; whatever is no HTTP request goes there untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one call of the server's."""
        inside = self.handle if scope["type"] == "http" else self.app
        await inside(scope, receive, send)

    @abstractmethod
    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass it on to `app`."""
