"""A sandbox of Postbox: one account with a key, its rate, its list, and jobs that take three seconds.

It enforces 100 people and 200 kB a request, 10 requests a second, and that nobody who has left comes
back. It does not reproduce anything else, since there is nothing else.
"""

import re
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from local.sandbox.clock import Clock
from local.sandbox.faults import Faults
from local.sandbox.gate import PAGES, Passage, call

JOB_SECONDS = 3


def _says(status: int, **headers: str) -> Callable[[], Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: JSONResponse({"detail": "Postbox says no."}, status, headers=named)


_ANSWERS = {
    **PAGES,
    **{kind: _says(int(kind)) for kind in ("401", "403", "429", "500", "502", "503")},
    "429-retry-after": _says(429, Retry_After="5"),
    "500-html": lambda: Response("<html>Sorry</html>", 500, media_type="text/html"),
}


@dataclass
class Person:
    """Somebody on the list, or who has left it."""

    names: dict[str, str]
    left: bool = False


@dataclass
class Sandbox:
    """The account; `per_second` is a setting."""

    clock: Clock
    key: str = "planted-key"
    per_second: int = 10
    people: dict[str, Person] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    too_many: int = 0  # requests that were refused for exceeding the rate
    jobs: dict[str, tuple[float, list[dict[str, str]]]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    _recent: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        routes = [
            Route("/v1/me", self.me),
            Route("/v1/lists", self.lists),
            Route("/v1/lists/{list}", self.list),
            Route("/v1/lists/{list}/people", self.add, methods=["POST"]),
            Route("/v1/jobs/{job}", self.job),
        ]
        self._passage = Passage(Starlette(routes=routes), self.clock, _ANSWERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, refused or not."""
        request = Request(scope, receive)
        body = await request.body()
        if request.headers.get("authorization") != f"Key {self.key}":
            await call(_says(401)(), scope, receive, send)
        elif self._crowded():
            self.too_many += 1
            await call(_says(429)(), scope, receive, send)
        else:
            fault = self.faults.take(1, scope["method"], scope["path"])
            await self._passage.admit(fault, 0, scope, receive, body, send)

    async def me(self, _: Request) -> Response:
        """Who the key belongs to."""
        return JSONResponse({"id": "1", "name": "Postbox account"})

    async def lists(self, _: Request) -> Response:
        """Every list."""
        return JSONResponse({"lists": [{"id": "news", "name": "Newsletter"}]})

    async def list(self, request: Request) -> Response:
        """One list."""
        if request.path_params["list"] != "news":
            return _says(404)()
        return JSONResponse({"id": "news", "name": "Newsletter"})

    async def add(self, request: Request) -> Response:
        """Begin a job that adds people or updates them."""
        body = await request.body()
        people: list[dict[str, Any]] = orjson.loads(body)["people"]
        if len(people) > 100 or len(body) > 200_000:
            return _says(413)()
        not_added = [each for each in people if not self._added(dict(each))]
        told = [{"mail": each["mail"], "why": "This person has left."} for each in not_added]
        job = f"job-{len(self.jobs)}"
        self.jobs[job] = (self.clock.now() + JOB_SECONDS, told)
        return JSONResponse({"job": job}, 202)

    async def job(self, request: Request) -> Response:
        """How far a job is."""
        if request.path_params["job"] not in self.jobs:
            return _says(404)()
        over_at, not_added = self.jobs[request.path_params["job"]]
        if self.clock.now() < over_at:
            return JSONResponse({"state": "under way"})
        return JSONResponse({"state": "over", "not_added": not_added})

    def _added(self, given: dict[str, str]) -> bool:
        mail = re.sub(r"\s", "", given.pop("mail")).lower()
        self.received[mail] += 1
        person = self.people.setdefault(mail, Person({}))
        person.names |= {name: text[:40] for name, text in given.items()}
        return not person.left

    def _crowded(self) -> bool:
        """Say whether the last second has had as many requests as it may; else count this one."""
        now = self.clock.now()
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self.per_second:
            return True
        self._recent.append(now)
        return False
