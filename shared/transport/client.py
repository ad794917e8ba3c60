"""Authorised calls to one account of a destination, and the calls of an OAuth sign-in.

Both raise a DestinationError wherever there is no usable answer, so that nobody else looks at a status code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from shared.destinations.contract import Read
from shared.domain.errors import RateLimited
from shared.telemetry.spans import Call, call
from shared.transport.pace import Pace
from shared.transport.verdict import Explain, lost, understood

# Mailchimp ends a call after 120 seconds, the longest of the three; a little more lets its answer come.
ANSWER_SECONDS = 125.0


def open_http(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return the client that all vendor connections of this process share.

    aiohttp carries the requests: a call costs half of what it does over httpx's own transport. How many
    run at once is up to the engine.
    """
    return _Client(transport or AiohttpTransport(client=_session))


class _Client(httpx.AsyncClient):
    """httpx without what no call of ours has a use for, which takes a fifth of what a call costs.

    That is following redirects, httpx's own sign-ins, a line of log for each request, and cookies, which
    accounts that share the client must not share.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        super().__init__(
            transport=transport,
            timeout=httpx.Timeout(30, read=ANSWER_SECONDS, pool=None),
            headers={"User-Agent": "segment-exports"},
        )
        self._carrier = transport

    async def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        """Send a request and read the whole answer, which may be a redirect; raise RequestError."""
        response = await self._carrier.handle_async_request(request)
        response.request = request
        try:
            await response.aread()
        finally:
            await response.aclose()
        return response


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )


class Authorisation(Protocol):
    """What lets us into one account."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers that authorise a request now; raise DestinationError where there are none."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace headers that were refused with a 401; False when that cannot be done."""


class Budget(Protocol):
    """How many requests may still be made today."""

    async def spend(self) -> None:
        """Count one request; raise DailyQuotaExhausted when none is left."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Headers that last until somebody takes the credentials back."""

    fixed: Mapping[str, str] = field(repr=False)

    async def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.fixed

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Say that there are no others."""
        return False


@dataclass(frozen=True, slots=True)
class Unlimited:
    """The budget where a destination has no limit a day."""

    async def spend(self) -> None:
        """Count nothing."""


@dataclass(slots=True)
class VendorApi:
    """One account of a destination."""

    http: httpx.AsyncClient
    destination: str  # its name
    title: str
    base_url: str
    authorisation: Authorisation = field(repr=False)
    explain: Explain
    pace: Pace
    budget: Budget = field(default_factory=Unlimited)
    requests: int = 0  # sent

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer."""
        return await self._ask("GET", path, params)

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        """Send a JSON body and return the JSON of the answer, or what `read` makes of it."""
        return await self._ask("POST", path, params, content, weight, read)

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        content: bytes | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        url = _url(self.base_url + path, tuple((params or {}).items()))
        authorised = await self.authorisation.headers()
        for last in (False, True):
            await self.pace.turn(f"{method} {path}", weight)
            await self.budget.spend()
            headers = dict(authorised)
            if content is not None:
                headers["Content-Type"] = "application/json"
            request = self.http.build_request(method, url, headers=headers, content=content)
            self.requests += 1
            with call(self.destination, request.method, request.url) as made:
                response = await _response(self.http, request, self.title, made)
                if last or response.status_code != httpx.codes.UNAUTHORIZED:
                    return self._understood(response, read)
                made.verdict = "sign_in_ended"
            if not await self.authorisation.renew(authorised):
                return self._understood(response, read)
            authorised = await self.authorisation.headers()
        raise AssertionError("the last try returns or raises")

    def _understood(self, response: httpx.Response, read: Read | None) -> Any:
        try:
            said = understood(self.title, response, self.explain, read)
        except RateLimited:
            self.pace.slow_down()
            raise
        self.pace.speed_up()
        return said


@dataclass(frozen=True, slots=True)
class VendorSignIn:
    """The sign-in service of a destination."""

    http: httpx.AsyncClient
    destination: str  # its name
    title: str
    explain: Explain

    async def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send a form and return the JSON of the answer; None for an empty one."""
        return await self._ask(self.http.build_request("POST", url, data=form, headers=headers))

    async def get_json(self, url: str, headers: Mapping[str, str]) -> Any:
        """Return the JSON of an answer."""
        return await self._ask(self.http.build_request("GET", url, headers=headers))

    async def _ask(self, request: httpx.Request) -> Any:
        with call(self.destination, request.method, request.url) as made:
            response = await _response(self.http, request, self.title, made)
            if request.method == "POST" and response.is_success and not response.content:
                return None
            return understood(self.title, response, self.explain)


# A run asks the same few addresses, and each takes long to be put together.
@lru_cache(maxsize=1_000)
def _url(address: str, params: tuple[tuple[str, str], ...]) -> httpx.URL:
    return httpx.URL(address, params=dict(params)) if params else httpx.URL(address)


async def _response(
    http: httpx.AsyncClient, request: httpx.Request, title: str, made: Call
) -> httpx.Response:
    try:
        response = await http.send(request)
    except httpx.RequestError as error:  # a body that cannot be decompressed is one, too
        raise lost(title, error) from error
    made.answered(response.status_code)
    return response
