"""What every API call passes first: credentials, the connection limit, faults and latency."""

import re

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.faults import Fault
from local.sandbox.gate import PAGES, Answers, Passage, call
from local.sandbox.mailchimp import problems
from local.sandbox.mailchimp.state import Account, Sandbox

TIMEOUT = 120  # seconds of the sandbox

_EDGE_ERROR = "<html><body>An error occurred while processing your request.</body></html>"


def _limited_with_a_time() -> Response:
    answer = problems.TOO_MANY_REQUESTS.answer()
    answer.headers["Retry-After"] = "30"  # undocumented; others say that it is sent
    return answer


_ANSWERS: Answers = {
    **PAGES,
    "401": problems.API_KEY_INVALID.answer,
    "403": problems.FORBIDDEN.answer,
    "403-bodiless": lambda: Response(status_code=403),
    "429": problems.TOO_MANY_REQUESTS.answer,
    "429-retry-after": _limited_with_a_time,
    "500": problems.INTERNAL.answer,
    "500-html": lambda: HTMLResponse(_EDGE_ERROR, 500),
    "502": lambda: HTMLResponse(_EDGE_ERROR, 502),
    "503": problems.UNAVAILABLE.answer,
    "503-blocked": problems.DISABLED.answer,
}
_IDS = re.compile(r"/(lists|members)/[^/]+")


class Gate:
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp) -> None:
        self._sandbox = sandbox
        self._passage = Passage(api, sandbox.clock, _ANSWERS)

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
        crowded = account.connections > self._sandbox.connections
        # Read it all first: what has arrived takes effect even if the client is gone by then.
        body = await Request(scope, receive).body()
        if scope["datacenter"] not in (None, account.datacenter):
            answer = problems.wrong_datacenter(account.datacenter).answer()
            return await call(answer, scope, receive, send)
        if crowded:
            account.crowded += 1
            return await call(problems.TOO_MANY_REQUESTS.answer(), scope, receive, send)
        fault = self._sandbox.faults.take(account.number, scope["method"], scope["path"])
        latency = self._sandbox.latency if account.latency is None else account.latency
        if latency >= TIMEOUT:
            fault = Fault(kind="silence", seconds=TIMEOUT)
        scope["account"] = account
        return await self._passage.admit(fault, latency, scope, receive, body, send)
