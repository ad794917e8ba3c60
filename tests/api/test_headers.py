"""Headers of answers as the Functions host passes them on: each once, and in ASCII."""

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.api.middleware.headers import CommonHeaders


async def answered(*headers: tuple[bytes, bytes]) -> httpx.Headers:
    """Return the headers of an answer that an inner layer gave with these."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        response = Response()
        response.raw_headers.extend(headers)
        await response(scope, receive, send)

    transport = httpx.ASGITransport(CommonHeaders(inner))
    async with httpx.AsyncClient(transport=transport, base_url="https://exports.test") as http:
        return (await http.get("/")).headers


@pytest.mark.parametrize("name", [b"link", b"Vary", b"WWW-Authenticate"])
async def test_a_header_that_was_given_twice_is_one(name: bytes) -> None:
    headers = await answered((name, b"one"), (name.upper(), b"two"), (name.lower(), b"three"))
    [value] = headers.get_list(name.decode())
    assert value.startswith("one, two, three")


async def test_what_varies_is_told_in_one_header() -> None:
    headers = await answered((b"vary", b"Origin"), (b"Vary", b"Accept"))
    [value] = headers.get_list("vary")
    assert set(value.split(", ")) == {"Origin", "Accept", "Accept-Language"}


@pytest.mark.parametrize(
    ("value", "passed"),
    [
        ("/å".encode("latin-1"), "/%C3%A5"),
        (b"/a\r\nSet-Cookie: a=b", "/a%0D%0ASet-Cookie: a=b"),
        (b"/\x00\x7f", "/%00%7F"),
        (b'/a b%20"c', '/a b%20"c'),
    ],
)
async def test_what_is_not_ascii_in_a_header_is_percent_encoded(value: bytes, passed: str) -> None:
    assert (await answered((b"location", value)))["location"] == passed


async def test_cookies_stay_one_by_one() -> None:
    headers = await answered((b"set-cookie", b"a=1"), (b"Set-Cookie", b"b=2"))
    assert headers.get_list("set-cookie") == ["a=1", "b=2"]
