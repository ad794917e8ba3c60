"""The vendors of a simulation: the sandboxes that enforce their limits, with small batches."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import httpx
import orjson
from starlette.types import ASGIApp

from local.sandbox.activecampaign.app import create_app as activecampaign_app
from local.sandbox.activecampaign.contacts import ACTIVE
from local.sandbox.activecampaign.state import Sandbox as ActiveCampaignSandbox
from local.sandbox.constant_contact.app import create_app as constant_contact_app
from local.sandbox.constant_contact.state import Sandbox as ConstantContactSandbox
from local.sandbox.kit.faults import Faults
from local.sandbox.kit.state import PASSWORD
from local.sandbox.mailchimp.app import create_app as mailchimp_app
from local.sandbox.mailchimp.state import Sandbox as MailchimpSandbox
from local.sandbox.mailchimp.state import new_audience
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.contract import Destination
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Credentials, Limits
from shared.domain.clock import Clock
from shared.domain.connection import Account
from tests.chaos.simulated_files import FAKE, GONE, ODD, Names
from tests.chaos.simulated_plan import LISTS, Plan
from tests.contract.destinations.side import SandboxClock
from tests.contract.destinations.sides import (
    CALLBACK,
    CLIENT,
    through_the_sign_in_page,
    with_the_key,
)
from tests.fakes.clock import FakeClock


class Vendor(Protocol):
    """One vendor with all of its accounts."""

    name: str
    hosts: tuple[str, ...]  # how the names of its hosts end
    app: ASGIApp
    jobs: str  # how the paths end by which jobs are asked; empty where there are none

    @property
    def faults(self) -> Faults:
        """The faults that the sandbox shows."""

    def destination(self, clock: Clock) -> Destination:
        """Return the destination as a host with this clock has it."""

    async def sign_in(self, http: httpx.AsyncClient, number: int) -> tuple[Credentials, Account]:
        """Get credentials for an account as a person would."""

    def list_of(self, number: int, nth: int) -> str:
        """Return the id of a list of an account."""

    def written(self, request: httpx.Request) -> Mapping[str, Names] | None:
        """Return the profiles that a request writes, by address; None if it writes none."""

    def holds(self, number: int, list_id: str) -> Mapping[str, Names]:
        """Return who gets mail from a list, with their names."""

    def accepts(self, address: str) -> bool:
        """Say whether the sandbox takes an address."""

    def divide_limits(self, by: int) -> None:
        """Have limits so many times lower than the published ones."""


def _name(first: object, last: object) -> Names:
    return str(first), str(last)


class SmallMailchimp(Mailchimp):
    """Mailchimp with ten profiles in a batch."""

    @property
    def limits(self) -> Limits:
        return replace(super().limits, profiles_per_batch=10)


class MailchimpVendor:
    """Mailchimp. A call takes `latency` seconds, and we open so many connections at most."""

    name = "mailchimp"
    jobs = ""
    hosts: tuple[str, ...] = (".mailchimp.com",)

    def __init__(self, clock: FakeClock, latency: float, connections: int) -> None:
        self._connections = connections
        self.clock = clock
        self.sandbox = MailchimpSandbox(
            SandboxClock(clock), CLIENT.id, CLIENT.secret, (CALLBACK,), latency=latency
        )
        for account in self.sandbox.accounts.values():
            made = [new_audience(account.number, f"List {each}") for each in range(LISTS)]
            account.audiences = {audience.id: audience for audience in made}
        self.app: ASGIApp = mailchimp_app(self.sandbox)

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    def destination(self, clock: Clock) -> Destination:
        login, api = "https://login.mailchimp.com", "https://{dc}.api.mailchimp.com"
        return SmallMailchimp(CLIENT, login, api, connections=self._connections)

    async def sign_in(self, http: httpx.AsyncClient, number: int) -> tuple[Credentials, Account]:
        owner = self.sandbox.accounts[number].email
        destination = Mailchimp(
            CLIENT, "https://login.mailchimp.com", "https://{dc}.api.mailchimp.com"
        )
        return await through_the_sign_in_page(destination, http, owner, PASSWORD, self.clock)

    def list_of(self, number: int, nth: int) -> str:
        return list(self.sandbox.accounts[number].audiences)[nth]

    def written(self, request: httpx.Request) -> Mapping[str, Names] | None:
        if request.method != "POST" or "/lists/" not in request.url.path:
            return None
        return {
            each["email_address"]: _name(
                each["merge_fields"]["FNAME"], each["merge_fields"]["LNAME"]
            )
            for each in orjson.loads(request.content)["members"]
        }

    def holds(self, number: int, list_id: str) -> Mapping[str, Names]:
        members = self.sandbox.accounts[number].audiences[list_id].members.values()
        fields = {each.email: orjson.loads(each.merge_fields) for each in members}
        return {email: _name(its["FNAME"], its["LNAME"]) for email, its in fields.items()}

    def accepts(self, address: str) -> bool:
        return not address.startswith(GONE) and not address.endswith(FAKE)

    def divide_limits(self, by: int) -> None:
        self.sandbox.connections = max(1, 10 // by)


class SmallActiveCampaign(ActiveCampaign):
    """ActiveCampaign with twenty profiles in a batch."""

    limits = replace(ActiveCampaign.limits, profiles_per_batch=20)


class ActiveCampaignVendor:
    """ActiveCampaign, which posts no reports here: nothing listens."""

    name = "activecampaign"
    jobs = "/import/info"
    hosts: tuple[str, ...] = (".api-us1.com",)

    def __init__(self, clock: FakeClock, latency: float) -> None:
        self.sandbox = ActiveCampaignSandbox(SandboxClock(clock), latency=latency)
        for account in self.sandbox.accounts.values():
            account.lists = {each + 1: f"List {each}" for each in range(LISTS)}
        self.app: ASGIApp = activecampaign_app(self.sandbox)

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    def destination(self, clock: Clock) -> Destination:
        return SmallActiveCampaign("https://{host}", ["api-us1.com"], clock=clock)

    async def sign_in(self, http: httpx.AsyncClient, number: int) -> tuple[Credentials, Account]:
        account, destination = self.sandbox.accounts[number], self.destination(FakeClock())
        return await with_the_key(destination, http, account.api_key, account.host)

    def list_of(self, number: int, nth: int) -> str:
        return str(nth + 1)

    def written(self, request: httpx.Request) -> Mapping[str, Names] | None:
        if request.method != "POST" or not request.url.path.endswith("/bulk_import"):
            return None
        people = orjson.loads(request.content)["contacts"]
        return {each["email"]: _name(each["first_name"], each["last_name"]) for each in people}

    def holds(self, number: int, list_id: str) -> Mapping[str, Names]:
        self.sandbox.settle()
        people = self.sandbox.accounts[number].contacts.after(0)
        on_list = [one for one in people if dict(one.lists).get(int(list_id)) == ACTIVE]
        fields = {one.email: orjson.loads(one.values) for one in on_list}
        return {e: _name(its["first_name"], its["last_name"]) for e, its in fields.items()}

    def accepts(self, address: str) -> bool:
        return not address.startswith((GONE, ODD))

    def divide_limits(self, by: int) -> None:
        for account in self.sandbox.accounts.values():
            account.settings.imports_per_minute = 100 // by
            account.settings.requests_per_second = max(1, 5 // by)


class SmallConstantContact(ConstantContact):
    """Constant Contact with thirty profiles in a batch."""

    @property
    def limits(self) -> Limits:
        return replace(super().limits, profiles_per_batch=30)


class ConstantContactVendor:
    """Constant Contact, whose limits all accounts share."""

    name = "constant_contact"
    jobs = "/activities"
    hosts: tuple[str, ...] = ("authz.constantcontact.com", "api.cc.email")

    def __init__(self, clock: FakeClock, latency: float) -> None:
        self.sandbox = ConstantContactSandbox(
            SandboxClock(clock), CLIENT.id, CLIENT.secret, (CALLBACK,), latency=latency
        )
        self.clock = clock
        for account in self.sandbox.accounts.values():
            made = [account.new_list(f"List {each}") for each in range(LISTS)]
            account.lists = {each.id: each for each in made}
        self.app: ASGIApp = constant_contact_app(self.sandbox)

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    def destination(self, clock: Clock) -> Destination:
        login, api = "https://authz.constantcontact.com", "https://api.cc.email"
        return SmallConstantContact(CLIENT, login, api)

    async def sign_in(self, http: httpx.AsyncClient, number: int) -> tuple[Credentials, Account]:
        self.clock.advance(1.1)  # the token endpoint answers once a second
        owner = self.sandbox.accounts[number].email
        destination = self.destination(self.clock)
        return await through_the_sign_in_page(destination, http, owner, PASSWORD, self.clock)

    def list_of(self, number: int, nth: int) -> str:
        return list(self.sandbox.accounts[number].lists)[nth]

    def written(self, request: httpx.Request) -> Mapping[str, Names] | None:
        if request.method != "POST" or not request.url.path.endswith("/contacts_json_import"):
            return None
        people = orjson.loads(request.content)["import_data"]
        return {each["email"]: _name(each["first_name"], each["last_name"]) for each in people}

    def holds(self, number: int, list_id: str) -> Mapping[str, Names]:
        self.sandbox.settle()
        people = self.sandbox.accounts[number].contacts.people.items()
        fields: dict[str, Any] = {
            address: orjson.loads(one.fields) for address, one in people if list_id in one.lists
        }
        return {e: _name(its["first_name"], its["last_name"]) for e, its in fields.items()}

    def accepts(self, address: str) -> bool:
        return not address.startswith(GONE)

    def divide_limits(self, by: int) -> None:
        self.sandbox.settings.requests_per_second = max(1, 4 // by)


def all_vendors(clock: FakeClock, plan: Plan) -> Mapping[str, Vendor]:
    """Return every vendor by name, with empty accounts."""
    vendors: tuple[Vendor, ...] = (
        MailchimpVendor(clock, plan.latency, plan.connections),
        ActiveCampaignVendor(clock, plan.latency),
        ConstantContactVendor(clock, plan.latency),
    )
    return {vendor.name: vendor for vendor in vendors}
