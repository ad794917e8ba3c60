"""Requests that nobody sends who means well: anonymous ones, a viewer's and a contributor's."""

import asyncio
import base64
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, cycle
from types import TracebackType
from typing import Any, Self

import httpx

CELL = "é" + " \u200b" * 40_000 + "@example.com"
"""80,000 characters around an address, as a cell: trimmed by a careless pattern they take half a minute."""

_SEARCH = {"address": CELL[:250], "limit": 1_000}
_SECONDS = 60.0  # that an answer may take
_MOST_AT_ONCE = 200  # a flood that piles up has shown what it had to
_ODD_PATHS = ("segments/%00", "segments/%FF", "exports/%2e%2e", "runs/%ED%A0%80", "exports/%zz")


@dataclass(frozen=True)
class Targets:
    """What there is to aim at."""

    url: str
    viewer: str  # a token
    contributor: str  # the same; without one nobody like that takes part
    connection: str
    run: str  # one that is over, and has rejects
    segment: str  # whose cells are hostile
    addresses: int  # from so many networks they come


@dataclass(frozen=True)
class Request:
    """One of them; its path is below /api/v1."""

    method: str
    path: str
    token: str = ""
    body: Any = None


type Kind = Callable[[], Request]


def kinds(at: Targets) -> Mapping[str, Kind]:
    """Return the kinds of requests by name, each new whenever it is asked for."""
    odd, rejects, lists = cycle(_ODD_PATHS), _rejects(at), _lists(at)
    found: dict[str, Kind] = {
        "a wrong token": lambda: Request("GET", "exports", secrets.token_urlsafe(300)),
        "a forged token": lambda: Request("GET", "exports", _forged(at.viewer)),
        "a made-up key id": lambda: Request("GET", "exports", _made_up(at.viewer)),
        "a wrong report token": lambda: Request(
            "POST", f"reports/{at.run}/0?token={secrets.token_hex(32)}", body=CELL
        ),
        "an OAuth state": lambda: Request(
            "GET", f"oauth/callback?code=x&state={secrets.token_urlsafe(32)}"
        ),
        "odd bytes": lambda: Request("GET", next(odd)),
        "a viewer's odd bytes": lambda: Request("GET", next(odd), at.viewer),
        "a viewer's look at hostile cells": lambda: Request(
            "GET", f"segments/{at.segment}", at.viewer
        ),
        "a viewer's odd cursor": lambda: Request(
            "GET",
            f"runs?after={base64.urlsafe_b64encode(secrets.token_bytes(600)).decode()}",
            at.viewer,
        ),
        "a viewer's search of rejects": lambda: Request(
            "POST", f"{rejects}/search", at.viewer, _SEARCH
        ),
        "a viewer's page of rejects": lambda: Request("GET", f"{rejects}.csv", at.viewer),
        "a viewer's look-up": lambda: Request("GET", lists + secrets.token_hex(5), at.viewer),
        "a viewer's hostile cell": lambda: Request(
            "POST", f"segments/{at.segment}/reading/try", at.viewer, {"delimiter": CELL}
        ),
    }
    return found | (_of_contributor(at) if at.contributor else {})


def _of_contributor(at: Targets) -> dict[str, Kind]:
    """Return what only somebody can ask who may edit the export: it is costly, and they may."""
    rejects, lists = _rejects(at), _lists(at)
    return {
        "a contributor's search of rejects": lambda: Request(
            "POST", f"{rejects}/search", at.contributor, _SEARCH
        ),
        "a contributor's page of rejects": lambda: Request("GET", f"{rejects}.csv", at.contributor),
        "a contributor's look-up": lambda: Request(
            "GET", lists + secrets.token_hex(5), at.contributor
        ),
        "a contributor's fields": lambda: Request(
            "GET",
            f"connections/{at.connection}/fields?refresh=true&list_id={secrets.token_hex(5)}",
            at.contributor,
        ),
    }


def _rejects(at: Targets) -> str:
    return f"runs/{at.run}/rejects"


def _lists(at: Targets) -> str:
    return f"connections/{at.connection}/lists?refresh=true&search="


def _forged(token: str) -> str:
    """Return a token with another signature."""
    head, claims, _ = token.split(".")
    return f"{head}.{claims}.{secrets.token_urlsafe(256)}"


def _made_up(token: str) -> str:
    """Return a token whose key nobody has."""
    header = json.dumps({"alg": "RS256", "typ": "JWT", "kid": secrets.token_hex(8)}).encode()
    _, claims, signature = token.split(".")
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{claims}.{signature}"


@dataclass
class Flood:
    """Sends so many requests a second, of each kind in turn, from its beginning to its end.

    None waits for the answer of another. `answers` counts kinds and statuses; 0 is none at all.
    """

    targets: Targets
    per_second: float
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    _ending: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._thread.join()

    async def _send(self) -> None:
        numbers = count()
        # None is kept alive: the host may close it just when it is used again, which is nobody's fault.
        limits = httpx.Limits(max_connections=_MOST_AT_ONCE, max_keepalive_connections=0)
        began = time.perf_counter()
        async with httpx.AsyncClient(
            base_url=f"{self.targets.url}/api/v1/", timeout=_SECONDS, limits=limits
        ) as http:
            under_way = set[asyncio.Task[None]]()
            for name, kind in self._kinds():
                number = next(numbers)
                await asyncio.sleep(began + number / self.per_second - time.perf_counter())
                if self._ending.is_set():
                    break
                under_way = {each for each in under_way if not each.done()}
                if len(under_way) < _MOST_AT_ONCE:
                    under_way.add(asyncio.create_task(self._ask(http, number, name, kind())))
            await asyncio.gather(*under_way)

    def _kinds(self) -> Iterator[tuple[str, Kind]]:
        return cycle(kinds(self.targets).items())

    async def _ask(self, http: httpx.AsyncClient, number: int, name: str, request: Request) -> None:
        network = number % self.targets.addresses
        headers = {"X-Forwarded-For": f"10.{network >> 16}.{network >> 8 & 255}.{network & 255}:1"}
        if request.token:
            headers["Authorization"] = f"Bearer {request.token}"
        try:
            answer = await http.request(
                request.method, request.path, json=request.body, headers=headers
            )
        except httpx.HTTPError:
            self.answers[name, 0] += 1
        else:
            self.answers[name, answer.status_code] += 1
