"""What every API call passes first: credentials, the connection limit, faults and latency."""

import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.sandbox.faults import Fault
from local.sandbox.mailchimp import problems
from local.sandbox.mailchimp.state import Account, Sandbox
from local.serving import RESET

CONNECTIONS = 10
TIMEOUT = 120  # seconds of the sandbox

_EDGE_ERROR = "<html><body>An error occurred while processing your request.</body></html>"
_ANSWERS: dict[str, Callable[[], Response]] = {
    "401": problems.API_KEY_INVALID.answer,
    "403-bodiless": lambda: Response(status_code=403),
    "429": problems.TOO_MANY_REQUESTS.answer,
    "500": problems.INTERNAL.answer,
    "500-html": lambda: HTMLResponse(_EDGE_ERROR, 500),
    "503": problems.DISABLED.answer,
    "html-200": lambda: HTMLResponse("<html><body>Please sign in.</body></html>"),
}
_IDS = re.compile(r"/(lists|members)/[^/]+")


class Gate:
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp) -> None:
        self._sandbox, self._api = sandbox, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one API call, refused or not, and count it."""
        authorization = Headers(scope=scope).get("authorization")
        account = self._sandbox.caller(authorization or "")
        if account is None:
            problem = problems.API_KEY_INVALID if authorization else problems.API_KEY_MISSING
            await problem.answer()(scope, receive, send)
            return
        route = f"{scope['method']} {_IDS.sub(r'/\1/{id}', scope['path'])}"
        account.connect()
        outcome = "failed"
        try:
            outcome = await self._admit(account, scope, receive, send)
        except ClientDisconnect:
            outcome = "disconnected"
        finally:
            account.requests[f"{route} {outcome}"] += 1
            account.disconnect()

    async def _admit(self, account: Account, scope: Scope, receive: Receive, send: Send) -> str:
        """Answer the request; returns the status, or what happened instead of an answer."""
        crowded = account.connections > CONNECTIONS
        # Read it all first: what has arrived takes effect even if the client is gone by then.
        body = await Request(scope, receive).body()
        if scope["datacenter"] not in (None, account.datacenter):
            answer = problems.wrong_datacenter(account.datacenter).answer()
            return await _call(answer, scope, receive, send)
        if crowded:
            return await _call(problems.TOO_MANY_REQUESTS.answer(), scope, receive, send)
        fault = self._sandbox.faults.take(account.number, scope["method"], scope["path"])
        if fault and fault.kind in _ANSWERS:
            return await _call(_ANSWERS[fault.kind](), scope, receive, send)
        if fault and not fault.kind.endswith("-after"):
            return await self._cut(fault, scope, receive)
        latency = self._sandbox.latency if account.latency is None else account.latency
        if latency >= TIMEOUT:
            return await self._cut(Fault(kind="silence", seconds=TIMEOUT), scope, receive)
        if latency:
            await self._sandbox.clock.sleep(latency)
        scope["account"] = account
        if fault:
            await _call(self._api, scope, _again(body), _nowhere)
            return await self._cut(fault, scope, receive)
        return await _call(self._api, scope, _again(body), send)

    async def _cut(self, fault: Fault, scope: Scope, receive: Receive) -> str:
        """Reset the connection; a silent one keeps its place among the 10 until then."""
        if fault.kind.startswith("silence"):
            await self._sandbox.clock.sleep(fault.seconds)
        lent = scope.get("extensions", {}).get(RESET)
        if lent is None:  # called in the same process, where there is no connection
            raise ConnectionResetError(fault.kind)
        lent["reset"]()
        while (await receive())["type"] != "http.disconnect":
            pass  # uvicorn must have noticed the end before this returns without an answer
        return fault.kind


async def _call(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> str:
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
