"""Destinations beside Mailchimp that an office can be connected to, each a sandbox in the same process."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import httpx

from local.sandbox.activecampaign.app import create_app as activecampaign_app
from local.sandbox.activecampaign.state import Sandbox as ActiveCampaignSandbox
from local.sandbox.constant_contact.app import create_app
from local.sandbox.constant_contact.state import Sandbox as ConstantContactSandbox
from local.sandbox.kit.state import PASSWORD
from shared.api.paths import CALLBACK
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.model import Client
from tests.api.office import BASE, Office
from tests.contract.destinations.side import InProcess, SandboxClock
from tests.contract.postbox.destination import Postbox
from tests.contract.postbox.sandbox import Sandbox as PostboxSandbox
from tests.contract.postbox.sandbox import create_app as postbox_app
from tests.fakes.accounts import SECRET
from tests.fakes.storage import MemorySecrets

LINKED = "segment-exports-marketing"
"""The name of the secret of the linked vault that holds Postbox's key."""


@dataclass(frozen=True)
class ByHost(httpx.AsyncBaseTransport):
    """A network of several servers; the hosts that are not named are all the same one."""

    named: Mapping[str, httpx.AsyncBaseTransport]
    others: httpx.AsyncBaseTransport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Let the request's host answer."""
        return await self.named.get(request.url.host, self.others).handle_async_request(request)


class Vendors:
    """The sandboxes of an office, and a linked vault."""

    def __init__(self, office: Office) -> None:
        self.office = office
        clock = SandboxClock(office.clock)
        self.postbox = PostboxSandbox(clock)
        self.constant_contact = ConstantContactSandbox(clock, "client", SECRET, (BASE + CALLBACK,))
        self.activecampaign = ActiveCampaignSandbox(clock)
        self.linked = MemorySecrets()
        network = ByHost(
            {
                "postbox.test": InProcess(postbox_app(self.postbox)),
                "cc.test": InProcess(create_app(self.constant_contact)),
                self.activecampaign.accounts[1].host: InProcess(
                    activecampaign_app(self.activecampaign)
                ),
            },
            office.accounts,
        )
        known = (
            Postbox("https://postbox.test"),
            ActiveCampaign("https://{host}", ["api-us1.com"], clock=office.clock),
            ConstantContact(Client("client", SECRET), "https://cc.test", "https://cc.test"),
        )
        services = office.services
        office.services = replace(
            services,
            storage=replace(services.storage, linked_secrets=self.linked),
            destinations={**services.destinations, **{each.name: each for each in known}},
            http=httpx.AsyncClient(transport=network),
        )

    def use(self, network: httpx.AsyncBaseTransport) -> None:
        """Put another network in the place of the one there is."""
        http = httpx.AsyncClient(transport=network)
        self.office.services = replace(self.office.services, http=http)

    async def agreed(self, destination: str) -> str:
        """Begin a connection and accept the terms; return its id."""
        key = await self.office.draft(destination=destination)
        await self.office.agree(key)
        return key

    async def with_key(self, key: str, **given: str) -> httpx.Response:
        """Connect to Postbox's account."""
        body = {"host": "acme"} | given
        return await self.office.ask("POST", f"/connections/{key}/connect", body)

    async def through_the_page(self, key: str, number: int = 1) -> httpx.Response:
        """Sign in at Constant Contact's own page, as a person would."""
        self.office.clock.advance(2)  # one request for tokens a second
        http = self.office.services.http
        began = await self.office.done("POST", f"/connections/{key}/connect", {})
        page = await http.get(began["authorize_url"])
        form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        user = self.constant_contact.accounts[number].email
        form |= {"username": user, "password": PASSWORD, "decision": "allow"}
        back = await http.post(page.url.copy_with(query=None), data=form)
        query = parse_qs(urlsplit(back.headers["location"]).query)
        return await self.office.come_back(**{name: values[0] for name, values in query.items()})
