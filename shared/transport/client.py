"""Authorised calls to one account of a destination, and the calls of an OAuth sign-in.

Both raise a DestinationError wherever there is no usable answer, so that nobody else looks at a status code.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

import httpx

from shared.destinations.contract import Read
from shared.domain.errors import RateLimited
from shared.telemetry import metrics
from shared.telemetry.spans import Call, call
from shared.transport.authorisation import Authorisation
from shared.transport.pace import Pace
from shared.transport.verdict import Explain, lost, understood

type Begin = Callable[[], Awaitable[None]]
"""Called when it is a request's turn to be sent. What it raises keeps the request from being sent."""


class Budget(Protocol):
    """How many requests may still be made today."""

    async def spend(self) -> None:
        """Count one request; raise DailyQuotaExhausted when none is left."""


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

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, begin: Begin | None = None
    ) -> Any:
        """Return the JSON of an answer. Raise what `begin` raises; then nothing was sent."""
        return await self._ask("GET", path, params, begin=begin)

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
        begin: Begin | None = None,
    ) -> Any:
        """Send a JSON body and return the JSON of the answer, or what `read` makes of it.

        Raise what `begin` raises; then nothing was sent.
        """
        return await self._ask("POST", path, params, content, weight, read, begin)

    async def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        content: bytes | None = None,
        weight: int = 1,
        read: Read | None = None,
        begin: Begin | None = None,
    ) -> Any:
        url = _url(self.base_url + path, tuple((params or {}).items()))
        authorised = await self.authorisation.headers()
        for last in (False, True):
            await self.pace.turn(f"{method} {path}", weight)
            if begin is not None:
                await begin()
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
            if self.pace.refused():
                metrics.pace_halved(self.destination)
            raise
        self.pace.answered()
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
