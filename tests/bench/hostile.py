"""Run an export of PROFILES profiles beside 20 hostile requests a second, and in turn beside none.

It fails where a goal is missed in a way that no noise explains: in each of the runs beside hostile requests.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.table import Table

from local import sample_data
from local.api_client import ApiClient
from local.processes import Process
from local.stack import Stack
from tests.bench.hostile_requests import CELL, Flood, Targets
from tests.bench.hosts import began
from tests.bench.results import Results, Row
from tests.segments.memory import peak_mib

MOST_TIMES = 1.5
MOST_MIB = 400.0
MOST_SECONDS_OF_HEALTH = 1.0
SEGMENT, HOSTILE = "Bench", "Hostile"

_HOSTILE_ROWS = 40
_MOST_SECONDS = 900.0  # of a run
_HEALTH_EVERY = 0.1  # seconds
_EVERYTHING = {"mode": "everything"}
_QUIET = {"on_arrival": False, "schedule": {"follows": "off"}}


@dataclass(frozen=True)
class Round:
    """A run, and what the host was like meanwhile."""

    run_seconds: float  # from when work on it began
    health_seconds: float  # the slowest answer
    answers: Mapping[tuple[str, int], int] = field(default_factory=dict)  # by kind and status

    @property
    def requests(self) -> int:
        """How many hostile requests came."""
        return sum(self.answers.values())

    def with_status(self, *statuses: int) -> int:
        """Return how many of them had one of these answers."""
        return sum(times for (_, status), times in self.answers.items() if status in statuses)


@dataclass(frozen=True)
class Took:
    """What the runs took beside hostile requests, and without them."""

    quiet: Sequence[Round]
    hostile: Sequence[Round]
    peak_mib: float  # of the host, from its start

    @property
    def times(self) -> float:
        """How many times as long the median run took."""
        return _median(self.hostile) / _median(self.quiet)

    def faults(self) -> list[str]:
        """Return the goals that are missed in a way that no noise explains."""
        fastest = min(each.run_seconds for each in self.hostile)
        slowest = max(each.run_seconds for each in self.quiet)
        health = min(each.health_seconds for each in self.hostile)
        broken = sum(each.with_status(0, 500) for each in self.hostile)
        found = {
            f"Even the fastest run beside hostile requests took {fastest / slowest:.2f} times as long as "
            f"the slowest without, more than {MOST_TIMES}.": fastest > MOST_TIMES * slowest,
            f"The host held {self.peak_mib:.0f} MiB, more than {MOST_MIB:.0f}.": self.peak_mib
            > MOST_MIB,
            f"Beside each run an answer of /api/health took {health:.1f} s, more than "
            f"{MOST_SECONDS_OF_HEALTH:.0f}.": health > MOST_SECONDS_OF_HEALTH,
            f"{broken} hostile requests had no answer, or a 500.": broken > 0,
        }
        return [what for what, is_so in found.items() if is_so]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--profiles", type=int, default=300_000, help="of the run")
    parser.add_argument("--per-second", type=float, default=20, help="hostile requests")
    parser.add_argument("--times", type=int, default=3, help="runs of each, whose median counts")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds of each vendor's call")
    parser.add_argument(
        "--addresses",
        type=int,
        default=10_000,
        help="networks that requests come from; one meets the limit of requests a minute",
    )
    parser.add_argument(
        "--contributor",
        action="store_true",
        help="let somebody who may edit the export read rejects and look up, too",
    )
    parser.add_argument("--answers", action="store_true", help="print what each kind was answered")


def run(options: argparse.Namespace) -> Results:
    """Measure and print; exit where a goal is missed beyond doubt."""
    took = measure(options)
    console = Console(width=110)
    console.print(_table(options, took))
    console.print(
        f"The median run takes {took.times:.2f} times as long beside hostile requests (at most "
        f"{MOST_TIMES}); the host held {took.peak_mib:.0f} MiB (below {MOST_MIB:.0f}); /api/health "
        f"answered within {max(each.health_seconds for each in took.hostile):.2f} s (below "
        f"{MOST_SECONDS_OF_HEALTH:.0f})."
    )
    if options.answers:
        console.print(_answers(took))
    if faults := took.faults():
        sys.exit("\n".join(faults))
    return compared(took)


def compared(took: Took) -> Results:
    """Return the runs beside hostile requests, beside those without."""
    slowest = _median(took.quiet)
    return Results(
        rows=[
            {
                **_figures(each),
                "times_quiet": each.run_seconds / slowest,
                "requests": each.requests,
                "too_many": each.with_status(429),
            }
            for each in took.hostile
        ],
        reference=[{**_figures(each), "host_peak_mib": took.peak_mib} for each in took.quiet],
    )


def _figures(each: Round) -> Row:
    return {"run_seconds": each.run_seconds, "health_seconds": each.health_seconds}


def _median(rounds: Sequence[Round]) -> float:
    return median(each.run_seconds for each in rounds)


def measure(options: argparse.Namespace) -> Took:
    """Run the export in turn without hostile requests and beside them, on a stack of its own."""
    sandbox = ["--accounts", "2", "--lean-answers", "--latency", str(options.latency)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), in_memory=True, sandboxes={"mailchimp": sandbox}) as stack,
    ):
        host = stack.start_host()
        with ApiClient(host.url, stack.token("administrator")) as client:
            bench = Bench(stack, host, client, options)
            quiet, hostile = list[Round](), list[Round]()
            for _ in range(options.times):
                quiet.append(bench.round())
                hostile.append(bench.hostile_round())
        return Took(quiet, hostile, peak_mib(host.pid))


class Bench:
    """An export of many profiles, and one whose cells are hostile, to another account."""

    def __init__(
        self, stack: Stack, host: Process, client: ApiClient, options: argparse.Namespace
    ) -> None:
        self._url = host.url
        self._client = client
        self._per_second = options.per_second
        with BlobServiceClient.from_connection_string(stack.settings["DataStorage"]) as service:
            for segment, content in (
                (SEGMENT, b"".join(sample_data.segment_file(options.profiles))),
                (HOSTILE, _hostile_file()),
            ):
                blob = service.get_blob_client("segments", f"{segment}/people.csv")
                blob.upload_blob(content)
        connections = [client.connect(f"Account {n}", f"owner{n}@example.com") for n in (1, 2)]
        for connection in connections:
            shared = {"shared_with": "contributors"}
            client.call("PATCH", f"/connections/{connection}", shared)
        self._export = client.export("Bench", connections[0], SEGMENT, **_QUIET)
        self._hostile = client.export("Hostile", connections[1], HOSTILE, **_QUIET)
        self._targets = Targets(
            url=host.url,
            viewer=stack.token("viewer"),
            contributor=stack.token("contributor") if options.contributor else "",
            connection=connections[0],
            run=self._finished(self._begun(self._export)),  # the first loads what runs need, too
            segment=HOSTILE,
            addresses=options.addresses,
        )

    def round(self) -> Round:
        """Run the export."""
        with _watched_health(self._url) as health:
            run = self._begun(self._export)
            self._finished(run)
        return Round(self._seconds(run), max(health))

    def hostile_round(self) -> Round:
        """Run the export beside hostile requests, and beside a run of hostile cells."""
        with Flood(self._targets, self._per_second) as flood, _watched_health(self._url) as health:
            run, other = self._begun(self._export), self._begun(self._hostile)
            self._finished(run)
        self._client.finished_run(other, seconds=_MOST_SECONDS)
        return Round(self._seconds(run), max(health), flood.answers)

    def _begun(self, export: str) -> str:
        return str(self._client.call("POST", f"/exports/{export}/run", _EVERYTHING)["id"])

    def _finished(self, run: str) -> str:
        ended = self._client.finished_run(run, seconds=_MOST_SECONDS)
        assert ended["status"] == "successful", ended["timeline"]
        return run

    def _seconds(self, key: str) -> float:
        run = self._client.run(key)
        return (datetime.fromisoformat(run["finished_at"]) - began(run)) / timedelta(seconds=1)


@contextmanager
def _watched_health(url: str) -> Iterator[list[float]]:
    """Ask for /api/health all the time, and note how long each answer takes, in seconds."""
    seconds, ending = list[float](), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            while not (seconds and ending.wait(_HEALTH_EVERY)):
                asked = time.perf_counter()
                http.get("/api/health").raise_for_status()
                seconds.append(time.perf_counter() - asked)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield seconds
    finally:
        ending.set()
        thread.join()


def _hostile_file() -> bytes:
    rows = (f'{number},"{CELL}","{CELL}",{CELL},x' for number in range(_HOSTILE_ROWS))
    return (sample_data.HEADER + "\r\n".join(rows)).encode()


def _table(options: argparse.Namespace, took: Took) -> Table:
    title = (
        f"{options.profiles:,} profiles beside {options.per_second:.0f} hostile requests a second"
    )
    table = Table(title=title, title_justify="left")
    for name in ("", "median run", "runs", "slowest health", "requests", "of them 429"):
        table.add_column(name, justify="right")
    for name, rounds in (("quiet", took.quiet), ("hostile", took.hostile)):
        table.add_row(
            name,
            f"{_median(rounds):.1f} s",
            ", ".join(f"{each.run_seconds:.1f}" for each in rounds),
            f"{max(each.health_seconds for each in rounds) * 1000:,.0f} ms",
            f"{sum(each.requests for each in rounds):,}",
            f"{sum(each.with_status(429) for each in rounds):,}",
        )
    return table


def _answers(took: Took) -> Table:
    table = Table(title="Answers by status", title_justify="left")
    table.add_column("kind")
    table.add_column("answers")
    total = sum((Counter(each.answers) for each in took.hostile), Counter[tuple[str, int]]())
    by_kind: dict[str, list[str]] = {}
    for (kind, status), times in sorted(total.items()):
        by_kind.setdefault(kind, []).append(f"{status}: {times:,}")
    for kind, answers in by_kind.items():
        table.add_row(kind, ", ".join(answers))
    return table
