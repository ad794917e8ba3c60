"""The webhook is told of every end of a run, in a form that proves who tells it, until it listens."""

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from shared.domain.run import RunStatus
from shared.settings import Settings
from shared.storage.entries import DueTable
from shared.transport.webhook import Webhook, open_webhook
from shared.triggers.every_minute import tick
from tests.fakes.mailchimp import answers
from tests.runs.machine import Machine, lives
from tests.runs.mortal import Life
from tests.runs.small import connection, now, small
from tests.runs.world import World, csv

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
URL = "https://listener.test/ends?token=planted-token"


@dataclass
class Listener(httpx.AsyncBaseTransport):
    """Whoever listens at the address; everything else goes to the vendor."""

    vendor: httpx.AsyncBaseTransport
    status: int = 204
    told: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host != "listener.test":
            return await self.vendor.handle_async_request(request)
        self.told.append(request)
        if self.status == 0:
            raise httpx.ConnectError("nobody at planted-token", request=request)
        return httpx.Response(self.status, headers={"Location": "https://elsewhere.test/"})

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.told]


async def listened(**more: Any) -> tuple[World, Listener]:
    world = await small(webhook=open_webhook(URL, SECRET), **more)
    listener = Listener(world.mailchimp)
    return world.having(http=httpx.AsyncClient(transport=listener)), listener


async def test_the_end_of_a_run_is_told_with_its_figures_and_no_personal_data() -> None:
    world, listener = await listened()
    await world.drop(csv(20) + "bad,A,B\n")
    run = await world.run()
    assert listener.told == []

    await tick(world.services)

    [body] = listener.bodies
    assert body["type"] == "run.ended"
    data = body["data"]
    assert (data["run_id"], data["export_id"], data["export_name"]) == (
        run.id,
        "export",
        "Newsletter",
    )
    assert (data["status"], data["rows_read"], data["not_sent"]) == ("successful", 21, 0)
    assert (data["counts"]["accepted"], data["counts"]["invalid"]) == (20, 1)
    assert b"@" not in listener.told[0].content
    await tick(world.services)
    assert len(listener.told) == 1


async def test_it_is_signed_as_standard_webhooks_asks() -> None:
    world, listener = await listened()
    await world.drop(csv(20))
    await world.run()
    await tick(world.services)

    [request] = listener.told
    key, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    assert abs(int(at) - world.clock.now().timestamp()) < 2
    signed = f"{key}.{at}.".encode() + request.content
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["content-type"] == "application/json"


