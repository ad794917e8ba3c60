"""A story that makes the product store something of everything, told to one vendor at a time."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.identity import SigningKey
from tests.contract.destinations.side import fault
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryQueue, memory_storage, number_etags_anew
from tests.golden.company import Company, vendors
from tests.golden.stored import stored

OWN_KEYS = ("delivered-state-key", "reports-key", "sign-in-key")
"""The app's own keys in the vault. They are given, since what is stored is digested with them."""

_ROWS = 30


def segment(rows: int, last: str = "Last", since: int = 0) -> str:
    """Return rows of a file: good ones, and some that are refused by us or by a vendor, or come twice."""
    good = [f"user{n}@example.com,First{n},{last}{n}" for n in range(since, rows)]
    gone = [f"unsubscribed+{n}@example.com,Gone,Away" for n in range(2)]
    bad = ["no address,A,B", "ÅSA@example.com,Åsa,Öberg", ",A,B", "USER1@example.com,Again,Last"]
    return "\n".join(["Email,First,Last", *good, *gone, *bad, ""])


@dataclass(frozen=True)
class Story:
    """What storage held while slices were at work, when runs were parked, and at the end."""

    amid: list[str]
    parked: list[str]
    end: list[str]
    heard: list[str]  # by the webhook

    @property
    def texts(self) -> list[str]:
        """All of it."""
        return [*self.amid, *self.parked, *self.end, *self.heard]


async def told(vendor: str) -> Story:
    """Tell the story."""
    number_etags_anew()
    with tempfile.TemporaryDirectory() as folder:
        company = await _founded(SigningKey(Path(folder)), vendor)
    connection = await company.connect(vendor)
    own = {"times": ["06:30"], "time_zone": "Europe/Paris"}
    first = await company.export(connection, vendor)
    second = await company.export(
        connection, vendor, 1, on_arrival=False, schedule={"follows": "own", "own": own}
    )
    await company.ask("PATCH", "/me", {"language": "sv"})
    refresh = {"times": ["05:00"], "time_zone": "Europe/Stockholm"}
    await company.ask("PUT", "/refresh-schedule", refresh)
    await _leave_a_sign_in_half_done(company)

    for export in (first, second):
        await company.run(export)
    at_work = asyncio.create_task(company.deliver(1))
    await company.clock.sleep(12)
    amid = await stored(company.storage)
    await at_work
    await company.deliver(2)
    parked = await stored(company.storage)
    await company.deliver()
    await company.tick()

    changed = segment(_ROWS, "Changed", since=_ROWS // 2)
    await company.drop("Customers/1.csv", segment(_ROWS // 2) + changed.partition("\n")[2])
    broken = fault("503", "*", method="POST", count=3)
    company.vendors[vendor].faults.queued.append(broken)
    await company.run(first)
    await company.deliver()
    canceled = await company.run(second, "everything")
    await company.deliver(1)
    await company.ask("POST", f"/runs/{canceled}/cancel")
    await company.deliver()
    company.clock.advance(86_400)  # past every schedule
    await company.tick()
    await company.deliver(1)
    return Story(amid, parked, await stored(company.storage), company.network.heard)


async def _founded(key: SigningKey, vendor: str) -> Company:
    """Return a company whose clock and keys are always the same."""
    clock = FakeClock()
    storage = memory_storage(clock)
    for number, name in enumerate(OWN_KEYS):
        await storage.secrets.set(name, bytes([number] * 32).hex())
    queue = storage.slices
    assert isinstance(queue, MemoryQueue)
    known = vendors(clock)
    company = Company(key, clock, storage, queue, {vendor: known[vendor]})
    await company.drop("Customers/1.csv", segment(_ROWS))
    return company


async def _leave_a_sign_in_half_done(company: Company) -> None:
    """Begin to set up another connection, as far as its vendor's own page if there is one."""
    [vendor] = company.vendors
    key = await company.draft(vendor, "administrators")
    if vendor != "activecampaign":
        await company.ask("POST", f"/connections/{key}/connect", {})
