"""Run exports of PROFILES profiles by the events of their files: requests of storage, and when each sends.

Storage is Azurite, asked by Azure's own clients, whose every request to tables and blobs is counted. The
vault and the destination are in memory.
"""

import argparse
import asyncio
import logging
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from local.storage import create
from shared.domain.clock import SystemClock
from shared.domain.connection import Account
from shared.domain.run import RunStatus
from shared.settings import Settings, StorageAccount
from shared.storage.clients import open_storage
from shared.storage.ports import Blobs
from shared.triggers.arrivals import arrive
from tests.bench.results import Results
from tests.contract.emulator import azurite_in_memory
from tests.fakes.mailchimp import FakeMailchimp
from tests.runs.world import World, csv

MOST_REQUESTS = 36
MOST_SECONDS = 0.12  # from the first byte read to the first request, locally
_NOWHERE = "https://127.0.0.1:1"
_CLIENT = "azure.core.pipeline.policies.http_logging_policy"
_ASKED = re.compile(r"""Request URL: (['"])(.*)\1\s+Request method: '(\w+)'""")


@dataclass
class Watch:
    """When a run read its first byte, and when it sent its first request to the destination."""

    read: float | None = None
    sent: float | None = None

    @property
    def seconds(self) -> float:
        """The seconds between the two."""
        assert self.read is not None
        assert self.sent is not None
        return self.sent - self.read


class _WatchedSegments:
    """The container of segments; it notes when the first byte of a file has come."""

    def __init__(self, blobs: Blobs, watch: Watch) -> None:
        self._blobs = blobs
        self._watch = watch
        self.list, self.info, self.read = blobs.list, blobs.info, blobs.read
        self.read_range, self.write, self.delete = blobs.read_range, blobs.write, blobs.delete
        self.create = blobs.create

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        async for piece in self._blobs.stream(name, etag):
            self._watch.read = self._watch.read or time.perf_counter()
            yield piece


@dataclass
class _WatchedDestination(httpx.AsyncBaseTransport):
    """The destination; it notes when the first profiles come."""

    mailchimp: FakeMailchimp
    watch: Watch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.watch.sent = self.watch.sent or time.perf_counter()
        return await self.mailchimp.handle_async_request(request)


class Requests(logging.Handler):
    """The requests that Azure's clients sent to tables and blobs, in order."""

    def __init__(self, connection: str) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []  # "tables" or "blobs", and what was asked
        self._kinds = {_address(connection, kind): f"{kind.lower()}s" for kind in ("Table", "Blob")}

    def emit(self, record: logging.LogRecord) -> None:
        """Note a request."""
        if asked := _ASKED.search(record.getMessage()):
            _, url, method = asked.groups()
            for address, kind in self._kinds.items():
                if url.startswith(address):
                    self.sent.append((kind, f"{method} {url.removeprefix(address)}"))


@dataclass(frozen=True)
class Took:
    """What one run took."""

    tables: int  # requests
    blobs: int
    seconds: float  # from the first byte read to the first request
    asked: Sequence[str]  # every request, in order

    @property
    def requests(self) -> int:
        """Of tables and blobs together."""
        return self.tables + self.blobs


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--profiles", type=int, default=100, help="profiles of each run")
    parser.add_argument("--runs", type=int, default=10, help="runs, each the first of its account")
    parser.add_argument("--verbose", action="store_true", help="print each request of one run")


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, azurite_in_memory(Path(folder)) as connection:
        create(connection)
        took, one = asyncio.run(_measure(connection, options.profiles, options.runs))
    most = max(took, key=lambda each: each.requests)
    seconds = statistics.median(each.seconds for each in took)
    table = Table(title=f"{options.runs} runs of {options.profiles} profiles each")
    for column in ("", "measured", "at most", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    in_words = f"{most.requests} ({most.tables} tables, {most.blobs} blobs)"
    of_requests, of_seconds = most.requests / MOST_REQUESTS, seconds / MOST_SECONDS
    table.add_row("requests", in_words, str(MOST_REQUESTS), f"{of_requests:.2f}")
    bound = f"{MOST_SECONDS * 1000:.0f} ms"
    table.add_row("first", f"{seconds * 1000:.0f} ms", bound, f"{of_seconds:.2f}")
    table.add_row("÷ one request", f"{seconds / one:.1f}", "", "")
    console = Console(width=110)
    if options.verbose:
        console.print(*took[-1].asked, sep="\n", markup=False, highlight=False)
    console.print(table)
    console.print(
        "requests: of tables and blobs, by the run that sent most. first: from the first byte read to the "
        f"first request, median of the runs. A request of storage takes {one * 1000:.1f} ms here."
    )
    row = {
        "requests": most.requests,
        "table_requests": most.tables,
        "blob_requests": most.blobs,
        "requests_ratio": of_requests,
        "first_request_seconds": seconds,
        "first_request_ratio": of_seconds,
        "times_one_request": seconds / one,
    }
    return Results(rows=[row], reference=[{"one_request_seconds": one}])


async def _measure(connection: str, profiles: int, runs: int) -> tuple[Sequence[Took], float]:
    """Return what each run took, and the seconds of one request of storage."""
    account = StorageAccount(DataStorage=connection)
    storage = open_storage(
        Settings(
            storage=account,
            key_vault_url=_NOWHERE,
            auth_issuer=_NOWHERE,
            auth_audience="api://bench",
            public_base_url=_NOWHERE,
        )
    )
    try:
        world, clock = World(), SystemClock()
        ports = replace(storage, secrets=world.services.storage.secrets)
        world.having(storage=ports, clock=clock)
        took = []
        for number in range(-1, runs):  # the first opens connections, and is not counted
            key = f"{number + 1:05d}"
            await world.connect(key, Account(id=f"us1-{key}", name="Acme", endpoint="us1"))
            await world.export(key, connection_id=key, segments=[f"Segment{key}"])
            path = await world.drop(csv(profiles), f"Segment{key}/1.csv")
            each = await _run(world, connection, key, path)
            took += [each] if number >= 0 else []
        began = time.perf_counter()
        for _ in range(20):
            await storage.segments.info(path)
        return took, (time.perf_counter() - began) / 20
    finally:
        await storage.close()


async def _run(world: World, connection: str, export: str, path: str) -> Took:
    """Run an export by the event of its file."""
    watch, services = Watch(), world.services
    segments = _WatchedSegments(services.storage.segments, watch)
    watched = replace(
        services,
        storage=replace(services.storage, segments=segments),
        http=httpx.AsyncClient(transport=_WatchedDestination(world.mailchimp, watch)),
    )
    with _requests(connection) as requests:
        await arrive(watched, path)
    [stored] = await services.storage.runs.page(export)
    assert stored.value.status is RunStatus.SUCCESSFUL, stored.value.reason
    count = Counter(kind for kind, _ in requests.sent)
    asked = [asked for _, asked in requests.sent]
    return Took(count["tables"], count["blobs"], watch.seconds, asked)


@contextmanager
def _requests(connection: str) -> Iterator[Requests]:
    """Count the requests of the body."""
    logger, requests = logging.getLogger(_CLIENT), Requests(connection)
    logger.addHandler(requests)
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield requests
    finally:
        logger.removeHandler(requests)
        logger.setLevel(level)
        logger.propagate = propagates


def _address(connection: str, kind: str) -> str:
    """Return the address of a service, as a connection string has it."""
    found = re.search(rf"{kind}Endpoint=([^;]+)", connection)
    assert found is not None
    return found[1]
