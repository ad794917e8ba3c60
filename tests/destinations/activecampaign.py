"""ActiveCampaign's file, against its sandbox in the same process, on a clock that jumps."""

from dataclasses import dataclass, field

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.state import Sandbox
from shared.destinations.activecampaign import ActiveCampaign
from shared.domain.connection import Account
from shared.transport.client import Fixed, VendorApi, open_http
from shared.transport.pace import Pace
from tests.contract.destinations.side import InProcess, SandboxClock
from tests.contract.wire import Wire
from tests.fakes.clock import FakeClock

SUFFIXES = ("api-us1.com", "activehosted.com")
ACTIVECAMPAIGN = ActiveCampaign("https://{host}", SUFFIXES)


@dataclass
class World:
    """A sandbox, and ways to it."""

    clock: FakeClock = field(default_factory=FakeClock)
    expects_reports: bool = False

    def __post_init__(self) -> None:
        self.sandbox = Sandbox(SandboxClock(self.clock))
        self.account = self.sandbox.accounts[1]
        self.wire = Wire(InProcess(create_app(self.sandbox)))
        self.http = open_http(self.wire)
        self.destination = ActiveCampaign(
            "https://{host}", SUFFIXES, expects_reports=self.expects_reports, clock=self.clock
        )

    def api(self, key: str = "", number: int = 1, host: str = "") -> VendorApi:
        """Return a way to an account that is authorised by its key, or by another one."""
        account = self.sandbox.accounts[number]
        endpoint = host or account.host
        credentials = self.destination.credentials(key or account.api_key)
        return VendorApi(
            http=self.http,
            who=self.destination.title,
            base_url=self.destination.base_url(Account(id=endpoint, name="", endpoint=endpoint)),
            authorisation=Fixed(self.destination.headers(credentials)),
            explain=self.destination.explain,
            pace=Pace(self.clock, self.destination.limits.rates),
        )
