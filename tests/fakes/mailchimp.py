"""Mailchimp as far as a run needs it, in memory, with answers that a test can script.

The sandbox under `local/` enforces the vendor's limits over real sockets; this one is for what only
a clock that tests move can show.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from shared.domain.clock import Clock

type Fault = Callable[[httpx.Request], Awaitable[httpx.Response]]
"""Answers a request in place of Mailchimp, or raises what httpx would raise."""

LIST_ID = "a1b2c3d4e5"


@dataclass
class FakeMailchimp(httpx.AsyncBaseTransport):
    """One account with one audience. Addresses at `fake.example` are refused, as by the sandbox."""

    clock: Clock
    seconds: float = 0.0  # that a bulk call takes
    writes_first: bool = False  # before it takes that time, so that a broken call has arrived
    double_optin: bool = False
    tags: tuple[str, ...] = ("FNAME", "LNAME")
    kinds: dict[str, dict[str, Any]] = field(default_factory=dict)  # of tags that are no texts
    members: dict[str, dict[str, str]] = field(default_factory=dict)
    status_if_new: dict[str, str] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)  # how often an address was written
    faults: deque[Fault] = field(default_factory=deque)  # for the next bulk calls, in order
    down: Fault | None = None  # for every bulk call after those
    read_faults: deque[Fault] = field(default_factory=deque)  # for the next reads, in order
    reads: int = 0  # that came in
    calls: int = 0  # bulk calls that came in
    came_at: list[float] = field(default_factory=list)  # they, in seconds of the clock
    open: int = 0
    most_open: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        path = request.url.path
        if request.method == "POST" and path == f"/3.0/lists/{LIST_ID}":
            return await self._bulk(request)
        self.reads += 1
        if self.read_faults:
            return await self.read_faults.popleft()(request)
        if path == f"/3.0/lists/{LIST_ID}":
            body = {"id": LIST_ID, "name": "Newsletter", "double_optin": self.double_optin}
            return httpx.Response(200, json=body)
        if path == f"/3.0/lists/{LIST_ID}/merge-fields":
            there = [{"tag": tag} | self.kinds.get(tag, {}) for tag in self.tags]
            return httpx.Response(200, json={"merge_fields": there})
        return httpx.Response(404, json={"title": "Resource Not Found", "status": 404})

    async def _bulk(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        self.came_at.append(self.clock.monotonic())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if self.writes_first:
                answer = await self._answer(request)
                await self._take_time()
                return answer
            await self._take_time()
            return await self._answer(request)
        finally:
            self.open -= 1

    async def _take_time(self) -> None:
        if self.seconds:
            await self.clock.sleep(self.seconds)
        else:
            await asyncio.sleep(0)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.faults:
            return await self.faults.popleft()(request)
        if self.down:
            return await self.down(request)
        return self.write(request)

    def write(self, request: httpx.Request) -> httpx.Response:
        """Store the members of a bulk call and answer as Mailchimp does."""
        errors = []
        created = updated = 0
        for member in orjson.loads(request.read())["members"]:
            address = member["email_address"]
            if address.endswith("@fake.example"):
                text = f"{address} looks fake or invalid, please enter a real email address."
                errors.append(
                    {"email_address": address, "error": text, "error_code": "ERROR_GENERIC"}
                )
                continue
            self.received[address] += 1
            known = address in self.members
            updated, created = updated + known, created + (not known)
            self.status_if_new.setdefault(address, member["status_if_new"])
            self.members.setdefault(address, {}).update(member["merge_fields"])
        body = {
            "new_members": [],
            "updated_members": [],
            "errors": errors,
            "total_created": created,
            "total_updated": updated,
            "error_count": len(errors),
        }
        return httpx.Response(200, json=body)


def answers(status: int, **headers: str) -> Fault:
    """Return a fault that answers with a problem document."""

    async def fault(_: httpx.Request) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, json={"status": status, "title": "Problem"}, headers=named)

    return fault


async def forbids_without_a_body(_: httpx.Request) -> httpx.Response:
    """Answer as Mailchimp's edge does at very high volume."""
    return httpx.Response(403)


async def answers_with_a_page(_: httpx.Request) -> httpx.Response:
    """Answer 200 with HTML."""
    return httpx.Response(200, html="<html>Sorry</html>")


def hangs(clock: Clock) -> Fault:
    """Return a fault that says nothing for as long as a call may take."""

    async def fault(request: httpx.Request) -> httpx.Response:
        await clock.sleep(120)
        raise httpx.ReadTimeout("silence", request=request)

    return fault


async def resets(_: httpx.Request) -> httpx.Response:
    """Break the connection before anything was written."""
    raise httpx.ReadError("connection reset by peer")
