"""ActiveCampaign's file, against its sandbox in the same process, on a clock that jumps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.state import Sandbox
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.destinations.batch import Batch
from shared.destinations.model import FinishedJob
from shared.domain.connection import Account
from shared.transport.authorisation import Fixed
from shared.transport.client import VendorApi
from shared.transport.fast_client import open_http
from shared.transport.pace import Pace
from tests.contract.destinations.side import InProcess, SandboxClock
from tests.contract.wire import Wire
from tests.destinations.batches import Kept, job
from tests.destinations.says import Says
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
        credentials = self.destination.auth.credentials(key or account.api_key)
        return VendorApi(
            http=self.http,
            destination=self.destination.name,
            title=self.destination.title,
            base_url=self.destination.base_url(Account(id=endpoint, name="", endpoint=endpoint)),
            authorisation=Fixed(self.destination.auth.headers(credentials)),
            explain=self.destination.explain,
            pace=Pace(self.clock, self.destination.limits.rates),
        )


async def polled(
    answer: Any,
    sent: Batch,
    *said: bytes,
    age: float = 0,
    expects_reports: bool = False,
) -> Sequence[FinishedJob]:
    """Ask about an import of so many seconds that gets this answer, and on which this was reported."""
    clock = FakeClock()
    one = job("b-1", sent.size, clock)
    clock.advance(age)
    destination = ActiveCampaign("", SUFFIXES, expects_reports, clock)
    return await destination.poll(Says(info=answer), [one], Kept(sent, said))


def completed(failure: Any, success: Sequence[str] = ("1",)) -> Mapping[str, Any]:
    """Return what is said of an import that is over."""
    return {"status": "completed", "success": success, "failure": failure}
