"""How much of what its connections allow sending uses, where nothing but their latency binds.

An export goes to Mailchimp's sandbox, but requests that write are answered on their way there, after a
while: a sandbox that works off 500 profiles in 30 ms would be what binds. What is stored of a run takes
some time as it does in Azure. The least that sending could take is that of all requests, shared by the
connections. Beside it stands the processor's time while it sends.
"""

import argparse
import asyncio
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from shared.transport.fast_client import open_http
from tests.bench import engine
from tests.bench.profiles import write_segment
from tests.bench.results import Results, Row

_CASES = {"50 ms": (0.05, 0.05), "200 ms": (0.2, 0.2), "100 to 500 ms": (0.1, 0.5)}
"""The shortest and the longest that a call takes, in seconds; those between are drawn from one seed."""

_FAR = 0.01  # seconds that it takes to write a checkpoint


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=200_000, help="profiles of each run")


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    rows: list[Row] = []
    ideal: list[Row] = []
    table = Table(title=f"{options.rows:,} profiles to Mailchimp, {engine.CONNECTIONS} connections")
    for column in ("a call", "requests", "least", "sending", "share", "processor", "÷ sending"):
        table.add_column(column, justify="left" if column == "a call" else "right")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "1.csv"
        write_segment(file, options.rows)
        for case, (shortest, longest) in _CASES.items():
            folder = Path(name) / case
            folder.mkdir()
            seen = asyncio.run(_watched(file, folder, shortest, longest))
            least = seen.latencies / engine.CONNECTIONS
            sending = seen.ended - seen.began
            share, busy = least / sending, seen.cpu / sending
            told = {"a_call": case, "requests": seen.requests}
            ideal.append(told | {"sending_seconds": least})
            figures = {"sending_seconds": sending, "used_share": share}
            rows.append(told | figures | {"cpu_seconds": seen.cpu, "cpu_share": busy})
            cells = (f"{seen.requests:,}", f"{least:.2f} s", f"{sending:.2f} s", f"{share:.0%}")
            table.add_row(case, *cells, f"{seen.cpu:.2f} s", f"{busy:.0%}")
    console = Console(width=110)
    console.print(table)
    console.print(
        "share: of what the connections allow (goal: 90 % at 50 ms, 95 % at 200 ms, 92 % where it differs). "
        "processor: of the engine alone, from the first request to the last answer."
    )
    return Results(rows=rows, reference=ideal)


@dataclass
class _Watched(httpx.AsyncBaseTransport):
    """The way to the sandbox, on which requests that write are answered after a while; it notes when.

    `latencies` is the sum of these whiles, and `cpu` what this process took from the first one's beginning
    to the last one's end; all are in seconds.
    """

    shortest: float
    longest: float
    requests: int = 0
    latencies: float = 0
    began: float = 0
    ended: float = 0
    cpu: float = 0
    _cpu_before: float = 0
    _inner: httpx.AsyncClient = field(default_factory=open_http)
    _chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - latencies, not secrets

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not (request.method == "POST" and "/lists/" in request.url.path):
            return await self._inner.send(request)
        if not self.requests:
            self.began, self._cpu_before = time.perf_counter(), time.process_time()
        latency = self._chance.uniform(self.shortest, self.longest)
        self.latencies += latency
        self.requests += 1
        try:
            await asyncio.sleep(latency)
            profiles = request.content.count(b'"email_address"')
            answer = {"errors": [], "total_created": profiles, "total_updated": 0}
            return httpx.Response(200, json=answer, request=request)
        finally:
            self.ended, self.cpu = time.perf_counter(), time.process_time() - self._cpu_before

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _watched(file: Path, folder: Path, shortest: float, longest: float) -> _Watched:
    """Send a file, and return what was seen of its requests."""
    way = _Watched(shortest, longest)
    with engine.sandbox(folder) as url:
        await engine.measure(url, file, folder, http=open_http(way), far=_FAR)
    return way
