"""The sides of the contract: one class for each destination, and the list of them all."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from math import ceil
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson

from local.sandbox.activecampaign.app import create_app as activecampaign_app
from local.sandbox.activecampaign.contacts import ACTIVE, UNSUBSCRIBED
from local.sandbox.activecampaign.state import Sandbox as ActiveCampaignSandbox
from local.sandbox.constant_contact.app import create_app as constant_contact_app
from local.sandbox.constant_contact.contacts import Contact
from local.sandbox.constant_contact.state import Sandbox as ConstantContactSandbox
from local.sandbox.kit.faults import Fault, Faults
from local.sandbox.kit.state import PASSWORD
from local.sandbox.mailchimp.app import create_app as mailchimp_app
from local.sandbox.mailchimp.audience import Member, digest_of
from local.sandbox.mailchimp.state import Sandbox as MailchimpSandbox
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.contract import ApiKey, Destination, OAuth2
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client, Credentials
from shared.destinations.oauth2 import authorize_url
from shared.domain.clock import Clock
from shared.domain.connection import Account
from shared.transport.client import VendorSignIn
from tests.contract.destinations.side import SandboxClock, Side
from tests.contract.postbox.destination import Postbox
from tests.contract.postbox.sandbox import JOB_SECONDS, Person
from tests.contract.postbox.sandbox import Sandbox as PostboxSandbox
from tests.contract.postbox.sandbox import create_app as postbox_app
from tests.destinations.signing_in import signed_in
from tests.fakes.clock import FakeClock

CLIENT = Client("contract", "contract-secret")
CALLBACK = "https://exports.test/api/v1/oauth/callback"


async def through_the_sign_in_page(
    destination: Destination,
    http: httpx.AsyncClient,
    username: str,
    password: str,
    clock: Clock,
) -> tuple[Credentials, Account]:
    """Sign in as a person would: open the page, fill in the form, allow, and come back with a code."""
    verifier = "v" * 64
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert isinstance(destination.auth, OAuth2)
    page = await http.get(authorize_url(destination.auth, CALLBACK, "state", challenge))
    form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form |= {"username": username, "password": password, "decision": "allow"}
    back = await http.post(page.url.copy_with(query=None), data=form)
    code = parse_qs(urlsplit(back.headers["location"]).query)["code"][0]
    sign_in = VendorSignIn(http, destination.name, destination.title, destination.explain)
    return await signed_in(destination, sign_in, code, CALLBACK, verifier, clock)


async def with_the_key(
    destination: Destination, http: httpx.AsyncClient, key: str, host: str
) -> tuple[Credentials, Account]:
    """Find out whose key it is."""
    assert isinstance(destination.auth, ApiKey)
    credentials, endpoint = destination.auth.credentials(key), destination.auth.endpoint(host)
    sign_in = VendorSignIn(http, destination.name, destination.title, destination.explain)
    return credentials, await destination.account(sign_in, credentials, endpoint)


class MailchimpSide:
    """Mailchimp, whose calls take five seconds each, so that the connections are what binds."""

    vendor = "mailchimp"
    names: Mapping[str, str] = {"first_name": "FNAME", "last_name": "LNAME"}
    write_path = "/3.0/lists/*"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sandbox = MailchimpSandbox(
            clock=SandboxClock(self.clock),
            client_id=CLIENT.id,
            client_secret=CLIENT.secret,
            redirect_uris=(CALLBACK,),
            latency=5,
        )
        self.app = mailchimp_app(self.sandbox)
        self.destination = Mailchimp(
            CLIENT, "https://login.mailchimp.com", "https://{dc}.api.mailchimp.com"
        )
        self.account = self.sandbox.accounts[1]
        self.audience = next(iter(self.account.audiences.values()))
        self.list_id = self.audience.id
        self._lowest = 10

    @property
    def faults(self) -> Faults:
        return self.sandbox.faults

    async def sign_in(
        self, http: httpx.AsyncClient, number: int = 1
    ) -> tuple[Credentials, Account]:
        owner = self.sandbox.accounts[number].email
        return await through_the_sign_in_page(self.destination, http, owner, PASSWORD, self.clock)

    def list_of(self, number: int) -> str:
        return next(iter(self.sandbox.accounts[number].audiences))

    def revoke(self) -> None:
        self.sandbox.tokens.revoke(self.account.number)

    def restore(self) -> None:
        pass

    def active(self) -> set[str]:
        members = self.audience.members.values()
        return {one.email for one in members if one.status == "subscribed"}

    def contact(self, address: str) -> Mapping[str, object] | None:
        member = self.audience.members.get(digest_of(address))
        return orjson.loads(member.merge_fields) if member else None

    def received(self, address: str) -> int:
        member = self.audience.members.get(digest_of(address))
        return member.writes if member else 0

    def unsubscribe(self, address: str) -> None:
        known = self.audience.members.get(digest_of(address))
        if known:
            known.status = "unsubscribed"
        else:
            self.audience.members[digest_of(address)] = Member(address, "unsubscribed", b"{}", 0)

    def limit_refusals(self) -> Mapping[str, int]:
        refused = sum(n for route, n in self.account.requests.items() if route.endswith(" 429"))
        return {"connections": refused}

    def lower_limit(self) -> None:
        self.sandbox.connections = 5

    def use_up(self) -> None:
        self.faults.queued.append(Fault(kind="429", account=1, method="POST", count=30))

    def floor(self, profiles: int) -> float:
        return self.sandbox.latency * ceil(profiles / 500) / 10

    def flow(self, requests: int) -> float:
        return self.sandbox.latency * requests / 10


class ActiveCampaignSide:
    """ActiveCampaign, which posts no reports here: nothing listens."""

    vendor = "activecampaign"
    names: Mapping[str, str] = {"first_name": "first_name", "last_name": "last_name"}
    write_path = "/api/3/import/bulk_import"
    list_id = "1"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sandbox = ActiveCampaignSandbox(SandboxClock(self.clock))
        self.app = activecampaign_app(self.sandbox)
        self.faults = self.sandbox.faults
        self.destination = ActiveCampaign("https://{host}", ["api-us1.com"], clock=self.clock)
        self.account = self.sandbox.accounts[1]

    async def sign_in(
        self, http: httpx.AsyncClient, number: int = 1
    ) -> tuple[Credentials, Account]:
        account = self.sandbox.accounts[number]
        return await with_the_key(self.destination, http, account.api_key, account.host)

    def list_of(self, number: int) -> str:
        return self.list_id

    def revoke(self) -> None:
        self.account.key += 1

    def restore(self) -> None:
        pass

    def active(self) -> set[str]:
        self.sandbox.settle()
        people = self.account.contacts.after(0)
        return {one.email for one in people if dict(one.lists).get(1) == ACTIVE}

    def contact(self, address: str) -> Mapping[str, object] | None:
        self.sandbox.settle()
        person = self.account.contacts.find(address)
        return orjson.loads(person.values) if person else None

    def received(self, address: str) -> int:
        self.sandbox.settle()
        person = self.account.contacts.find(address)
        return person.writes if person else 0

    def unsubscribe(self, address: str) -> None:
        self.sandbox.settle()
        contacts = self.account.contacts
        person = contacts.find(address) or contacts.put(address, {}, self.sandbox.clock.now())
        person.lists = ((1, UNSUBSCRIBED),)

    def limit_refusals(self) -> Mapping[str, int]:
        return self.account.exceeded

    def lower_limit(self) -> None:
        self.account.settings.imports_per_minute = 50

    def use_up(self) -> None:
        self.faults.queued.append(Fault(kind="429", account=1, method="POST", count=12))

    def floor(self, profiles: int) -> float:
        return ceil(profiles / 250) / 100 * 60

    def flow(self, requests: int) -> float:
        return requests / 2 / 100 * 60


class ConstantContactSide:
    """Constant Contact, which does about 300 contacts of a job in a second."""

    vendor = "constant_contact"
    names: Mapping[str, str] = {"first_name": "first_name", "last_name": "last_name"}
    write_path = "/v3/activities/contacts_json_import"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sandbox = ConstantContactSandbox(
            clock=SandboxClock(self.clock),
            client_id=CLIENT.id,
            client_secret=CLIENT.secret,
            redirect_uris=(CALLBACK,),
        )
        self.app = constant_contact_app(self.sandbox)
        self.faults = self.sandbox.faults
        self.destination = ConstantContact(
            CLIENT, "https://authz.constantcontact.com", "https://api.cc.email"
        )
        self.account = self.sandbox.accounts[1]
        self.list_id = next(iter(self.account.lists))

    async def sign_in(
        self, http: httpx.AsyncClient, number: int = 1
    ) -> tuple[Credentials, Account]:
        self.clock.advance(1.1)  # the token endpoint answers once a second
        owner = self.sandbox.accounts[number].email
        return await through_the_sign_in_page(self.destination, http, owner, PASSWORD, self.clock)

    def list_of(self, number: int) -> str:
        return next(iter(self.sandbox.accounts[number].lists))

    def revoke(self) -> None:
        self.sandbox.tokens.revoke(self.account.number)

    def restore(self) -> None:
        pass

    def active(self) -> set[str]:
        self.sandbox.settle()
        people = self.account.contacts.people.items()
        return {
            mail for mail, one in people if one.status == "active" and self.list_id in one.lists
        }

    def contact(self, address: str) -> Mapping[str, object] | None:
        self.sandbox.settle()
        person = self.account.contacts.people.get(address)
        return orjson.loads(person.fields) if person else None

    def received(self, address: str) -> int:
        self.sandbox.settle()
        person = self.account.contacts.people.get(address)
        return person.writes if person else 0

    def unsubscribe(self, address: str) -> None:
        self.sandbox.settle()
        people = self.account.contacts.people
        people.setdefault(address, Contact("active", b"{}", frozenset())).status = "unsubscribed"

    def limit_refusals(self) -> Mapping[str, int]:
        return {**self.sandbox.exceeded, "bytes": self.sandbox.truncated}

    def lower_limit(self) -> None:
        self.sandbox.settings.requests_per_second = 2

    def use_up(self) -> None:
        body = orjson.dumps({"import_data": [{}] * 20, "list_ids": [self.list_id]})
        for _ in range(self.sandbox.settings.queued_activities):
            self.account.activities.add(
                body, 20, [self.list_id], self.sandbox.settings, self.sandbox.clock.now()
            )

    def floor(self, profiles: int) -> float:
        jobs = (
            profiles / self.sandbox.settings.contacts_per_second + self.sandbox.settings.start_delay
        )
        return max(jobs, ceil(profiles / 40_000) / 4)

    def flow(self, requests: int) -> float:
        return requests / 4


class PostboxSide:
    """Postbox, which does not exist."""

    vendor = ""
    names: Mapping[str, str] = {"first_name": "given", "last_name": "family"}
    write_path = "/v1/lists/*/people"
    list_id = "news"

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sandbox = PostboxSandbox(SandboxClock(self.clock))
        self.app = postbox_app(self.sandbox)
        self.faults = self.sandbox.faults
        self.destination = Postbox("https://postbox.test")

    async def sign_in(
        self, http: httpx.AsyncClient, number: int = 1
    ) -> tuple[Credentials, Account]:
        return await with_the_key(self.destination, http, self.sandbox.key, "acme")

    def list_of(self, number: int) -> str:
        return self.list_id

    def revoke(self) -> None:
        self.sandbox.key += "-and-another"

    def restore(self) -> None:
        pass

    def active(self) -> set[str]:
        return {mail for mail, one in self.sandbox.people.items() if not one.left}

    def contact(self, address: str) -> Mapping[str, object] | None:
        person = self.sandbox.people.get(address)
        return person.names if person else None

    def received(self, address: str) -> int:
        return self.sandbox.received[address]

    def unsubscribe(self, address: str) -> None:
        self.sandbox.people.setdefault(address, Person({})).left = True

    def limit_refusals(self) -> Mapping[str, int]:
        return {"requests a second": self.sandbox.too_many}

    def lower_limit(self) -> None:
        self.sandbox.per_second = 5

    def use_up(self) -> None:
        raise NotImplementedError("Postbox has one account")

    def floor(self, profiles: int) -> float:
        return self.flow(2 * ceil(profiles / 100)) + JOB_SECONDS

    def flow(self, requests: int) -> float:
        return requests / 10


SIDES: Mapping[str, Callable[[], Side]] = {
    "ActiveCampaign": ActiveCampaignSide,
    "Constant Contact": ConstantContactSide,
    "Mailchimp": MailchimpSide,
    "Postbox": PostboxSide,
}
"""Every destination that the contract holds for, each with an empty account."""
