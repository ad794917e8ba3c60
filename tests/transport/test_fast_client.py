"""What the client of vendor connections leaves out of httpx; each feature is shown at httpx itself, too."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from shared.transport.fast_client import open_http


class Network(httpx.AsyncBaseTransport):
    """A network that redirects once, sets a cookie, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        headers = {"Set-Cookie": "whose=ours; Path=/"}
        if request.url.path == "/moved":
            return httpx.Response(302, headers=headers | {"Location": "https://us1.test/ping"})
        return httpx.Response(200, headers=headers, stream=Body())


class Body(httpx.AsyncByteStream):
    """The body of an answer that comes in pieces."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{"
        yield b"}"


type Feature = Callable[[httpx.AsyncClient, Network], Awaitable[bool]]

URL = "https://us1.test/ping"


async def follows_redirects(client: httpx.AsyncClient, network: Network) -> bool:
    await client.get("https://us1.test/moved", follow_redirects=True)
    return len(network.asked) > 1


async def keeps_the_next_request_of_a_redirect(client: httpx.AsyncClient, _: Network) -> bool:
    return (await client.get("https://us1.test/moved")).next_request is not None


async def signs_in_as_a_call_says(client: httpx.AsyncClient, network: Network) -> bool:
    await client.get(URL, auth=("ann", "planted"))
    return "authorization" in network.asked[0].headers


async def signs_in_as_the_client_says(client: httpx.AsyncClient, network: Network) -> bool:
    client.auth = httpx.BasicAuth("ann", "planted")
    await client.get(URL)
    return "authorization" in network.asked[0].headers


async def signs_in_as_the_address_says(client: httpx.AsyncClient, network: Network) -> bool:
    await client.get("https://ann:planted@us1.test/ping")
    return "authorization" in network.asked[0].headers


async def calls_hooks(client: httpx.AsyncClient, _: Network) -> bool:
    called: list[object] = []

    async def hook(each: object) -> None:
        called.append(each)

    client.event_hooks = {"request": [hook], "response": [hook]}
    await client.get(URL)
    return bool(called)


async def keeps_cookies(client: httpx.AsyncClient, network: Network) -> bool:
    await client.get(URL)
    await client.get(URL)
    return bool(client.cookies) or "cookie" in network.asked[1].headers


async def logs_each_request(client: httpx.AsyncClient, _: Network) -> bool:
    with httpx_log() as records:
        await client.get(URL)
    return bool(records)


async def measures_how_long_an_answer_took(client: httpx.AsyncClient, _: Network) -> bool:
    response = await client.get(URL)
    try:
        return response.elapsed.total_seconds() >= 0
    except RuntimeError:
        return False


async def leaves_an_answer_unread_for_who_streams_it(client: httpx.AsyncClient, _: Network) -> bool:
    response = await client.send(client.build_request("GET", URL), stream=True)
    unread = not response.is_stream_consumed
    await response.aclose()
    return unread


async def refuses_to_send_once_it_is_closed(client: httpx.AsyncClient, _: Network) -> bool:
    await client.aclose()
    try:
        await client.get(URL)
    except RuntimeError:
        return True
    return False


@contextmanager
def httpx_log() -> Iterator[list[logging.LogRecord]]:
    """Collect what httpx logs meanwhile, at all levels."""
    records: list[logging.LogRecord] = []
    log, handler = logging.getLogger("httpx"), Collecting(records)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield records
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class Collecting(logging.Handler):
    """A handler that keeps records."""

    def __init__(self, records: list[logging.LogRecord]) -> None:
        super().__init__()
        self._records = records

    def emit(self, record: logging.LogRecord) -> None:
        self._records.append(record)


LEFT_OUT = [
    follows_redirects,
    keeps_the_next_request_of_a_redirect,
    signs_in_as_a_call_says,
    signs_in_as_the_client_says,
    signs_in_as_the_address_says,
    calls_hooks,
    keeps_cookies,
    logs_each_request,
    measures_how_long_an_answer_took,
    leaves_an_answer_unread_for_who_streams_it,
    refuses_to_send_once_it_is_closed,
]


@pytest.mark.parametrize("feature", LEFT_OUT, ids=lambda each: each.__name__)
async def test_what_is_left_out_of_httpx(feature: Feature) -> None:
    for fast in (False, True):
        network = Network()
        client = open_http(network) if fast else httpx.AsyncClient(transport=network)
        assert await feature(client, network) is not fast


async def test_requests_carry_our_name_and_answers_are_read_whole() -> None:
    network = Network()
    response = await open_http(network).get(URL)
    assert network.asked[0].headers["user-agent"] == "segment-exports"
    assert (response.request, response.content) == (network.asked[0], b"{}")
