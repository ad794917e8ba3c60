"""What every API call passes first: the account's host and key, its rate, faults and latency."""

import re

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.sandbox.activecampaign.problems import (
    forbidden,
    login_page,
    no_endpoint,
    too_many_requests,
)
from local.sandbox.activecampaign.state import Account, Sandbox

_IDS = re.compile(r"/(lists|contacts)/\d+")


class Gate:
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    def __init__(self, sandbox: Sandbox, api: ASGIApp) -> None:
        self._sandbox, self._api = sandbox, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one API call, refused or not, and count it."""
        account = self._sandbox.account(scope["host"])
        if account is None:
            await no_endpoint().answer()(scope, receive, send)
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
        refusal = self._refusal(account, scope)
        body = await Request(scope, receive).body()
        if refusal:
            return await _call(refusal, scope, receive, send)
        latency = self._sandbox.latency if account.latency is None else account.latency
        if latency:
            await self._sandbox.clock.sleep(latency)
        scope["account"] = account
        return await _call(self._api, scope, _again(body), send)

    def _refusal(self, account: Account, scope: Scope) -> Response | None:
        knobs = account.knobs
        if Headers(scope=scope).get("api-token") != account.api_key:
            return forbidden() if knobs.bad_key == "403" else login_page()
        now = self._sandbox.clock.now()
        # Our guess: a request with a wrong key does not count.
        if not account.second.left(knobs.requests_per_second, now):
            account.exceeded["requests_per_second"] += 1
            return too_many_requests(knobs.requests_per_second, knobs.retry_after)
        account.second.take(now)
        return None


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
