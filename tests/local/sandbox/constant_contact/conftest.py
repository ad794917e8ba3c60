from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.sandbox.constant_contact.app import create_app
from local.sandbox.constant_contact.state import Account, Sandbox
from tests.local.sandbox.conftest import REDIRECT, HandClock

type Import = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def sandbox(clock: HandClock) -> Sandbox:
    return Sandbox(clock, "the-client", "the-secret", (REDIRECT,))


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    return sandbox.accounts[1]


@pytest.fixture
def newsletter(account: Account) -> str:
    return next(iter(account.lists))


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """The sandbox, in this process."""
    transport = httpx.ASGITransport(create_app(sandbox))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as client:
        yield client


@pytest.fixture
async def api(sandbox: Sandbox, clock: HandClock) -> AsyncIterator[httpx.AsyncClient]:
    """The first account's API."""
    access, _ = sandbox.tokens.grant(1, clock.now(), 86_400)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(sandbox)),
        base_url="https://api.cc.email/v3",
        headers={"Authorization": f"Bearer {access}"},
    ) as client:
        yield client


@pytest.fixture
def done(api: httpx.AsyncClient, clock: HandClock, newsletter: str) -> Import:
    """Import contacts and wait until the job is over; returns what the API tells of it then."""

    async def done(*contacts: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {"list_ids": [newsletter], "import_data": contacts, **more}
        clock.time += 1
        answer = await api.post("/activities/contacts_json_import", json=body)
        assert answer.status_code == 201, answer.text
        clock.time += 1_000
        told = await api.get(f"/activities/{answer.json()['activity_id']}")
        result: dict[str, Any] = told.json()
        return result

    return done
