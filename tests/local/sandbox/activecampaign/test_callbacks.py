"""What is posted once an import has completed."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.courier import with_courier
from local.sandbox.activecampaign.state import Account, Sandbox
from tests.local.sandbox.activecampaign.conftest import Import, person
from tests.local.sandbox.conftest import HandClock
from tests.local.servers import serving, until

PEOPLE = [person("ann@example.com"), person("bounced+1@example.com")]


def callback(url: str = "https://product.test/cb?a=1", **more: Any) -> dict[str, Any]:
    given = {
        "url": url,
        "requestType": "POST",
        "detailed_results": "true",
        "params": [{"key": "run", "value": "42"}],
        "headers": [{"key": "X-From", "value": "sandbox"}],
    }
    return {"callback": given | more}


class Receiver:
    """Keeps what it is posted."""

    def __init__(self) -> None:
        self.got: list[httpx.Request] = []
        self.status = 202

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        return httpx.Response(self.status)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as client:
        yield client


async def test_the_numbers_and_reasons_are_posted_once_the_import_is_over(
    send: Import,
    sandbox: Sandbox,
    client: httpx.AsyncClient,
    receiver: Receiver,
    clock: HandClock,
) -> None:
    batch = (await send(*PEOPLE, **callback())).json()["batchId"]
    assert await sandbox.deliver_callbacks(client) == 0
    clock.time += 60
    assert await sandbox.deliver_callbacks(client) == 1
    assert await sandbox.deliver_callbacks(client) == 0
    [request] = receiver.got
    assert (request.method, str(request.url)) == ("POST", "https://product.test/cb?a=1")
    assert request.headers["X-From"] == "sandbox"
    assert json.loads(request.content) == {
        "run": "42",
        "batchId": batch,
        "success": 1,
        "failure": 1,
        "failures": [{"email": "bounced+1@example.com", "error": "Contact has bounced"}],
    }
    assert sandbox.accounts[1].delivered == {"202": 1}


async def test_without_details_only_the_parameters_are_sent(
    done: Import, sandbox: Sandbox, client: httpx.AsyncClient, receiver: Receiver
) -> None:
    await done(*PEOPLE, **callback(detailed_results="false"))
    await done(*PEOPLE, **callback(requestType="GET"))
    await sandbox.deliver_callbacks(client)
    post, get = receiver.got
    assert json.loads(post.content) == {"run": "42"}
    assert (get.method, str(get.url)) == ("GET", "https://product.test/cb?a=1&run=42")


@pytest.mark.parametrize(("callbacks", "times"), [("never", 0), ("once", 1), ("twice", 2)])
async def test_callbacks_may_be_missing_or_repeated(
    done: Import,
    control: httpx.AsyncClient,
    sandbox: Sandbox,
    client: httpx.AsyncClient,
    callbacks: str,
    times: int,
) -> None:
    await control.patch("/knobs", json={"callbacks": callbacks})
    await done(*PEOPLE, **callback())
    assert await sandbox.deliver_callbacks(client) == times


async def test_callbacks_may_be_late(
    done: Import,
    control: httpx.AsyncClient,
    sandbox: Sandbox,
    client: httpx.AsyncClient,
    clock: HandClock,
) -> None:
    await control.patch("/knobs", json={"callback_delay": 600})
    await done(*PEOPLE, **callback())
    assert await sandbox.deliver_callbacks(client) == 0
    clock.time += 600
    assert await sandbox.deliver_callbacks(client) == 1


async def test_an_import_that_failed_reports_nothing(
    done: Import, control: httpx.AsyncClient, sandbox: Sandbox, client: httpx.AsyncClient
) -> None:
    await control.post("/endings", json={"ending": "failed"})
    await done(*PEOPLE, **callback())
    assert await sandbox.deliver_callbacks(client) == 0


@pytest.mark.parametrize(
    ("url", "outcome"),
    [
        ("http://product.test/cb", "not allowed"),
        ("www.your_web_server.com", "not allowed"),
        ("http://10.0.0.1/cb", "not allowed"),
        ("http://a:b", "InvalidURL"),
        ("http://127.0.0.1:9/cb", "202"),
        ("http://localhost:9/cb", "202"),
    ],
)
async def test_nothing_is_posted_in_the_clear_beyond_this_machine(
    done: Import, sandbox: Sandbox, client: httpx.AsyncClient, url: str, outcome: str
) -> None:
    await done(*PEOPLE, **callback(url))
    await sandbox.deliver_callbacks(client)
    assert sandbox.accounts[1].delivered == {outcome: 1}


@pytest.mark.parametrize(
    "wrong", [{"url": None}, {"requestType": "PUT"}, {"params": {"run": "42"}}, {"headers": [1]}]
)
async def test_a_callback_of_another_shape_refuses_the_import(
    send: Import, account: Account, wrong: dict[str, Any]
) -> None:
    answer = await send(*PEOPLE, **callback(**wrong))
    assert answer.status_code == 400
    assert "callback" in answer.json()["failureReasons"][0]
    assert not account.imports.batches


async def test_the_server_posts_by_itself(clock: HandClock) -> None:
    sandbox = Sandbox(clock)
    account = sandbox.accounts[1]
    receiver: list[bytes] = []

    async def receive_one(scope: Any, receive: Any, send: Any) -> None:
        receiver.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    headers = {"Api-Token": account.api_key}
    with serving(with_courier(create_app(sandbox), sandbox)) as url, serving(receive_one) as there:
        async with httpx.AsyncClient(base_url=f"{url}/{account.host}/api/3") as http:
            body = {"contacts": PEOPLE, **callback(f"{there}/cb")}
            await http.post("/import/bulk_import", json=body, headers=headers)
            clock.time += 60
            await until(lambda: bool(account.delivered))
    assert account.delivered == {"204": 1}
    assert json.loads(receiver[0])["failure"] == 1
