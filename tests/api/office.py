"""The API over memory, with people who call it and accounts that it can be let into."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from fastapi import FastAPI

from local.identity import SigningKey
from shared.api.allowances import Allowances
from shared.api.app import create_app
from shared.api.paths import CALLBACK, addresses_at
from shared.api.tokens import TokenCheck
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client
from shared.domain.connection import TERMS_VERSION
from shared.services import Services
from tests.api.contract import Contract
from tests.fakes.accounts import ACME, SECRET, Account, FakeAccounts
from tests.fakes.clock import FakeClock
from tests.fakes.identity import AUDIENCE, ISSUER, SCOPE, FakeIssuer
from tests.fakes.storage import memory_storage

BASE = "https://exports.test"
SEGMENT = "EMail,FirstName,LastName\nana@example.com,Ana,Silva\n"


@dataclass
class Office:
    """Everything that a test of the API needs."""

    key: SigningKey
    clock: FakeClock = field(default_factory=FakeClock)
    accounts: FakeAccounts = field(default_factory=lambda: FakeAccounts(BASE + CALLBACK))
    issuer: FakeIssuer = field(init=False)
    services: Services = field(init=False)
    tokens: TokenCheck = field(init=False)
    allowances: Allowances = field(init=False)
    app: FastAPI = field(init=False)
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        mailchimp = Mailchimp(Client("client", SECRET), "https://login.test", "https://{dc}.test")
        self.issuer = FakeIssuer(self.key)
        self.services = Services(
            storage=memory_storage(self.clock),
            destinations={mailchimp.name: mailchimp},
            http=httpx.AsyncClient(transport=self.accounts),
            clock=self.clock,
            addresses=addresses_at(BASE),
            slice_seconds=240,
            max_profiles=1_000_000,
        )
        issuer = httpx.AsyncClient(transport=self.issuer)
        self.tokens = TokenCheck(issuer, ISSUER, AUDIENCE, SCOPE, self.clock)
        self.allowances = Allowances(600, 60, self.clock)
        self.app = _app()
        self.move_in()
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=BASE,
            event_hooks={"response": [contract().hold]},
        )

    def allow(self, callers: int = 600, addresses: int = 60) -> None:
        """Let so many requests a minute in, from now on."""
        self.allowances = Allowances(callers, addresses, self.clock)
        self.move_in()

    def move_in(self) -> None:
        """Be the office that the app works for, which all offices share."""
        self.app.state.get_services, self.app.state.tokens = self.get_services, self.tokens
        self.app.state.allowances = self.allowances

    async def get_services(self) -> Services:
        """Return the services as they are now; a test may replace them."""
        return self.services

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        role: str | None = "administrator",
        **more: Any,
    ) -> httpx.Response:
        """Send a request as somebody with this role, or as nobody; most paths are below /api/v1."""
        headers = dict(more.pop("headers", {}))
        if role:
            headers["Authorization"] = f"Bearer {self.issuer.token(role)}"
        path = path if path.startswith("/api/") else f"/api/v1{path}"
        return await self.http.request(method, path, json=body, headers=headers, **more)

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request that must succeed, and return its JSON."""
        answer = await self.ask(method, path, body, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def draft(self, **chosen: Any) -> str:
        """Begin a connection; return its id."""
        body = {"destination": "mailchimp", "display_name": "Our Mailchimp"} | chosen
        created = await self.done("POST", "/connections", body)
        return str(created["id"])

    async def agree(self, key: str) -> None:
        """Accept the terms."""
        body = {"accepted": True, "terms_version": TERMS_VERSION}
        await self.done("POST", f"/connections/{key}/consent", body)

    async def state(self, key: str, **chosen: bool) -> str:
        """Begin a sign-in; return the state that the sign-in page was given."""
        page = await self.done("POST", f"/connections/{key}/connect", chosen)
        return parse_qs(urlsplit(str(page["authorize_url"])).query)["state"][0]

    async def come_back(self, **query: str) -> httpx.Response:
        """Follow the sign-in page back to us, as a browser without a token."""
        return await self.http.get(CALLBACK, params=query)

    async def sign_in(self, key: str, account: Account = ACME, **chosen: bool) -> httpx.Response:
        """Sign in to an account from beginning to end."""
        state = await self.state(key, **chosen)
        return await self.come_back(state=state, code=self.accounts.allow(account))

    async def ready(self, **chosen: Any) -> str:
        """Set up a connection completely; return its id."""
        key = await self.draft(**chosen)
        await self.agree(key)
        assert (await self.sign_in(key)).status_code == 303
        await self.done("PUT", f"/connections/{key}/export-user")
        await self.done("POST", f"/connections/{key}/save")
        return key

    async def drop(self, name: str = "Customers", text: str = SEGMENT) -> None:
        """Put a segment file into storage."""
        await self.services.storage.segments.write(f"{name}.csv", text.encode())

    async def export(self, connection: str, **chosen: Any) -> str:
        """Create an export; return its id."""
        await self.drop()
        body = choices(connection, **chosen)
        created = await self.done("POST", "/exports", body)
        return str(created["id"])


@cache
def _app() -> FastAPI:
    """Return the one app of all tests: putting its routes together takes half a second."""

    async def nothing() -> Services:
        raise AssertionError("an office must have put its services here")

    closed = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(404)))
    clock = FakeClock()
    nobody = TokenCheck(closed, ISSUER, AUDIENCE, SCOPE, clock)
    return create_app(nothing, nobody, Allowances(0, 0, clock))


@cache
def contract() -> Contract:
    """Return what every answer of an office must keep to."""
    return Contract(_app())


def choices(connection: str, **chosen: Any) -> dict[str, Any]:
    """Return the body of an export that is right, but for what is chosen."""
    return {
        "name": "Newsletter",
        "connection_id": connection,
        "list_id": "a1",
        "fields": {"email": "EMail", "first_name": "FirstName"},
        "segments": ["Customers"],
    } | chosen


def pointers(answer: httpx.Response) -> list[str]:
    """Return where a refused body is wrong."""
    assert answer.status_code == 422, answer.text
    return [error["pointer"] for error in answer.json()["errors"]]
