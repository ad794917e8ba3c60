from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from local.sandbox.kit.clock import FastClock
from local.sandbox.mailchimp.app import create_app
from local.sandbox.mailchimp.state import Sandbox
from tests.local.servers import serving

REDIRECT = "http://product.test/api/v1/oauth/callback"


class HandClock:
    """Stands still until a test moves it; waiting moves it at once."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def sandbox(clock: HandClock) -> Sandbox:
    return Sandbox(clock, "the-client", "the-secret", (REDIRECT,))


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """The first account's API, in this process."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(sandbox)),
        base_url="https://us1.api.mailchimp.com",
        headers={"Authorization": f"Bearer {sandbox.accounts[1].api_key}"},
    ) as client:
        yield client


@pytest.fixture
def newsletter(sandbox: Sandbox) -> str:
    """The path of the first account's plain audience."""
    return f"/3.0/lists/{next(iter(sandbox.accounts[1].audiences))}"


@pytest.fixture
def control(newsletter: str) -> str:
    """The same audience under /sandbox."""
    return newsletter.replace("/3.0/lists", "/sandbox/accounts/1/audiences")


@pytest.fixture
def fast() -> FastClock:
    """Passes two minutes in a tenth of a second."""
    return FastClock(1200)


@pytest.fixture
def served(fast: FastClock) -> Iterator[tuple[str, Sandbox]]:
    """A sandbox behind a real socket: its address, and itself."""
    sandbox = Sandbox(fast, "the-client", "the-secret", (REDIRECT,))
    with serving(create_app(sandbox)) as url:
        yield url, sandbox
