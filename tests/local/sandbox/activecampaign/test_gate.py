"""Faults and latency; cut connections are real ones."""

from collections.abc import AsyncIterator

import httpx
import pytest

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.state import Account, Sandbox
from local.sandbox.kit.clock import FastClock
from tests.local.sandbox.activecampaign.conftest import Import, person
from tests.local.sandbox.conftest import HandClock
from tests.local.servers import serving, until

FAULTS = "http://sandbox.test/sandbox/faults"
TWO = {"contacts": [person("ann@example.com"), person("bob@example.com")]}


@pytest.mark.parametrize(
    ("kind", "status", "media_type"),
    [
        ("401", 401, "application/json"),
        ("403", 403, "application/json"),
        ("403-bodiless", 403, ""),
        ("429", 429, "application/json"),
        ("429-retry-after", 429, "application/json"),
        ("500", 500, "application/json"),
        ("500-html", 500, "text/html"),
        ("502", 502, "application/json"),
        ("503", 503, "text/html"),
        ("login-200", 200, "text/html"),
        ("html-200", 200, "text/html"),
    ],
)
async def test_a_queued_fault_answers_in_place_of_the_api_once(
    send: Import, api: httpx.AsyncClient, account: Account, kind: str, status: int, media_type: str
) -> None:
    await api.post(FAULTS, json={"kind": kind})
    faulty = await send(*TWO["contacts"])
    assert faulty.status_code == status
    assert faulty.headers.get("content-type", "").startswith(media_type)
    assert bool(faulty.content) == bool(media_type)
    assert not account.imports.batches
    assert not account.exceeded
    assert (await send(*TWO["contacts"])).status_code == 200


@pytest.mark.parametrize("kind", ["cut-200", "odd-200"])
async def test_an_answer_may_be_spoilt_after_the_import_was_queued(
    send: Import, api: httpx.AsyncClient, account: Account, kind: str
) -> None:
    await api.post(FAULTS, json={"kind": kind})
    answer = await send(*TWO["contacts"])
    assert answer.status_code == 200
    assert b"batchId" not in answer.content or not answer.content.endswith(b"}")
    assert len(account.imports.batches) == 1


async def test_faults_choose_account_method_and_path(api: httpx.AsyncClient) -> None:
    faults = [
        {"kind": "500", "account": 2},
        {"kind": "503", "method": "GET", "path": "/api/3/lists/*"},
    ]
    await api.post(FAULTS, json=faults)
    answers = [await api.get(path) for path in ("/users/me", "/lists/1", "/lists/1")]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert [one["fired"] for one in (await api.get(FAULTS)).json()] == [0, 1]
    await api.delete(FAULTS)
    assert (await api.get(FAULTS)).json() == []


async def test_latency_is_the_sandboxs_own_time(api: httpx.AsyncClient, clock: HandClock) -> None:
    began = clock.time
    latency = "http://sandbox.test/sandbox/latency"
    await api.post(latency, json={"seconds": 2})
    await api.get("/users/me")
    await api.post(latency, json={"seconds": 0.5, "account": 1})
    await api.get("/users/me")
    assert clock.time - began == pytest.approx(2.5)


@pytest.fixture
async def served() -> AsyncIterator[tuple[httpx.AsyncClient, Sandbox]]:
    """The first account's API behind a real socket."""
    sandbox = Sandbox(FastClock(1200))
    account = sandbox.accounts[1]
    with serving(create_app(sandbox)) as url:
        async with httpx.AsyncClient(
            base_url=f"{url}/{account.host}/api/3",
            headers={"Api-Token": account.api_key},
            timeout=30,
        ) as http:
            yield http, sandbox


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [("reset-before", 0), ("reset-after", 1), ("silence", 0), ("silence-after", 1)],
)
async def test_a_cut_connection_breaks_before_or_after_the_import(
    served: tuple[httpx.AsyncClient, Sandbox], kind: str, accepted: int
) -> None:
    http, sandbox = served
    await http.post(f"http://{http.base_url.netloc.decode()}/sandbox/faults", json={"kind": kind})
    with pytest.raises(httpx.ReadError):
        await http.post("/import/bulk_import", json=TWO)
    account = sandbox.accounts[1]
    await until(lambda: bool(account.requests))  # the client may know of the end before the sandbox
    assert len(account.imports.batches) == accepted
    assert account.requests == {f"POST /api/3/import/bulk_import {kind}": 1}
    assert account.connections == 0
