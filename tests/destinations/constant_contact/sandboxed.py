"""Constant Contact's file, against its sandbox in the same process, on a clock that jumps."""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from local.sandbox.constant_contact.app import create_app
from local.sandbox.constant_contact.state import Sandbox
from local.sandbox.kit.state import PASSWORD
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.model import Client, Credentials
from shared.destinations.oauth2 import Tokens, authorize_url
from shared.domain.connection import Account
from shared.transport.authorisation import Fixed
from shared.transport.client import VendorApi, VendorSignIn
from shared.transport.fast_client import open_http
from shared.transport.pace import Pace
from tests.contract.destinations.side import InProcess, SandboxClock
from tests.contract.wire import Wire
from tests.destinations.signing_in import signed_in, tokens
from tests.fakes.clock import FakeClock

OURS = Client("our-id", "our-secret")
LOGIN, API = "https://authz.test", "https://api.test"
CALLBACK = "https://ours.test/cb"
VERIFIER = "v" * 64
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CONSTANT_CONTACT = ConstantContact(OURS, LOGIN, API)
ACCOUNT = Account(id="p07e1l8cdif1", name="Acme", endpoint="api.test")


@dataclass
class World:
    """A sandbox, and ways to it."""

    client: Client = OURS
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(
            clock=SandboxClock(self.clock),
            client_id=OURS.id,
            client_secret=OURS.secret,
            redirect_uris=(CALLBACK,),
        )
        self.account = self.sandbox.accounts[1]
        self.list_id = next(iter(self.account.lists))
        self.wire = Wire(InProcess(create_app(self.sandbox)))
        self.http = open_http(self.wire)
        self.destination = ConstantContact(self.client, LOGIN, API)
        self.sign_in = VendorSignIn(
            self.http, self.destination.name, self.destination.title, self.destination.explain
        )

    async def code(self) -> str:
        """Sign in at the page as a person would, and return the code that comes back."""
        self.clock.advance(1.1)  # one request for tokens a second
        page = await self.http.get(
            authorize_url(self.destination.auth, CALLBACK, "state", CHALLENGE)
        )
        form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        form |= {"username": self.account.email, "password": PASSWORD, "decision": "allow"}
        back = await self.http.post(page.url.copy_with(query=None), data=form)
        query = parse_qs(urlsplit(back.headers["location"]).query)
        assert query["state"] == ["state"]
        return query["code"][0]

    async def connect(self) -> tuple[Credentials, Account]:
        """Sign in."""
        return await self.signed_in(await self.code())

    async def signed_in(self, code: str, verifier: str = VERIFIER) -> tuple[Credentials, Account]:
        """Sign in with a code."""
        return await signed_in(self.destination, self.sign_in, code, CALLBACK, verifier, self.clock)

    @property
    def tokens(self) -> Tokens:
        """What gives tokens and takes them back."""
        return tokens(self.destination, self.sign_in, self.clock)

    async def api(self) -> VendorApi:
        """Return an authorised way to the account."""
        credentials, account = await self.connect()
        self.clock.advance(1)  # the two calls of a sign-in count as well
        return self.api_with(credentials, account)

    def api_with(self, credentials: Credentials, account: Account) -> VendorApi:
        """Return a way to the account that is authorised by these credentials."""
        return VendorApi(
            http=self.http,
            destination=self.destination.name,
            title=self.destination.title,
            base_url=self.destination.base_url(account),
            authorisation=Fixed(self.destination.auth.headers(credentials)),
            explain=self.destination.explain,
            pace=Pace(self.clock, self.destination.limits.rates),
        )
