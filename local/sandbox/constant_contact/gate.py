"""What every API call passes first: the application, its rate and its day, the token, faults and latency."""

import re

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.constant_contact import problems
from local.sandbox.constant_contact.state import Account, Sandbox
from local.sandbox.gate import PAGES, Answers, Passage, call

_PROBLEM = "<html><body>Bad Gateway</body></html>"


def _limited_with_a_time() -> Response:
    answer = problems.THROTTLED.answer()
    answer.headers["Retry-After"] = "2"  # undocumented
    return answer


_ANSWERS: Answers = {
    **PAGES,
    "401": problems.UNAUTHORIZED.answer,
    "403": problems.FORBIDDEN.answer,
    "403-bodiless": lambda: Response(status_code=403),
    "429": problems.THROTTLED.answer,
    "429-retry-after": _limited_with_a_time,
    "500": problems.INTERNAL.answer,
    "500-html": lambda: HTMLResponse(_PROBLEM, 500),
    "502": lambda: HTMLResponse(_PROBLEM, 502),
    "503": problems.UNAVAILABLE.answer,
    "503-blocked": lambda: JSONResponse({"message": "Service Unavailable"}, 503),
}
_IDS = re.compile(r"/(contact_lists|activities)/[0-9a-f-]{36}")


class Gate:
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp) -> None:
        self._sandbox = sandbox
        self._passage = Passage(api, sandbox.clock, _ANSWERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one API call, refused or not, and count it."""
        account = self._sandbox.caller(Headers(scope=scope).get("authorization", ""))
        if account is None:
            await problems.UNAUTHORIZED.answer()(scope, receive, send)
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
        # The moment of its arrival counts, not that of its end.
        limit = self._sandbox.exceeds()
        body = await Request(scope, receive).body()
        if limit:
            self._sandbox.exceeded[limit] += 1
            problem = problems.SPENT if limit == "requests_per_day" else problems.THROTTLED
            return await call(problem.answer(), scope, receive, send)
        if self._sandbox.revoked:
            return await call(problems.FORBIDDEN.answer(), scope, receive, send)
        fault = self._sandbox.faults.take(account.number, scope["method"], scope["path"])
        latency = self._sandbox.latency if account.latency is None else account.latency
        scope["account"] = account
        return await self._passage.admit(fault, latency, scope, receive, body, send)
