from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.state import Account, Sandbox
from tests.local.sandbox.conftest import HandClock

type Import = Callable[..., Awaitable[httpx.Response]]
type Info = Callable[[str], Awaitable[dict[str, Any]]]


@pytest.fixture
def sandbox(clock: HandClock) -> Sandbox:
    return Sandbox(clock)


@pytest.fixture
def account(sandbox: Sandbox) -> Account:
    return sandbox.accounts[1]


@pytest.fixture
async def api(sandbox: Sandbox, account: Account) -> AsyncIterator[httpx.AsyncClient]:
    """The first account's API, in this process."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(sandbox)),
        base_url="https://acme1.api-us1.com/api/3",
        headers={"Api-Token": account.api_key},
    ) as client:
        yield client


@pytest.fixture
async def control(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """What is under /sandbox, for the first account."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(sandbox)),
        base_url="http://sandbox.test/sandbox/accounts/1",
    ) as client:
        yield client


@pytest.fixture
def send(api: httpx.AsyncClient, clock: HandClock) -> Import:
    """Import contacts, long enough after everything else for the limits."""

    async def send(*contacts: Any, **more: Any) -> httpx.Response:
        clock.time += 60
        return await api.post("/import/bulk_import", json={"contacts": contacts, **more})

    return send


@pytest.fixture
def done(send: Import, api: httpx.AsyncClient, clock: HandClock) -> Import:
    """Import contacts and wait; the answer is that of `import/info`."""

    async def done(*contacts: Any, **more: Any) -> httpx.Response:
        answer = await send(*contacts, **more)
        assert answer.status_code == 200, answer.text
        clock.time += 60
        return await api.get("/import/info", params={"batchId": answer.json()["batchId"]})

    return done


def person(email: str, **more: Any) -> dict[str, Any]:
    return {"email": email, "subscribe": [{"listid": 1}], **more}


def held(account: Account, email: str) -> dict[int, int]:
    """The lists of a contact with its status on each."""
    contact = account.contacts.find(email)
    assert contact is not None
    return dict(contact.lists)
