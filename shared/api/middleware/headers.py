"""Gives every answer the headers that all have, each of them once and in ASCII.

Of several headers of one name the Functions host keeps the last, and one that is not ASCII breaks the answer.
"""

from collections.abc import Iterable
from urllib.parse import quote

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


_COOKIE = b"set-cookie"
"""The one header that may stand several times: the adapter passes cookies on one by one."""

_ASCII = bytes(range(0x20, 0x7F)).decode()

type _Headers = list[tuple[bytes, bytes]]


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
    message["headers"] = once_each(message["headers"])


def once_each(headers: Iterable[tuple[bytes, bytes]]) -> _Headers:
    """Return headers with all values of a name in one, and what is not ASCII in them percent-encoded."""
    joined: dict[bytes, bytes] = {}
    cookies: _Headers = []
    for given, value in headers:
        name, plain = given.lower(), _ascii(value)
        if name == _COOKIE:
            cookies.append((name, plain))
        else:
            joined[name] = joined[name] + b", " + plain if name in joined else plain
    return [*joined.items(), *cookies]


def _ascii(value: bytes) -> bytes:
    text = value.decode("latin-1")  # as Starlette has encoded it
    return value if text.isascii() and text.isprintable() else quote(text, safe=_ASCII).encode()
