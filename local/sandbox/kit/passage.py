"""Leads a call that was let in to the API: takes the time that it takes, and lets it fail as told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.sandbox.kit.clock import Clock
from local.sandbox.kit.faults import Fault
from local.serving import RESET

type Answers = Mapping[str, Callable[[], Response]]
"""Kind of a fault -> the vendor's own way of saying so. PAGES has those that are the same for all."""

_JSON = "application/json"
_ODD = b'[{"status": "ok"}]'

PAGES: Answers = {
    "html-200": lambda: HTMLResponse("<html><body>We will be back soon.</body></html>"),
    "login-200": lambda: HTMLResponse(
        '<html><body><form method="post">Log in: <input name="user">'
        '<input name="password" type="password"></form></body></html>'
    ),
}


@dataclass(frozen=True)
class Passage:
    """The way of a request to the API behind it, on which it can meet a fault."""

    api: ASGIApp
    clock: Clock
    answers: Answers

    async def admit(
        self,
        fault: Fault | None,
        latency: float,
        scope: Scope,
        receive: Receive,
        body: bytes,
        send: Send,
    ) -> str:
        """Answer a request whose body has been read, after `latency` seconds of the sandbox.

        Returns the status, or what happened instead of an answer.
        """
        kind = fault.kind if fault else ""
        if kind in self.answers:
            return await call(self.answers[kind](), scope, receive, send)
        if fault and kind in ("reset-before", "silence"):
            return await self.cut(fault, scope, receive)
        if fault and kind == "slow":
            latency += fault.seconds
        if latency:
            await self.clock.sleep(latency)
        if fault and kind.endswith("-after"):
            await call(self.api, scope, _again(body), _nowhere)
            return await self.cut(fault, scope, receive)
        if kind in ("cut-200", "odd-200"):
            return await call(await self._spoilt(kind, scope, body), scope, receive, send)
        return await call(self.api, scope, _again(body), send)

    async def cut(self, fault: Fault, scope: Scope, receive: Receive) -> str:
        """Reset the connection, after a silence if that is the fault."""
        if fault.kind.startswith("silence"):
            await self.clock.sleep(fault.seconds)
        lent = scope.get("extensions", {}).get(RESET)
        if lent is None:  # called in the same process, where there is no connection
            raise ConnectionResetError(fault.kind)
        lent["reset"]()
        while (await receive())["type"] != "http.disconnect":
            pass  # uvicorn must have noticed the end before this returns without an answer
        return fault.kind

    async def _spoilt(self, kind: str, scope: Scope, body: bytes) -> Response:
        """Let the request take effect; return its answer cut off in the middle, or of another shape."""
        sent = bytearray()

        async def kept(message: Message) -> None:
            sent.extend(message.get("body", b""))

        await self.api(scope, _again(body), kept)
        content = bytes(sent[: len(sent) // 2]) if kind == "cut-200" else _ODD
        return Response(content, media_type=_JSON)


def with_a_time(answer: Callable[[], Response], seconds: int) -> Callable[[], Response]:
    """Return how the vendor says the same with a Retry-After."""

    def answer_with_a_time() -> Response:
        told = answer()
        told.headers["Retry-After"] = str(seconds)
        return told

    return answer_with_a_time


async def call(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> str:
    """Let an application answer; returns the status."""
    status = "disconnected"

    async def watched(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = str(message["status"])
        await send(message)

    await app(scope, receive, watched)
    return status


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return receive


async def _nowhere(_: Message) -> None:
    """Swallow an answer that the caller never sees."""
