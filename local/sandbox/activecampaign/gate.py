"""What every API call passes first: the account's host and key, its rate, faults and latency."""

import re
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.sandbox.activecampaign import problems
from local.sandbox.activecampaign.state import Account, Sandbox
from local.sandbox.faults import Fault
from local.serving import RESET

_ORIGIN_ERROR = {
    "status": 502,
    "error_name": "origin_bad_gateway",
    "retryable": True,
    "retry_after": 60,
}
_MAINTENANCE = "<html><body>We'll be back soon.</body></html>"
# The shapes of server errors are others' recordings: some come from the network in front.
_ANSWERS: dict[str, Callable[[Account], Response]] = {
    "401": lambda _: problems.json_answer({"message": "Unauthorized"}, 401),
    "403": lambda _: problems.json_answer({"message": "Forbidden"}, 403),
    "403-bodiless": lambda _: problems.forbidden(),
    "429": lambda one: problems.too_many_requests(one.knobs.requests_per_second, None),
    "429-retry-after": lambda one: problems.too_many_requests(one.knobs.requests_per_second, 30),
    "500": lambda _: problems.json_answer({"message": "Internal Server Error"}, 500),
    "500-html": lambda _: HTMLResponse("<html><body>Internal Server Error</body></html>", 500),
    "502": lambda _: problems.json_answer(_ORIGIN_ERROR, 502),
    "503": lambda _: HTMLResponse("<html><body>Service Unavailable</body></html>", 503),
    "html-200": lambda _: HTMLResponse(_MAINTENANCE),
    "login-200": lambda _: problems.login_page(),
}
_IDS = re.compile(r"/(lists|contacts)/\d+")


class Gate:
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp) -> None:
        self._sandbox, self._api = sandbox, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one API call, refused or not, and count it."""
        account = self._sandbox.account(scope["host"])
        if account is None:
            await problems.no_endpoint().answer()(scope, receive, send)
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
        refusal = self._refusal(account, scope)
        # Read it all first: what has arrived takes effect even if the client is gone by then.
        body = await Request(scope, receive).body()
        if refusal:
            return await _call(refusal, scope, receive, send)
        fault = self._sandbox.faults.take(account.number, scope["method"], scope["path"])
        kind: str = fault.kind if fault else ""
        if kind in _ANSWERS:
            return await _call(_ANSWERS[kind](account), scope, receive, send)
        if fault and kind in ("reset-before", "silence"):
            return await self._cut(fault, scope, receive)
        latency = self._sandbox.latency if account.latency is None else account.latency
        if fault and kind == "slow":
            latency += fault.seconds
        if latency:
            await self._sandbox.clock.sleep(latency)
        scope["account"] = account
        if fault and kind.endswith("-after"):
            await _call(self._api, scope, _again(body), _nowhere)
            return await self._cut(fault, scope, receive)
        if kind in ("cut-200", "odd-200"):
            return await _call(self._spoilt(kind), scope, _again(body), send)
        return await _call(self._api, scope, _again(body), send)

    def _refusal(self, account: Account, scope: Scope) -> Response | None:
        knobs = account.knobs
        if Headers(scope=scope).get("api-token") != account.api_key:
            # Our guess: such a request does not count for the rate.
            return problems.forbidden() if knobs.bad_key == "403" else problems.login_page()
        now = self._sandbox.clock.now()
        if not account.second.left(knobs.requests_per_second, now):
            account.exceeded["requests_per_second"] += 1
            return problems.too_many_requests(knobs.requests_per_second, knobs.retry_after)
        account.second.take(now)
        return None

    def _spoilt(self, kind: str) -> ASGIApp:
        """The API, whose answer is cut off in the middle or of another shape."""

        async def spoilt(scope: Scope, receive: Receive, send: Send) -> None:
            sent = bytearray()

            async def kept(message: Message) -> None:
                sent.extend(message.get("body", b""))

            await self._api(scope, receive, kept)
            content = bytes(sent[: len(sent) // 2]) if kind == "cut-200" else b'[{"status": "ok"}]'
            await Response(content, media_type=problems.JSON)(scope, receive, send)

        return spoilt

    async def _cut(self, fault: Fault, scope: Scope, receive: Receive) -> str:
        """Reset the connection, after a silence if that is the fault."""
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
