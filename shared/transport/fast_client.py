"""The HTTP client of all vendor connections: httpx's, without what no call of ours needs."""

from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from shared.transport.answer import ENCODINGS, AnswerLimits, in_time, read_within

# Mailchimp ends a call after 120 seconds, the longest of the three; a little more lets its answer come.
ANSWER_SECONDS = 125.0

# The longest answers are Mailchimp's to 500 members, with all their fields: some 8 MB.
VENDOR = AnswerLimits(bytes=16 * 1024 * 1024, seconds=180.0)


def open_http(
    transport: httpx.AsyncBaseTransport | None = None, limits: AnswerLimits = VENDOR
) -> httpx.AsyncClient:
    """Return a client; that of the vendor connections is one for the whole process.

    aiohttp carries the requests: a call costs half of what it does over httpx's own transport. How many
    run at once is up to the engine.
    """
    return FastClient(transport or AiohttpTransport(client=_session), limits)


class FastClient(httpx.AsyncClient):
    """httpx without what no call of ours has a use for, which takes a fifth of what a call costs.

    It follows no redirects, signs in nowhere by itself, calls no hooks, logs no requests, knows no proxies,
    and keeps no cookies, which accounts that share the client must not share.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, limits: AnswerLimits) -> None:
        super().__init__(
            transport=transport,
            timeout=httpx.Timeout(30, read=ANSWER_SECONDS, pool=None),
            headers={"User-Agent": "segment-exports", "Accept-Encoding": ENCODINGS},
        )
        self._limits = limits
        self._carrier = transport

    async def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        """Send a request and read the whole answer, which may be a redirect; raise RequestError.

        The request's extension `answer` holds other AnswerLimits than those of the client.
        """
        limits: AnswerLimits = request.extensions.get("answer", self._limits)
        async with in_time(limits):
            response = await self._carrier.handle_async_request(request)
            response.request = request
            try:
                await read_within(response, limits)
            finally:
                await response.aclose()
        return response


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    )
