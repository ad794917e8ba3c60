"""Answers what is asked of an answer instead of for it: only its headers, or only whether it is a new one."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from shared.api.middleware.etags import is_among, with_answer
from shared.api.middleware.layer import Layer
from shared.api.paths import CALLBACK

_PARTIAL = 206  # of a file, of which a part tells no digest
_OF_A_BODY = ("content-length", "content-type", "content-disposition")


class HeadAsGet(Layer):
    """Answers HEAD as GET without the body, and its length, which the host would take for wrong."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; if it is HEAD, send of its answer what stands before the body."""
        if scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                del MutableHeaders(scope=message)["content-length"]
            elif message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        # What only looks at addresses must not use up a sign-in, which is what GET does there.
        method = "HEAD" if scope["path"] == CALLBACK else "GET"
        await self.app({**scope, "method": method}, receive, send_without_body)


class Conditional(Layer):
    """Completes the ETag of an answer by a digest of it, and answers 304 to whoever has it already."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and hold an answer that has an ETag until it is whole."""
        start: Message | None = None
        body = b""

        async def send_once_whole(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _has_tag(message):
                start = message
            elif start is None:
                await send(message)
            else:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await _send_tagged(scope, start, body, send)

        await self.app(scope, receive, send_once_whole)


def _has_tag(start: Message) -> bool:
    return "etag" in Headers(scope=start) and start["status"] != _PARTIAL


async def _send_tagged(scope: Scope, start: Message, body: bytes, send: Send) -> None:
    headers = MutableHeaders(scope=start)
    headers["etag"] = with_answer(headers["etag"], body)
    wanted = ",".join(Headers(scope=scope).getlist("if-none-match"))
    is_read = scope["method"] == "GET" and start["status"] == 200
    if is_read and is_among(headers["etag"], wanted):
        for name in _OF_A_BODY:
            del headers[name]
        start, body = {**start, "status": 304, "headers": headers.raw}, b""
    await send(start)
    await send({"type": "http.response.body", "body": body})
