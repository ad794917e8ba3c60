"""What the host makes of a function's answers."""

import httpx
import pytest

from tests.local.host.conftest import RunningHost, World
from tests.local.host.sample_app import KEPT

Shared = tuple[World, RunningHost]
TEXT = "text/plain; charset=utf-8"


async def test_cookies_are_written_anew_and_partitioned_ones_dropped(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    response = await http.get(f"{shared[1].url}/cookies")
    assert response.headers.get_list("set-cookie") == [
        "a=1; domain=; path=/; httponly",
        "b=2; max-age=60; domain=; path=; secure; samesite=lax",
        "__Host-c=x%2Fy; domain=; path=/; secure; samesite=strict; httponly",
    ]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [("/repeated", "link", "<b>"), ("/repeated-otherwise", "vary", "b")],
)
async def test_of_repeated_headers_the_last_wins(
    shared: Shared, http: httpx.AsyncClient, path: str, name: str, value: str
) -> None:
    response = await http.get(f"{shared[1].url}{path}")
    assert response.headers.get_list(name) == [value]


@pytest.mark.parametrize("path", ["/letters", "/line"])
async def test_a_header_that_cannot_be_written_is_a_500(
    shared: Shared, http: httpx.AsyncClient, path: str
) -> None:
    response = await http.get(f"{shared[1].url}{path}")
    assert (response.status_code, response.content) == (500, b"")


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 204), ("/unchanged", 304), ("/without-type", 200)]
)
async def test_an_answer_without_a_type_is_text(
    shared: Shared, http: httpx.AsyncClient, path: str, status: int
) -> None:
    response = await http.get(f"{shared[1].url}{path}")
    assert (response.status_code, response.headers["content-type"]) == (status, TEXT)


async def test_an_answer_goes_in_chunks_unless_it_gives_its_length(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    chunked = await http.get(f"{shared[1].url}/repeated")
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in chunked.headers
    known = await http.get(f"{shared[1].url}/known-length")
    assert known.headers["content-length"] == "2"
    assert "transfer-encoding" not in known.headers
    head = await http.head(f"{shared[1].url}/repeated")
    assert "content-length" not in head.headers


async def test_a_wrong_length_breaks_the_answer(shared: Shared, http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(f"{shared[1].url}/wrong-length")


async def test_a_server_is_named_by_the_host_unless_the_app_does(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    assert (await http.get(f"{shared[1].url}/")).headers["server"] == "Kestrel"
    own = await http.get(f"{shared[1].url}/own-server")
    assert own.headers["server"] == "ours"


async def test_other_headers_are_left_as_they_are(shared: Shared, http: httpx.AsyncClient) -> None:
    response = await http.get(f"{shared[1].url}/headers")
    assert {name: response.headers.get(name) for name in KEPT} == dict.fromkeys(KEPT, "a, b; c")
