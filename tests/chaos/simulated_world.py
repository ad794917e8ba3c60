"""The world of a simulation: storage, vendors and segments, and the exports that a plan names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx

from shared.api.paths import addresses_at
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.export import Export
from shared.domain.run import Run
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import Storage
from tests.chaos.simulated_defects import Soundness
from tests.chaos.simulated_files import Segment
from tests.chaos.simulated_hosts import Host
from tests.chaos.simulated_network import Book
from tests.chaos.simulated_plan import LISTS, Plan
from tests.chaos.simulated_queue import Queue
from tests.chaos.simulated_vendors import Vendor, all_vendors
from tests.chaos.simulated_weather import Weather
from tests.contract.destinations.side import InProcess
from tests.fakes.clock import FakeClock
from tests.fakes.people import consent
from tests.fakes.storage import MemoryBlobs, memory_storage

_FIELDS = {"email": "Email", "first_name": "First", "last_name": "Last"}


@dataclass(frozen=True)
class _WholeSeconds:
    """The clock of blob storage, which tells the time of a blob in whole seconds."""

    clock: FakeClock

    def now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


@dataclass
class SimulatedWorld:
    """Everything but what happens in it. `services` are untroubled: for setting up and looking."""

    plan: Plan
    defect: Soundness = field(default_factory=Soundness)
    clock: FakeClock = field(default_factory=FakeClock)
    book: Book = field(default_factory=Book)
    exports: dict[str, Export] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.weather = Weather(self.plan, self.clock)
        self.queue, self.events = Queue(self.clock), Queue(self.clock)
        self.vendors: Mapping[str, Vendor] = all_vendors(self.clock, self.plan)
        self.segments = [
            Segment(number, self.plan.stream(f"segment {number}"))
            for number in range(self.plan.segments)
        ]
        self.services = Services(
            storage=self._storage(),
            destinations={
                name: vendor.destination(self.clock) for name, vendor in self.vendors.items()
            },
            http=httpx.AsyncClient(),
            clock=self.clock,
            addresses=addresses_at("https://exports.test"),
            slice_seconds=self.plan.slice_seconds,
            max_profiles=1_000_000,
        )
        self.hosts = [
            Host(number, self.weather, self.services, self.vendors, self.book, self.defect)
            for number in range(self.plan.hosts)
        ]

    def _storage(self) -> Storage:
        clock = _WholeSeconds(self.clock)
        return replace(
            memory_storage(self.clock),
            segments=MemoryBlobs(clock),
            run_files=MemoryBlobs(clock),
            delivered=MemoryBlobs(clock),
            slices=self.queue,
        )

    @property
    def storage(self) -> Storage:
        """Storage without trouble."""
        return self.services.storage

    async def set_up(self) -> None:
        """Store the connections and exports of the plan."""
        for number, (vendor, account) in enumerate(self.plan.accounts):
            await self._connect(f"connection-{number}", self.vendors[vendor], account)
        used = [0] * len(self.plan.accounts)
        for number, planned in enumerate(self.plan.exports):
            vendor, account = self.plan.accounts[planned.account]
            nth, used[planned.account] = used[planned.account], used[planned.account] + 1
            assert nth < LISTS
            now = self.clock.now()
            export = Export(
                id=f"export-{number}",
                name=f"Export {number}",
                connection_id=f"connection-{planned.account}",
                destination=vendor,
                list_id=self.vendors[vendor].list_of(account, nth),
                list_name="List",
                fields=_FIELDS,
                segments=[self.segments[each].name for each in planned.segments],
                on_arrival=planned.on_arrival,
                created_at=now,
                attached_at=now,
                scheduled_at=now,
            )
            self.exports[export.id] = export
            await self.storage.exports.insert(ALL, export.id, export)

    async def _connect(self, key: str, vendor: Vendor, number: int) -> None:
        async with httpx.AsyncClient(transport=InProcess(vendor.app)) as http:
            credentials, account = await vendor.sign_in(http, number)
        connection = Connection(
            id=key,
            destination=vendor.name,
            display_name="Ours",
            status=ConnectionStatus.READY,
            consent=consent(self.clock.now()),
            account=account,
            secret_name=f"secret-{key}",
            created_at=self.clock.now(),
        )
        await self.storage.secrets.set(f"secret-{key}", json.dumps(dict(credentials)))
        await self.storage.connections.insert(ALL, key, connection)

    async def land(self, number: int) -> str:
        """Write the next version of a segment, and return its path."""
        segment = self.segments[number]
        path, version = segment.next()
        await self.storage.segments.write(path, version.text.encode())
        info = await self.storage.segments.info(path)
        assert info is not None
        segment.versions[f"{path}|{info.etag}"] = version
        segment.since = segment.since or self.clock.now()
        return path

    async def runs(self) -> list[Run]:
        """Return every run, by export, the newest first."""
        return [
            stored.value
            for export in self.exports
            for stored in await self.storage.runs.page(export, limit=10_000)
        ]