def test_the_signature_is_that_of_the_published_example() -> None:
    # The example in the specification's libraries (github.com/standard-webhooks/standard-webhooks).
    webhook = open_webhook(URL, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert webhook is not None
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = webhook.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("status", [500, 404, 302, 0])
async def test_who_does_not_listen_is_told_again_later_and_later_under_the_same_id(
    status: int,
) -> None:
    world, listener = await listened()
    listener.status = status
    await world.drop(csv(20))
    run = await world.run()
    began = world.clock.now()
    for _ in range(6 * 60):
        await tick(world.services)
        world.clock.advance(60)

    assert 8 <= len(listener.told) <= 13
    assert len({request.headers["webhook-id"] for request in listener.told}) == 1
    listener.status = 200
    world.clock.advance(3600)
    await tick(world.services)
    assert await world.services.storage.webhook_outbox.page(DueTable.OUTBOX) == []
    assert world.clock.now() - began < timedelta(hours=8)
    assert "webhook" not in str((await now(world, run)).timeline[-1].text)


async def test_after_a_day_it_is_given_up_and_noted() -> None:
    world, listener = await listened()
    listener.status = 0
    await world.drop(csv(20))
    run = await world.run()
    for _ in range(26):
        await tick(world.services)
        world.clock.advance(3600)

    ended = await now(world, run)
    assert ended.status is RunStatus.SUCCESSFUL
    assert str(ended.timeline[-1].text) == (
        "The webhook was not told: it did not take it for a day (ConnectError)."
    )
    assert "planted-token" not in ended.model_dump_json()
    assert await world.services.storage.webhook_outbox.page(DueTable.OUTBOX) == []


async def test_each_end_of_a_run_that_goes_on_after_a_sign_in_is_told() -> None:
    world, listener = await listened()
    world.mailchimp.down = answers(401)
    await world.drop(csv(20))
    run = await world.run()
    assert run.status is RunStatus.SKIPPED
    skipped = await world.start()
    assert skipped.status is RunStatus.SKIPPED
    assert (await connection(world)).reason
    await tick(world.services)
    assert sorted(body["data"]["status"] for body in listener.bodies) == ["skipped", "skipped"]
    assert {body["data"]["run_id"] for body in listener.bodies} == {run.id, skipped.id}


async def test_without_an_address_nothing_is_told_or_kept() -> None:
    world = await small()
    await world.drop(csv(20))
    await world.run()
    assert await world.services.storage.webhook_outbox.page(DueTable.OUTBOX) == []


async def test_what_was_to_be_told_is_forgotten_once_the_webhook_is_turned_off() -> None:
    world, listener = await listened()
    await world.drop(csv(20))
    await world.run()
    world.having(webhook=None)
    await tick(world.services)
    assert await world.services.storage.webhook_outbox.page(DueTable.OUTBOX) == []
    assert listener.told == []


async def test_wherever_the_process_dies_every_end_is_told() -> None:
    async def told(*ends: tuple[int, bool]) -> tuple[int, Listener]:
        world, listener = await listened()
        await world.drop(csv(20))
        life = Life(*ends[0]) if ends else Life()
        both = iter((life, *(next(lives()) for _ in range(3))))
        machine = Machine(world, both, redelivers=True, network=listener)
        await world.start()
        await machine.run_for(4)
        return life.operations, listener

    operations, _ = await told()
    for moment in range(1, operations + 1):
        _, listener = await told((moment, moment % 2 == 0))
        ends = {request.headers["webhook-id"] for request in listener.told}
        runs = {body["data"]["run_id"] for body in listener.bodies}
        assert len(ends) == len(runs) >= 1, moment
        assert len(listener.told) <= len(ends) + 1, moment


async def test_it_reaches_a_receiver_over_a_socket() -> None:
    received = asyncio.Queue[bytes]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        received.put_nowait(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, httpx.AsyncClient() as http:
        port = server.sockets[0].getsockname()[1]
        webhook = Webhook(f"http://127.0.0.1:{port}/ends", KEY)
        world = await small()
        assert await webhook.post(http, "end-1", world.clock.now(), b'{"type":"x"}') is None
        request = await received.get()
    assert request.startswith(b"POST /ends HTTP/1.1")
    assert b"webhook-id: end-1\r\n" in request
    assert request.endswith(b'{"type":"x"}')


@pytest.mark.parametrize(
    "secret", ["", "planted", "whsec_", "whsec_c2hvcnQ=", "whsec_!!", SECRET[6:]]
)
def test_a_bad_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="WEBHOOK_SECRET must be") as refused:
        open_webhook(URL, secret)
    assert not secret or secret not in str(refused.value).replace("whsec_ and", "")
    assert open_webhook("", secret) is None


@pytest.mark.parametrize("url", ["http://listener.test", "ftp://x", "listener.test", "https://"])
def test_only_https_is_posted_to(url: str) -> None:
    given = {
        "key_vault_url": "https://vault.test",
        "auth_issuer": "https://issuer.test",
        "auth_audience": "app",
        "public_base_url": "https://exports.test",
    }
    with pytest.raises(ValidationError, match="webhook_url"):
        Settings.model_validate(given | {"webhook_url": url})
    right = Settings.model_validate(given | {"webhook_url": URL, "webhook_secret": SECRET})
    assert right.webhook_secret == SecretStr(SECRET)


def test_neither_address_nor_key_is_shown() -> None:
    assert "planted" not in repr(open_webhook(URL, SECRET))
    assert repr(KEY) not in repr(open_webhook(URL, SECRET))
