"""The whole product in one process: the API and the engine over any storage, and the vendors' sandboxes."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from local.identity import SigningKey
from shared.api.allowances import Allowances
from shared.api.app import create_app
from shared.api.paths import addresses_at
from shared.api.tokens import TokenCheck
from shared.domain.connection import TERMS_VERSION
from shared.domain.run import SliceMessage
from shared.runs.slice import run_slice
from shared.services import Services
from shared.storage.ports import Storage
from shared.transport.fast_client import open_http
from shared.transport.webhook import Webhook
from shared.triggers.every_minute import tick
from tests.chaos.simulated_vendors import (
    ActiveCampaignVendor,
    ConstantContactVendor,
    MailchimpVendor,
    Vendor,
)
from tests.contract.destinations.side import InProcess
from tests.fakes.clock import FakeClock
from tests.fakes.identity import AUDIENCE, ISSUER, SCOPE, FakeIssuer
from tests.fakes.storage import MemoryQueue

BASE = "https://exports.test"
LISTENER = "listener.test"
LATENCY = 8  # seconds that a call of a vendor takes
SLICE_SECONDS = 20  # so that a run of some batches is parked half-way
_HIDDEN = re.compile(r'type="hidden" name="([^"]+)" value="([^"]*)"')


def vendors(clock: FakeClock) -> Mapping[str, Vendor]:
    """Return every vendor by name, with empty accounts and small batches."""
    every: tuple[Vendor, ...] = (
        MailchimpVendor(clock, LATENCY, connections=1),
        ActiveCampaignVendor(clock, LATENCY),
        ConstantContactVendor(clock, LATENCY),
    )
    return {vendor.name: vendor for vendor in every}


def sandbox_of(vendor: Vendor) -> Any:
    """Return what a vendor is played by; each has a sandbox of its own kind."""
    played: Any = vendor
    return played.sandbox


@dataclass(frozen=True)
class Write:
    """A request that writes profiles: to whom, when it was answered and how, and whose they are."""

    vendor: str
    at: datetime
    request: httpx.Request
    answer: httpx.Response
    people: Sequence[str]  # their addresses


@dataclass
class Network(httpx.AsyncBaseTransport):
    """The vendors' servers, and one that listens to the webhook."""

    vendors: Mapping[str, Vendor]
    clock: FakeClock
    heard: list[str] = field(default_factory=list)  # bodies of the webhook
    writes: list[Write] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the request's host answer."""
        body = await request.aread()
        host = request.url.host
        if host == LISTENER:
            self.heard.append(body.decode())
            return httpx.Response(204)
        [vendor] = [each for each in self.vendors.values() if host.endswith(each.hosts)]
        answer = await InProcess(vendor.app).handle_async_request(request)
        if people := vendor.written(request):
            await answer.aread()
            write = Write(vendor.name, self.clock.now(), request, answer, list(people))
            self.writes.append(write)
        return answer


