"""HTTP triggers and the host's own addresses."""

import http.client
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.local.host.conftest import RunningHost, World

Shared = tuple[World, RunningHost]


async def test_a_request_reaches_the_catch_all_route_whole(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    response = await http.post(
        f"{shared[1].url}/some/%C3%A9?a=1&b=%20", content=b"x" * 100_000, headers={"X-One": "1"}
    )
    assert response.status_code == 201
    assert response.json() == {
        "method": "POST",
        "path": "/some/é",
        "query": "a=1&b=%20",
        "header": "1",
        "body": 100_000,
    }


async def test_every_cookie_of_an_answer_arrives(shared: Shared, http: httpx.AsyncClient) -> None:
    response = await http.get(f"{shared[1].url}/")
    assert response.headers.get_list("set-cookie") == [
        "a=1; path=/; httponly",
        "b=2; max-age=60; secure; samesite=Lax",
    ]


async def test_a_failed_invocation_is_a_500_without_a_body(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    response = await http.get(f"{shared[1].url}/fails")
    assert (response.status_code, response.content) == (500, b"")


async def test_a_route_with_a_key_answers_401(shared: Shared, http: httpx.AsyncClient) -> None:
    response = await http.get(f"{shared[1].url}/keyed/one")
    assert response.status_code == 401


async def test_a_route_takes_its_own_methods_only(shared: Shared, http: httpx.AsyncClient) -> None:
    put = await http.put(f"{shared[1].url}/answers/yes")
    assert (put.status_code, put.text) == (200, "yes")
    assert (await http.get(f"{shared[1].url}/answers/yes")).json()["path"] == "/answers/yes"


async def test_a_body_of_unknown_length_is_dropped(shared: Shared, http: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"

    response = await http.post(f"{shared[1].url}/chunked", content=chunks())
    assert response.json()["body"] == 0


def test_a_body_over_the_limit_is_refused_before_it_is_read(shared: Shared) -> None:
    address = urlsplit(shared[1].url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.putrequest("POST", "/big")
    connection.putheader("Content-Length", str(100 * 1024 * 1024 + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


async def test_the_status_tells_that_the_host_runs_and_what(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    status = (await http.get(f"{shared[1].url}/admin/host/status")).json()
    assert status["state"] == "Running"
    assert {"web", "work", "yearly", "scanned"} <= set(status["functions"])


@pytest.mark.parametrize("path", ["/admin", "/ADMIN/x", "/runtime/x", "/admin/functions/none"])
async def test_what_belongs_to_the_host_never_reaches_the_app(
    shared: Shared, http: httpx.AsyncClient, path: str
) -> None:
    for method in ("GET", "POST"):
        assert (await http.request(method, f"{shared[1].url}{path}")).status_code == 404


async def test_a_function_without_http_can_be_started_by_hand(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    world, host = shared
    functions = f"{host.url}/admin/functions"
    assert (await http.post(f"{functions}/yearly")).status_code == 202
    assert (await http.post(f"{functions}/work", json={"input": "by hand"})).status_code == 202
    [timer] = await world.called("yearly")
    assert timer["past_due"] is False
    await world.called("work", text="by hand")


async def test_a_start_by_hand_without_an_input_field_is_refused(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    response = await http.post(f"{shared[1].url}/admin/functions/work", content=json.dumps([]))
    assert response.status_code == 400
