"""HTTP triggers and the host's own addresses: each fact as it was seen at Microsoft's host."""

import asyncio
import json

import httpx
import pytest

from local.host.config import FUNCTION_KEY, MASTER_KEY, SYSTEM_KEY
from tests.local.host.conftest import RunningHost, World

Shared = tuple[World, RunningHost]
OPENS = {"x-functions-key": MASTER_KEY}
WEBHOOK = "/runtime/webhooks/blobs?functionName=Host.Functions.told"


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
        "raw_path": "/some/é",
        "query": "a=1&b=%20",
        "header": "1",
        "forwarded": "",
        "client": None,
        "body": 100_000,
    }


async def test_a_failed_invocation_is_a_500_without_a_body(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    response = await http.get(f"{shared[1].url}/fails")
    assert (response.status_code, response.content) == (500, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/index.html", "/assets/a.js", "/exports/x.y"])
async def test_every_usual_method_reaches_the_function_at_every_path(
    shared: Shared, http: httpx.AsyncClient, method: str, path: str
) -> None:
    assert (await http.request(method, f"{shared[1].url}{path}")).status_code == 201


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
async def test_other_methods_are_not_found(
    shared: Shared, http: httpx.AsyncClient, method: str
) -> None:
    assert (await http.request(method, f"{shared[1].url}/index.html")).status_code == 404


async def test_requests_at_once_are_all_in_the_app_at_once(shared: Shared) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        asked = [client.get(f"{shared[1].url}/together") for _ in range(200)]
        answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} == {201}


async def test_a_route_takes_its_own_methods_only(shared: Shared, http: httpx.AsyncClient) -> None:
    put = await http.put(f"{shared[1].url}/answers/yes")
    assert (put.status_code, put.text) == (200, "yes")
    assert (await http.get(f"{shared[1].url}/answers/yes")).json()["path"] == "/answers/yes"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/keyed/one", "", 401),
        ("/keyed/one", "wrong", 401),
        ("/keyed/one", SYSTEM_KEY, 403),
        ("/keyed/one", FUNCTION_KEY, 200),
        ("/keyed/one", MASTER_KEY, 200),
        ("/locked", FUNCTION_KEY, 403),
        ("/locked", MASTER_KEY, 200),
        ("/admin/functions", "", 401),
        ("/admin/functions", "wrong", 401),
        ("/admin/functions", FUNCTION_KEY, 403),
        ("/admin/functions", MASTER_KEY, 200),
        ("/admin/host/status", "", 401),
        ("/admin/host/status", MASTER_KEY, 200),
        ("/admin/host/ping", "", 200),
    ],
)
async def test_a_lock_opens_to_its_keys_in_the_query_and_in_the_header(
    shared: Shared, http: httpx.AsyncClient, path: str, key: str, status: int
) -> None:
    url = f"{shared[1].url}{path}"
    assert (await http.get(url, params={"code": key})).status_code == status
    assert (await http.get(url, headers={"x-functions-key": key})).status_code == status


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("wrong", 401), (FUNCTION_KEY, 403), (SYSTEM_KEY, 202), (MASTER_KEY, 202)],
)
async def test_the_webhook_of_blobs_opens_to_the_system_key_and_the_master_key(
    shared: Shared, http: httpx.AsyncClient, key: str, status: int
) -> None:
    told = {"aeg-event-type": "Notification"}
    response = await http.post(f"{shared[1].url}{WEBHOOK}&code={key}", json=[], headers=told)
    assert response.status_code == status


async def test_the_host_tells_that_it_runs_and_which_functions_it_has(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    status = (await http.get(f"{shared[1].url}/admin/host/status", headers=OPENS)).json()
    assert status["state"] == "Running"
    listed = (await http.get(f"{shared[1].url}/admin/functions", headers=OPENS)).json()
    assert {"web", "work", "yearly", "scanned"} <= {each["name"] for each in listed}


@pytest.mark.parametrize(
    "path",
    [
        "/admin/functions/",
        "/admin/functions/none",
        "/ADMIN/Host/none",
        "/admin/instance/none",
        "/admin/vfs/",
        "/runtime/webhooks/none",
    ],
)
async def test_what_belongs_to_the_host_never_reaches_the_app(
    shared: Shared, http: httpx.AsyncClient, path: str
) -> None:
    assert (await http.post(f"{shared[1].url}{path}")).status_code == 401
    assert (await http.post(f"{shared[1].url}{path}", headers=OPENS)).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/admin", "/ADMIN/x", "/admin/host", "/admin/functionsx", "/runtime/x", "/runtime/webhooks"],
)
async def test_everything_else_below_admin_and_runtime_is_the_apps(
    shared: Shared, http: httpx.AsyncClient, path: str
) -> None:
    response = await http.get(f"{shared[1].url}{path}")
    assert (response.status_code, response.json()["path"]) == (201, path)


async def test_a_function_without_http_can_be_started_by_hand(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    world, host = shared
    functions = f"{host.url}/admin/functions"
    assert (await http.post(f"{functions}/yearly", headers=OPENS)).status_code == 202
    by_hand = await http.post(f"{functions}/work", json={"input": "by hand"}, headers=OPENS)
    assert by_hand.status_code == 202
    [timer] = await world.called("yearly")
    assert timer["past_due"] is False
    await world.called("work", text="by hand")


async def test_a_start_by_hand_without_an_input_field_is_refused(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    response = await http.post(
        f"{shared[1].url}/admin/functions/work", content=json.dumps([]), headers=OPENS
    )
    assert response.status_code == 400
