"""What every API call passes first: the account's host and key, its rate, faults and latency."""

import re

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.activecampaign import problems
from local.sandbox.activecampaign.settings import Settings
from local.sandbox.activecampaign.state import Account, Sandbox
from local.sandbox.gate import PAGES, Answers, Passage, call

_PUBLISHED = Settings()
_ORIGIN_ERROR = {
    "status": 502,
    "error_name": "origin_bad_gateway",
    "retryable": True,
    "retry_after": 60,
}
# The shapes of server errors are others' recordings: some come from the network in front.
_ANSWERS: Answers = {
    **PAGES,
    "401": lambda: problems.json_answer({"message": "Unauthorized"}, 401),
    "403": lambda: problems.json_answer({"message": "Forbidden"}, 403),
    "403-bodiless": problems.forbidden,
    "429": lambda: problems.too_many_requests(_PUBLISHED.requests_per_second, None),
    "429-retry-after": lambda: problems.too_many_requests(
        _PUBLISHED.requests_per_second, _PUBLISHED.retry_after
    ),
    "500": lambda: problems.json_answer({"message": "Internal Server Error"}, 500),
    "500-html": lambda: HTMLResponse("<html><body>Internal Server Error</body></html>", 500),
    "502": lambda: problems.json_answer(_ORIGIN_ERROR, 502),
    "503": lambda: HTMLResponse("<html><body>Service Unavailable</body></html>", 503),
}
_IDS = re.compile(r"/(lists|contacts)/\d+")


class Gate:
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp) -> None:
        self._sandbox = sandbox
        self._passage = Passage(api, sandbox.clock, _ANSWERS)

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
            return await call(refusal, scope, receive, send)
        fault = self._sandbox.faults.take(account.number, scope["method"], scope["path"])
        latency = self._sandbox.latency if account.latency is None else account.latency
        scope["account"] = account
        return await self._passage.admit(fault, latency, scope, receive, body, send)

    def _refusal(self, account: Account, scope: Scope) -> Response | None:
        settings = account.settings
        if Headers(scope=scope).get("api-token") != account.api_key:
            # Our guess: such a request does not count for the rate.
            return problems.forbidden() if settings.bad_key == "403" else PAGES["login-200"]()
        now = self._sandbox.clock.now()
        if not account.second.left(settings.requests_per_second, now):
            account.exceeded["requests_per_second"] += 1
            return problems.too_many_requests(settings.requests_per_second, settings.retry_after)
        account.second.take(now)
        return None