class Company:
    """Somebody who has the product, with accounts at every vendor; `queue` is what `storage` sends to."""

    def __init__(
        self,
        key: SigningKey,
        clock: FakeClock,
        storage: Storage,
        queue: MemoryQueue,
        known: Mapping[str, Vendor],
    ) -> None:
        self.clock, self.storage, self.queue, self.vendors = clock, storage, queue, known
        self.network = Network(known, clock)
        self.services = Services(
            storage=storage,
            destinations={name: each.destination(clock) for name, each in known.items()},
            http=open_http(self.network),
            clock=clock,
            addresses=addresses_at(BASE),
            slice_seconds=SLICE_SECONDS,
            max_profiles=1_000_000,
            webhook=Webhook(f"https://{LISTENER}/", bytes(32)),
        )
        self._issuer = FakeIssuer(key)
        tokens = TokenCheck(
            httpx.AsyncClient(transport=self._issuer), ISSUER, AUDIENCE, SCOPE, clock
        )
        self.app = create_app(self._services, tokens, Allowances(600, 60, clock))
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE)

    async def _services(self) -> Services:
        return self.services

    async def ask(
        self, method: str, path: str, body: Any = None, role: str = "administrator"
    ) -> Any:
        """Send a request that must succeed, a second after everything before; return its JSON."""
        self.clock.advance(1)
        headers = {"Authorization": f"Bearer {self._issuer.token(role)}"}
        answer = await self._http.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else answer.text

    async def every(self, path: str) -> list[Any]:
        """Return the items of all pages."""
        items, page = [], await self.ask("GET", path)
        while True:
            items += page["items"]
            if not page["next"]:
                return items
            page = await self.ask("GET", f"{path}?after={page['next']}")

    async def draft(self, vendor: str, shared_with: str) -> str:
        """Begin a connection, and accept the terms; return its id."""
        body = {"destination": vendor, "display_name": f"Our {vendor}", "shared_with": shared_with}
        key = str((await self.ask("POST", "/connections", body))["id"])
        consent = {"accepted": True, "terms_version": TERMS_VERSION}
        await self.ask("POST", f"/connections/{key}/consent", consent)
        return key

    async def connect(self, vendor: str) -> str:
        """Set up a connection to the first account of a vendor as a person would; return its id."""
        key = await self.draft(vendor, "contributors")
        if vendor == "activecampaign":
            account = sandbox_of(self.vendors[vendor]).accounts[1]
            access = {"host": account.host, "api_key": account.api_key}
            await self.ask("POST", f"/connections/{key}/connect", access)
        else:
            await self._sign_in(key, sandbox_of(self.vendors[vendor]).accounts[1].email)
        await self.ask("PUT", f"/connections/{key}/export-user")
        await self.ask("POST", f"/connections/{key}/save")
        return key

    async def _sign_in(self, key: str, username: str) -> None:
        """Fill in the vendor's own page and let the browser come back."""
        self.clock.advance(2)  # one vendor answers once a second where tokens are given out
        began = await self.ask("POST", f"/connections/{key}/connect", {})
        async with httpx.AsyncClient(transport=self.network) as browser:
            page = await browser.get(began["authorize_url"])
            form = dict(_HIDDEN.findall(page.text))
            form |= {"username": username, "password": "sandbox", "decision": "allow"}
            back = await browser.post(page.url.copy_with(query=None), data=form)
        there = urlsplit(back.headers["location"])
        query = {name: values[0] for name, values in parse_qs(there.query).items()}
        done = await self._http.get(there.path, params=query)
        assert done.status_code == 303, done.text

    async def export(self, connection: str, vendor: str, nth: int = 0, **chosen: Any) -> str:
        """Create an export to a list of the connection's account; return its id."""
        body = {
            "name": f"Newsletter {nth}",
            "connection_id": connection,
            "list_id": self.vendors[vendor].list_of(1, nth),
            "fields": {"email": "Email", "first_name": "First", "last_name": "Last"},
            "segments": ["Customers"],
        }
        return str((await self.ask("POST", "/exports", body | chosen))["id"])

    async def drop(self, path: str, text: str) -> None:
        """Store a segment file, a second after everything before."""
        self.clock.advance(1)
        await self.storage.segments.write(path, text.encode())

    async def run(self, export: str, mode: str = "changes") -> str:
        """Begin a run on demand; return its id."""
        return str((await self.ask("POST", f"/exports/{export}/run", {"mode": mode}))["id"])

    async def deliver(self, most: int = 1000) -> None:
        """Deliver messages, waiting for delayed ones, until there is none left (or `most` were)."""
        while self.queue.waiting and most > 0:
            until = min(waiting.visible_at for waiting in self.queue.waiting)
            self.clock.advance((until - self.clock.now()) / timedelta(seconds=1))
            async with asyncio.TaskGroup() as side_by_side:  # of which none goes on when one fails
                for message in self.queue.take():
                    side_by_side.create_task(self.work(message))
            most -= 1

    async def work(self, message: object) -> None:
        """Do what the function of the queue does."""
        assert isinstance(message, SliceMessage)
        await run_slice(self.services, message)

    async def tick(self) -> None:
        """Do what the function of the timer does."""
        await tick(self.services)
