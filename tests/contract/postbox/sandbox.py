"""A sandbox of Postbox: one account with a key, its rate, its list, and jobs that take three seconds.

It enforces 100 people and 200 kB a request, 10 requests a second, and that nobody who has left comes
back. It does not reproduce anything else, since there is nothing else.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Scope

from local.sandbox.kit import gate
from local.sandbox.kit.api import Problem, create_api
from local.sandbox.kit.app import joined
from local.sandbox.kit.passage import PAGES, Answers, with_a_time
from local.sandbox.kit.rates import Window
from local.sandbox.kit.state import SandboxAccount, SandboxState

JOB_SECONDS = 3


def _says(status: int) -> Callable[[], Response]:
    return lambda: JSONResponse({"detail": "Postbox says no."}, status)


@dataclass
class Refused(Problem):
    """Postbox says no."""

    status: int

    def answer(self) -> Response:
        """Return it as Postbox gives it."""
        return _says(self.status)()


@dataclass
class Person:
    """Somebody on the list, or who has left it."""

    names: dict[str, str]
    left: bool = False


@dataclass
class Sandbox(SandboxState[SandboxAccount]):
    """The account; `per_second` is a setting."""

    accounts: dict[int, SandboxAccount] = field(
        default_factory=lambda: {1: SandboxAccount(1)}, kw_only=True
    )
    key: str = "planted-key"
    per_second: int = 10
    people: dict[str, Person] = field(default_factory=dict)
    received: Counter[str] = field(default_factory=Counter)
    too_many: int = 0  # requests that were refused for exceeding the rate
    jobs: dict[str, tuple[float, list[dict[str, str]]]] = field(default_factory=dict)
    second: Window = field(default_factory=lambda: Window(1))


class Gate(gate.Gate[SandboxAccount, Sandbox]):
    """The rules of the key and of the rate."""

    answers: ClassVar[Answers] = {
        **PAGES,
        **{kind: _says(int(kind)) for kind in ("401", "403", "429", "500", "502", "503")},
        "429-retry-after": with_a_time(_says(429), 5),
        "500-html": lambda: Response("<html>Sorry</html>", 500, media_type="text/html"),
    }
    ids = re.compile(r"/(lists|jobs)/[^/]+")

    def caller(self, scope: Scope) -> SandboxAccount | Response:
        """Return the account, if it is its key."""
        given = Headers(scope=scope).get("authorization")
        return self.sandbox.accounts[1] if given == f"Key {self.sandbox.key}" else _says(401)()

    def refusal(self, account: SandboxAccount, scope: Scope) -> Response | None:
        """Refuse what is too much for a second."""
        sandbox, now = self.sandbox, self.sandbox.clock.now()
        if not sandbox.second.left(sandbox.per_second, now):
            sandbox.too_many += 1
            return _says(429)()
        sandbox.second.take(now)
        return None


class _Api:
    """The operations, each a request to a response."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    async def me(self, _: Request) -> Response:
        return JSONResponse({"id": "1", "name": "Postbox account"})

    async def lists(self, _: Request) -> Response:
        return JSONResponse({"lists": [{"id": "news", "name": "Newsletter"}]})

    async def list(self, request: Request) -> Response:
        if request.path_params["list"] != "news":
            raise Refused(404)
        return JSONResponse({"id": "news", "name": "Newsletter"})

    async def add(self, request: Request) -> Response:
        """Begin a job that adds people or updates them."""
        body = await request.body()
        people: list[dict[str, Any]] = orjson.loads(body)["people"]
        if len(people) > 100 or len(body) > 200_000:
            raise Refused(413)
        not_added = [each for each in people if not self._added(dict(each))]
        told = [{"mail": each["mail"], "why": "This person has left."} for each in not_added]
        job = f"job-{len(self._sandbox.jobs)}"
        self._sandbox.jobs[job] = (self._sandbox.clock.now() + JOB_SECONDS, told)
        return JSONResponse({"job": job}, 202)

    async def job(self, request: Request) -> Response:
        """How far a job is."""
        if request.path_params["job"] not in self._sandbox.jobs:
            raise Refused(404)
        over_at, not_added = self._sandbox.jobs[request.path_params["job"]]
        if self._sandbox.clock.now() < over_at:
            return JSONResponse({"state": "under way"})
        return JSONResponse({"state": "over", "not_added": not_added})

    def _added(self, given: dict[str, str]) -> bool:
        mail = re.sub(r"\s", "", given.pop("mail")).lower()
        self._sandbox.received[mail] += 1
        person = self._sandbox.people.setdefault(mail, Person({}))
        person.names |= {name: text[:40] for name, text in given.items()}
        return not person.left


def create_app(sandbox: Sandbox) -> ASGIApp:
    """The API under /v1."""
    api = _Api(sandbox)
    operations = create_api(
        [
            ("GET", "/v1/me", api.me),
            ("GET", "/v1/lists", api.lists),
            ("GET", "/v1/lists/{list}", api.list),
            ("POST", "/v1/lists/{list}/people", api.add),
            ("GET", "/v1/jobs/{job}", api.job),
        ],
        unknown=Refused(404),
    )
    return joined(Gate(sandbox, operations), _called, [])


def _called(scope: Scope) -> Scope | None:
    return scope if scope["path"].startswith("/v1/") else None
