"""Gives every answer the headers that all have: its language, and what browsers must not do with it."""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from shared.api.middleware.layer import Layer
from shared.api.wording import spoken

_SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # the callback's address holds a code
    "X-Content-Type-Options": "nosniff",
}


class CommonHeaders(Layer):
    """Adds headers to what the inner layers answer; those that it has already stay."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add to its answer when that begins."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(scope, message)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _add_headers(scope: Scope, message: Message) -> None:
    headers = MutableHeaders(scope=message)
    for name, value in _SAFE.items():
        headers.setdefault(name, value)
    headers["Content-Language"] = spoken.get()
    headers.add_vary_header("Accept-Language")
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
