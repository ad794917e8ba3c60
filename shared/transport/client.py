"""Authorised calls to one account of a destination, and the calls of an OAuth sign-in.

Both raise a Halt wherever there is no usable answer, so that nobody else looks at a status code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import aiohttp
import httpx
import orjson
from httpx_aiohttp import AiohttpTransport

from shared.destinations.protocol import Credentials, Destination
from shared.domain.connection import Account
from shared.domain.errors import TryLater
from shared.transport.verdict import Explain, lost, verdict

# Mailchimp ends a call after 120 seconds, the longest of the three; a little more lets its answer come.
ANSWER_SECONDS = 125.0


def open_http(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return the client that all vendor connections of this process share.

    aiohttp carries the requests: a call costs half of what it does over httpx's own transport. How many
    run at once is up to the engine. Cookies are refused, since accounts share the client.
    """
    http = httpx.AsyncClient(
        transport=transport or AiohttpTransport(client=_session),
        timeout=httpx.Timeout(30, read=ANSWER_SECONDS, pool=None),
        headers={"User-Agent": "segment-exports"},
        follow_redirects=False,
    )
    http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )


@dataclass(frozen=True, slots=True)
class VendorApi:
    """One account of a destination."""

    http: httpx.AsyncClient
    who: str
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    explain: Explain

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer."""
        request = self.http.build_request(
            "GET", self.base_url + path, params=params, headers=self.headers
        )
        return await _answer(self.http, request, self.who, self.explain)

    async def post(self, path: str, content: bytes, params: Mapping[str, str] | None = None) -> Any:
        """Send a JSON body and return the JSON of the answer."""
        headers = {**self.headers, "Content-Type": "application/json"}
        request = self.http.build_request(
            "POST", self.base_url + path, params=params, headers=headers, content=content
        )
        return await _answer(self.http, request, self.who, self.explain)


@dataclass(frozen=True, slots=True)
class VendorSignIn:
    """The sign-in service of a destination."""

    http: httpx.AsyncClient
    who: str
    explain: Explain

    async def post_form(self, url: str, form: Mapping[str, str]) -> Any:
        """Send a form and return the JSON of the answer."""
        request = self.http.build_request("POST", url, data=form)
        return await _answer(self.http, request, self.who, self.explain)

    async def get_json(self, url: str, headers: Mapping[str, str]) -> Any:
        """Return the JSON of an answer."""
        request = self.http.build_request("GET", url, headers=headers)
        return await _answer(self.http, request, self.who, self.explain)


def vendor_api(
    http: httpx.AsyncClient, destination: Destination, account: Account, credentials: Credentials
) -> VendorApi:
    """Return an authorised way to an account."""
    return VendorApi(
        http,
        destination.title,
        destination.base_url(account),
        destination.headers(credentials),
        destination.explain,
    )


async def _answer(
    http: httpx.AsyncClient, request: httpx.Request, who: str, explain: Explain
) -> Any:
    try:
        response = await http.send(request)
    except httpx.RequestError as error:  # a body that cannot be decompressed is one, too
        raise lost(who, error) from error
    if halt := verdict(who, response, explain):
        raise halt
    try:
        return orjson.loads(response.content)
    except orjson.JSONDecodeError:
        raise TryLater(f"{who} answered with something that is not data.") from None
