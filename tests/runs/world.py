"""The engine over memory: an export on a connected account, and somebody who delivers its messages."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from shared.api.paths import addresses_at
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client
from shared.domain.connection import Account, Connection, ConnectionStatus
from shared.domain.export import Export
from shared.domain.outcomes import Reject
from shared.domain.run import Mode, Progress, Run, SliceMessage, Trigger, TriggerKind
from shared.runs.cancel import cancel_run
from shared.runs.history import find_run, run_progress
from shared.runs.slice import run_slice
from shared.runs.start import start_run
from shared.services import Services
from shared.storage.entries import ALL
from tests.all_rejects import all_rejects
from tests.fakes.clock import FakeClock
from tests.fakes.mailchimp import LIST_ID, FakeMailchimp
from tests.fakes.people import ADMINISTRATOR, consent
from tests.fakes.storage import MemoryQueue, memory_storage

ACCOUNT = Account(id="us1-1", name="Acme", endpoint="us1")


@dataclass
class World:
    """Services over memory, with one export of the segment `Customers` unless a test says otherwise."""

    clock: FakeClock = field(default_factory=FakeClock)
    mailchimp: FakeMailchimp = field(init=False)
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self.mailchimp = FakeMailchimp(self.clock)
        destination = Mailchimp(Client("id", "secret"), "https://login.test", "https://{dc}.test")
        self.services = Services(
            storage=memory_storage(self.clock),
            destinations={destination.name: destination},
            http=httpx.AsyncClient(transport=self.mailchimp),
            clock=self.clock,
            addresses=addresses_at("https://exports.test"),
            slice_seconds=240,
            max_profiles=1_000_000,
        )

    def having(self, **settings: Any) -> "World":
        """Change settings of the services."""
        self.services = replace(self.services, **settings)
        return self

    async def connect(self, key: str = "connection", account: Account = ACCOUNT) -> Connection:
        """Store a connection that is ready."""
        connection = Connection(
            id=key,
            destination="mailchimp",
            display_name="Our Mailchimp",
            status=ConnectionStatus.READY,
            consent=consent(self.clock.now()),
            account=account,
            secret_name=f"secret-{key}",
            created_at=self.clock.now(),
        )
        await self.services.storage.secrets.set(
            f"secret-{key}", json.dumps({"access_token": "planted-token"})
        )
        await self.services.storage.connections.insert(ALL, key, connection)
        return connection

    async def export(self, key: str = "export", **changes: Any) -> Export:
        """Store an export on the connection `connection`."""
        given = {
            "id": key,
            "name": "Newsletter",
            "connection_id": "connection",
            "destination": "mailchimp",
            "list_id": LIST_ID,
            "list_name": "Newsletter",
            "fields": {"email": "Email", "first_name": "First", "last_name": "Last"},
            "segments": ["Customers"],
            "created_at": self.clock.now(),
            "attached_at": self.clock.now(),
            "scheduled_at": self.clock.now(),
        }
        export = Export.model_validate(given | changes)
        await self.services.storage.exports.insert(ALL, key, export)
        return export

    async def drop(self, data: str | bytes, path: str = "Customers/1.csv") -> str:
        """Store a segment file a second after everything before, and return its path."""
        self.clock.advance(1)
        content = data.encode() if isinstance(data, str) else data
        await self.services.storage.segments.write(path, content)
        return path

    async def start(self, mode: Mode = Mode.CHANGES, export: str = "export") -> Run:
        """Begin a run on demand."""
        trigger = Trigger(kind=TriggerKind.ON_DEMAND, key=uuid4().hex, at=self.clock.now())
        run, _ = await start_run(self.services, export, trigger, mode)
        return run

    async def deliver(self, most: int = 1000) -> None:
        """Deliver messages, waiting for delayed ones, until there is none left (or `most` were)."""
        queue = self.queue
        while queue.waiting and most > 0:
            for message in queue.take():
                most -= 1
                if not isinstance(message, SliceMessage):
                    raise TypeError(f"a {type(message).__name__} in the queue of slices")
                await run_slice(self.services, message)
            if queue.waiting:
                until = min(waiting.visible_at for waiting in queue.waiting)
                self.clock.advance((until - self.clock.now()) / timedelta(seconds=1))

    async def cancel(self, run: Run) -> Run:
        """Have an administrator cancel a run, and return it as it is then."""
        return await cancel_run(self.services, ADMINISTRATOR, run.id)

    async def run(self, mode: Mode = Mode.CHANGES, export: str = "export") -> Run:
        """Run an export on demand to its end, and return the run as it is then."""
        run = await self.start(mode, export)
        await self.deliver()
        return await find_run(self.services, run.id)

    async def progress(self, run: Run) -> Progress:
        """Return how far a run has come by now."""
        return await run_progress(self.services, await find_run(self.services, run.id))

    async def rejects(self, run: Run) -> list[Reject]:
        """Return the rejects of a run."""
        return await all_rejects(self.services, run)

    @property
    def queue(self) -> MemoryQueue:
        """The queue of slices."""
        queue = self.services.storage.slices
        if not isinstance(queue, MemoryQueue):
            raise TypeError("the world has its queue in memory")
        return queue


async def ready(**settings: Any) -> World:
    """Return a world with a connection and an export."""
    world = World().having(**settings)
    await world.connect()
    await world.export()
    return world


def csv(rows: int, domain: str = "example.com") -> str:
    """Return a segment file with so many good rows."""
    lines = (f"user{n}@{domain},First{n},Last{n}\n" for n in range(rows))
    return "Email,First,Last\n" + "".join(lines)
