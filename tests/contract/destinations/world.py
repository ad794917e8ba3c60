"""An export on one side, with the real engine, storage in memory, and the sandbox in the same process."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import httpx

from shared.api.paths import addresses_at
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.export import Export
from shared.domain.outcomes import Reject
from shared.domain.run import Mode, Progress, Run, SliceMessage, Trigger, TriggerKind
from shared.runs.history import find_run, run_progress
from shared.runs.slice import run_slice
from shared.runs.start import start_run
from shared.services import Services
from shared.storage.entries import ALL
from shared.transport.fast_client import open_http
from tests.all_rejects import all_rejects
from tests.contract.destinations.side import InProcess, Side
from tests.contract.wire import Wire
from tests.fakes.people import consent
from tests.fakes.storage import MemoryQueue, memory_storage

MAPPED = {"email": "Email", "first_name": "First", "last_name": "Last"}
_MOST_MESSAGES = 20_000


@dataclass
class World:
    """Everything between a segment file and a vendor, but for Azure."""

    side: Side
    recording: bool = True  # keep every request
    network: httpx.AsyncBaseTransport | None = None  # to the sandbox; without sockets unless given
    wire: Wire = field(init=False)
    services: Services = field(init=False)
    slice_seconds: list[float] = field(default_factory=list)  # that each slice took

    def __post_init__(self) -> None:
        network = self.network or InProcess(self.side.app)
        self.wire = Wire(network)
        self.services = Services(
            storage=memory_storage(self.side.clock),
            destinations={self.side.destination.name: self.side.destination},
            http=open_http(self.wire if self.recording else network),
            clock=self.side.clock,
            addresses=addresses_at("https://exports.test"),
            slice_seconds=240,
            max_profiles=1_000_000,
        )

    async def connect(self, key: str = "connection", number: int = 1) -> Connection:
        """Sign in to an account as a person would, and store a connection that is ready."""
        credentials, account = await self.side.sign_in(self.services.http, number)
        connection = Connection(
            id=key,
            destination=self.side.destination.name,
            display_name="Ours",
            status=ConnectionStatus.READY,
            consent=consent(self.side.clock.now()),
            account=account,
            secret_name=f"secret-{key}-{uuid4().hex}",
            created_at=self.side.clock.now(),
        )
        storage = self.services.storage
        await storage.secrets.set(str(connection.secret_name), json.dumps(dict(credentials)))
        await storage.connections.put(ALL, key, connection)
        return connection

    async def export(self, key: str = "export", **changes: object) -> Export:
        """Store an export on the connection `connection`."""
        given = {
            "id": key,
            "name": "Newsletter",
            "connection_id": "connection",
            "destination": self.side.destination.name,
            "list_id": self.side.list_id,
            "list_name": "Newsletter",
            "fields": MAPPED,
            "segments": ["Customers"],
            "created_at": self.side.clock.now(),
            "attached_at": self.side.clock.now(),
            "scheduled_at": self.side.clock.now(),
        }
        export = Export.model_validate(given | changes)
        await self.services.storage.exports.put(ALL, key, export)
        return export

    async def drop(self, data: str | bytes, path: str = "Customers/1.csv") -> None:
        """Store a segment file a second after everything before."""
        self.side.clock.advance(1)
        content = data.encode() if isinstance(data, str) else data
        await self.services.storage.segments.write(path, content)

    async def start(self, mode: Mode = Mode.CHANGES, export: str = "export") -> Run:
        """Begin a run on demand."""
        trigger = Trigger(kind=TriggerKind.ON_DEMAND, key=uuid4().hex, at=self.side.clock.now())
        run, _ = await start_run(self.services, export, trigger, mode)
        return run

    async def deliver(self, most: int = _MOST_MESSAGES) -> None:
        """Deliver messages, waiting for delayed ones, until there is none left (or `most` were)."""
        queue, clock = self.queue, self.side.clock
        while queue.waiting and most > 0:
            for message in queue.take():
                most -= 1
                assert isinstance(message, SliceMessage)
                began = clock.monotonic()
                await run_slice(self.services, message)
                self.slice_seconds.append(clock.monotonic() - began)
            if queue.waiting:
                until = min(waiting.visible_at for waiting in queue.waiting)
                clock.advance((until - clock.now()) / timedelta(seconds=1))

    async def deliver_side_by_side(self) -> None:
        """Deliver as several hosts do: everything that is visible at the same time."""
        queue, clock = self.queue, self.side.clock
        while queue.waiting:
            messages = [each for each in queue.take() if isinstance(each, SliceMessage)]
            working = [asyncio.create_task(run_slice(self.services, each)) for each in messages]
            while working:
                later = [(each.visible_at - clock.now()).total_seconds() for each in queue.waiting]
                wake = asyncio.create_task(clock.sleep(min(later, default=60)))
                done, pending = await asyncio.wait(
                    (*working, wake), return_when=asyncio.FIRST_COMPLETED
                )
                wake.cancel()
                for task in done - {wake}:
                    task.result()
                working = [task for task in pending if task is not wake]
                more = [each for each in queue.take() if isinstance(each, SliceMessage)]
                working += [asyncio.create_task(run_slice(self.services, each)) for each in more]
            if queue.waiting:
                until = min(waiting.visible_at for waiting in queue.waiting)
                clock.advance((until - clock.now()) / timedelta(seconds=1))

    async def run(self, mode: Mode = Mode.CHANGES, export: str = "export") -> Run:
        """Run an export on demand to its end, and return the run as it is then."""
        run = await self.start(mode, export)
        await self.deliver()
        return await self.now(run)

    async def now(self, run: Run) -> Run:
        """Return a run as it is now."""
        return await find_run(self.services, run.id)

    async def progress(self, run: Run) -> Progress:
        """Return how far a run has come by now."""
        return await run_progress(self.services, await self.now(run))

    async def rejects(self, run: Run) -> list[Reject]:
        """Return the rejects of a run."""
        return await all_rejects(self.services, run)

    async def connection(self) -> Connection:
        """Return the connection as it is now."""
        stored = await self.services.storage.connections.get(ALL, "connection")
        assert stored is not None
        return stored.value

    @property
    def queue(self) -> MemoryQueue:
        """The queue of slices."""
        queue = self.services.storage.slices
        assert isinstance(queue, MemoryQueue)
        return queue


async def ready(side: Side) -> World:
    """Return a world with a connection and an export."""
    world = World(side)
    await world.connect()
    await world.export()
    return world


def address(number: int) -> str:
    """Return the address of a profile."""
    return f"user{number}@example.com"


def csv(rows: int, first: str = "First", start: int = 0) -> str:
    """Return a segment file with so many good rows."""
    lines = (f"{address(n)},{first}{n},Last{n}\n" for n in range(start, start + rows))
    return "Email,First,Last\n" + "".join(lines)
