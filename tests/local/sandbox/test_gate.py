"""Limits and faults, over real connections."""

import asyncio
import threading
from collections.abc import AsyncIterator

import httpx
import pytest

from local.sandbox.mailchimp.app import create_app
from local.sandbox.mailchimp.state import Sandbox
from tests.local.sandbox.conftest import REDIRECT, HandClock
from tests.local.servers import serving, until

MEMBERS = {"members": [{"email_address": "ann@example.com", "status_if_new": "subscribed"}]}


@pytest.fixture
async def http(served: tuple[str, Sandbox]) -> AsyncIterator[httpx.AsyncClient]:
    url, sandbox = served
    headers = {"Authorization": f"Bearer {sandbox.accounts[1].api_key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        yield client


async def members_of(http: httpx.AsyncClient, control: str) -> int:
    return (await http.get(f"{control}/members.ndjson")).text.count("\n")


class HeldClock(HandClock):
    """Whoever waits, waits until the test lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    async def sleep(self, seconds: float) -> None:
        await asyncio.to_thread(self.let_go.wait)


async def test_the_eleventh_simultaneous_call_is_refused_and_the_ten_are_served() -> None:
    clock = HeldClock()
    sandbox = Sandbox(clock, "the-client", "the-secret", (REDIRECT,), latency=1)
    account = sandbox.accounts[1]
    headers = {"Authorization": f"Bearer {account.api_key}"}
    with serving(create_app(sandbox)) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            ten = [asyncio.create_task(http.get("/3.0/ping")) for _ in range(10)]
            await until(lambda: account.connections == 10)
            other = sandbox.accounts[2].api_key
            eleventh = await http.get("/3.0/ping")
            elsewhere = asyncio.create_task(
                http.get("/3.0/ping", headers={"Authorization": f"Bearer {other}"})
            )
            clock.let_go.set()
            answers = await asyncio.gather(*ten, elsewhere)
            stats = (await http.get("/sandbox/stats")).json()["accounts"]

    assert eleventh.status_code == 429
    assert (
        eleventh.json()["detail"] == "You have exceeded the limit of 10 simultaneous connections."
    )
    assert [answer.status_code for answer in answers] == [200] * 11
    assert [one["peak_connections"] for one in stats] == [11, 1]
    assert [one["connections"] for one in stats] == [0, 0]
    assert stats[0]["requests"] == {"GET /3.0/ping 200": 10, "GET /3.0/ping 429": 1}


async def test_fewer_calls_at_once_are_served_while_the_limit_is_lowered() -> None:
    clock = HeldClock()
    sandbox = Sandbox(clock, "the-client", "the-secret", (REDIRECT,), latency=1)
    headers = {"Authorization": f"Bearer {sandbox.accounts[1].api_key}"}
    with serving(create_app(sandbox)) as url:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            await http.post("/sandbox/connections", json={"most": 1})
            first = asyncio.create_task(http.get("/3.0/ping"))
            await until(lambda: sandbox.accounts[1].connections == 1)
            second = await http.get("/3.0/ping")
            clock.let_go.set()
            assert (await first).status_code == 200
    assert second.status_code == 429


@pytest.mark.parametrize(
    ("kind", "status", "media_type"),
    [
        ("401", 401, "application/problem+json"),
        ("403-bodiless", 403, ""),
        ("429", 429, "application/problem+json"),
        ("500", 500, "application/problem+json"),
        ("500-html", 500, "text/html"),
        ("503", 503, "application/problem+json"),
        ("html-200", 200, "text/html"),
    ],
)
async def test_a_queued_fault_answers_in_place_of_the_api_once(
    http: httpx.AsyncClient,
    newsletter: str,
    control: str,
    kind: str,
    status: int,
    media_type: str,
) -> None:
    await http.post("/sandbox/faults", json={"kind": kind})
    faulty = await http.post(newsletter, json=MEMBERS)
    assert faulty.status_code == status
    assert faulty.headers.get("content-type", "").startswith(media_type)
    assert bool(faulty.content) == bool(media_type)
    assert await members_of(http, control) == 0
    assert (await http.post(newsletter, json=MEMBERS)).json()["total_created"] == 1


@pytest.mark.parametrize(("kind", "written"), [("reset-before", 0), ("reset-after", 1)])
async def test_a_reset_connection_breaks_before_or_after_the_write(
    http: httpx.AsyncClient, newsletter: str, control: str, kind: str, written: int
) -> None:
    await http.post("/sandbox/faults", json={"kind": kind})
    with pytest.raises(httpx.ReadError):
        await http.post(newsletter, json=MEMBERS)
    assert await members_of(http, control) == written
    [stats, _] = (await http.get("/sandbox/stats")).json()["accounts"]
    assert stats["requests"] == {f"POST /3.0/lists/{{id}} {kind}": 1}
    assert stats["connections"] == 0


@pytest.mark.parametrize(("kind", "written"), [("silence", 0), ("silence-after", 1)])
async def test_silence_ends_with_the_connection_after_its_seconds(
    http: httpx.AsyncClient, newsletter: str, control: str, kind: str, written: int
) -> None:
    await http.post("/sandbox/faults", json={"kind": kind, "seconds": 120})
    with pytest.raises(httpx.ReadError):
        await http.post(newsletter, json=MEMBERS)
    assert await members_of(http, control) == written


async def test_a_client_that_gives_up_keeps_its_place_until_the_silence_ends(
    http: httpx.AsyncClient, newsletter: str, served: tuple[str, Sandbox]
) -> None:
    account = served[1].accounts[1]
    await http.post("/sandbox/faults", json={"kind": "silence", "seconds": 1200})
    with pytest.raises(httpx.ReadTimeout):
        await http.post(newsletter, json=MEMBERS, timeout=httpx.Timeout(30, read=0.3))
    assert account.connections == 1
    await until(lambda: not account.connections)
    assert account.requests == {"POST /3.0/lists/{id} silence": 1}


async def test_what_was_sent_whole_is_written_even_if_the_client_is_gone(
    http: httpx.AsyncClient, newsletter: str, served: tuple[str, Sandbox]
) -> None:
    audience = next(iter(served[1].accounts[1].audiences.values()))
    await http.post("/sandbox/latency", json={"seconds": 119})
    with pytest.raises(httpx.ReadTimeout):
        await http.post(newsletter, json=MEMBERS, timeout=httpx.Timeout(30, read=0.03))
    assert not audience.members
    await until(lambda: len(audience.members) == 1)


async def test_what_was_sent_in_part_is_not_written(
    http: httpx.AsyncClient, newsletter: str, control: str, served: tuple[str, Sandbox]
) -> None:
    async def cut_short() -> AsyncIterator[bytes]:
        yield b'{"members": ['
        raise ConnectionAbortedError

    account = served[1].accounts[1]
    with pytest.raises(ConnectionAbortedError):
        await http.post(newsletter, content=cut_short())
    await until(lambda: bool(account.requests))
    assert account.requests == {"POST /3.0/lists/{id} disconnected": 1}
    assert await members_of(http, control) == 0


async def test_a_call_that_would_take_120_seconds_is_cut_and_writes_nothing(
    http: httpx.AsyncClient, newsletter: str, control: str
) -> None:
    await http.post("/sandbox/latency", json={"seconds": 120, "account": 1})
    with pytest.raises(httpx.ReadError):
        await http.post(newsletter, json=MEMBERS)
    assert await members_of(http, control) == 0
    await http.post("/sandbox/latency", json={"seconds": 119, "account": 1})
    assert (await http.post(newsletter, json=MEMBERS)).status_code == 200


async def test_faults_choose_account_method_and_path(
    api: httpx.AsyncClient, sandbox: Sandbox, newsletter: str
) -> None:
    faults = [
        {"kind": "500", "account": 2},
        {"kind": "429", "method": "POST", "path": "/3.0/lists/*", "count": 2},
    ]
    await api.post("/sandbox/faults", json=faults)

    assert (await api.get(newsletter)).status_code == 200
    writes = [(await api.post(newsletter, json=MEMBERS)).status_code for _ in range(3)]
    assert writes == [429, 429, 200]
    assert [one["fired"] for one in (await api.get("/sandbox/faults")).json()] == [0, 2]
    api.headers["Authorization"] = f"Bearer {sandbox.accounts[2].api_key}"
    assert (await api.get("/us2/3.0/ping")).status_code == 500


async def test_a_rate_draws_the_same_faults_for_the_same_seed(api: httpx.AsyncClient) -> None:
    async def drawn(seed: int) -> list[int]:
        await api.delete("/sandbox/faults")
        await api.post("/sandbox/faults", json={"kind": "429", "rate": 0.3, "seed": seed})
        return [(await api.get("/3.0/ping")).status_code for _ in range(100)]

    first = await drawn(7)
    assert first == await drawn(7)
    assert first != await drawn(8)
    assert 15 < first.count(429) < 45


@pytest.mark.parametrize(
    "fault", [{}, {"kind": "418"}, {"kind": "500", "rate": 2}, {"kind": "500", "fired": 1}]
)
async def test_a_fault_that_makes_no_sense_is_refused(
    api: httpx.AsyncClient, fault: dict[str, object]
) -> None:
    assert (await api.post("/sandbox/faults", json=fault)).status_code == 422
    assert (await api.get("/sandbox/faults")).json() == []


async def test_latency_is_the_sandboxs_own_time(api: httpx.AsyncClient, clock: HandClock) -> None:
    began = clock.time
    await api.post("/sandbox/latency", json={"seconds": 5.4})
    await api.get("/3.0/ping")
    assert clock.time - began == pytest.approx(5.4)
