"""Lets each call of the API in, in the name of an account, or refuses it, and counts it."""

import math
import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.sandbox.kit.faults import Fault
from local.sandbox.kit.passage import Answers, Passage, call
from local.sandbox.kit.state import SandboxAccount, SandboxState


class Gate[A: SandboxAccount, S: SandboxState[Any]](ABC):
    """ASGI middleware before the API; `scope["account"]` is the caller's from here on."""

    answers: ClassVar[Answers]  # in which the vendor would word the faults
    ids: ClassVar[
        re.Pattern[str]
    ]  # what of a path stands before an id, and the id; not counted apart
    gives_up_after: ClassVar[float] = math.inf  # seconds of the sandbox that a call may take

    def __init__(self, sandbox: S, api: ASGIApp) -> None:
        self.sandbox = sandbox
        self._passage = Passage(api, sandbox.clock, self.answers)

    @abstractmethod
    def caller(self, scope: Scope) -> A | Response:
        """Return whose call it is, or the answer to somebody unknown, who is not counted."""

    @abstractmethod
    def refusal(self, account: A, scope: Scope) -> Response | None:
        """Return the answer to a call that breaks a rule, and count it; None if it may go on.

        Asked when a call arrives, not when its body has.
        """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one API call, refused or not, and count it."""
        account = self.caller(scope)
        if isinstance(account, Response):
            await account(scope, receive, send)
            return
        route = f"{scope['method']} {self.ids.sub(r'/\1/{id}', scope['path'])}"
        account.connect()
        outcome = "failed"
        try:
            outcome = await self._admit(account, scope, receive, send)
        except ClientDisconnect:
            outcome = "disconnected"
        finally:
            account.requests[f"{route} {outcome}"] += 1
            account.disconnect()

    async def _admit(self, account: A, scope: Scope, receive: Receive, send: Send) -> str:
        """Answer the request; returns the status, or what happened instead of an answer."""
        refusal = self.refusal(account, scope)
        # Read it all first: what has arrived takes effect even if the client is gone by then.
        body = await Request(scope, receive).body()
        if refusal:
            return await call(refusal, scope, receive, send)
        fault = self.sandbox.faults.take(account.number, scope["method"], scope["path"])
        latency = self.sandbox.latency if account.latency is None else account.latency
        if latency >= self.gives_up_after:
            fault = Fault(kind="silence", seconds=self.gives_up_after)
        scope["account"] = account
        return await self._passage.admit(fault, latency, scope, receive, body, send)
