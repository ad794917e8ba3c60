"""Run exports to 16 accounts at once on 1, 2 and 4 functions hosts, and tell what binds.

That is the vendor's latency, or the processors of this machine, on which hosts, storage and sandbox run.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.table import Table

from local import sample_data
from local.api_client import ApiClient, is_over
from local.processes import Process
from local.stack import Stack
from tests.bench.results import Results, Row
from tests.e2e.polling import UNLIMITED, until
from tests.e2e.sandbox import Sandbox

SEGMENT = "Bench"
BUSY = 0.8  # of a core, or of all of them: from here on a processor is what binds
CORES = psutil.cpu_count() or 1
_MOST_SECONDS = 900.0
_WARM_UP_LATENCY = 0.05
_READING = "Reading the segment files."  # in the timeline of a run, when work on it begins


@dataclass(frozen=True)
class Took:
    """What all runs took, begun by one request."""

    hosts: int
    elapsed_seconds: float  # from the first run's beginning to the last one's end
    run_seconds: float  # the median of the runs, from when work on one began
    runs_at_once: int
    hosts_cpu_seconds: float
    azurite_cpu_seconds: float
    sandbox_cpu_seconds: float
    busiest_process_share: float  # share of one core
    machine_busy_share: float  # share of all cores, whoever used them
    others_busy_share: float  # the part of it that is not this stack's

    @property
    def binds(self) -> str:
        """What it would take to be faster: shorter latency, or more of a processor."""
        if self.machine_busy_share >= BUSY:
            return "cores"
        return "one process" if self.busiest_process_share >= BUSY else "latency"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4], help="in rising order")
    parser.add_argument("--accounts", type=int, default=16, help="one export to each")
    parser.add_argument("--profiles", type=int, default=12_000, help="profiles of each export")
    parser.add_argument("--latency", type=float, default=2.0, help="seconds of each vendor's call")
    parser.add_argument("--times", type=int, default=3, help="runs of all, whose median counts")
    parser.add_argument(
        "--one-by-one", action="store_true", help="begin each run by a request of its own"
    )


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    found = measure(options)
    console = Console(width=125)
    console.print(_table(options, found))
    console.print(
        f"Medians of {options.times}. speed: how many times that of the first row. run: the median run, "
        "from when a host began to work on it. at once: the most runs that hosts worked on at the same time. "
        "Seconds of hosts, Azurite and sandbox are the processor's. busiest: the process that used most of "
        "one core. machine: of all cores, whoever used them; others: the part of it that the stack did not. "
        f"binds: latency, unless a process or the machine was busy for {BUSY:.0%}."
    )
    return compared(found)


def compared(found: Sequence[Took]) -> Results:
    """Return what more hosts took beside what the first number of them did."""
    first = found[0]
    return Results(
        rows=[
            {**_figures(each), "times_as_fast": first.elapsed_seconds / each.elapsed_seconds}
            for each in found[1:]
        ],
        reference=[_figures(first)],
    )


def _figures(each: Took) -> Row:
    return {**asdict(each), "binds": each.binds}


def measure(options: argparse.Namespace) -> list[Took]:
    """Run all exports on each number of hosts, on a stack of its own."""
    sandbox = ["--accounts", str(options.accounts), "--lean-answers"]
    with (
        tempfile.TemporaryDirectory() as folder,
        Stack(Path(folder), in_memory=True, sandboxes={"mailchimp": sandbox}) as stack,
    ):
        return measure_on(stack, options)


def measure_on(stack: Stack, options: argparse.Namespace) -> list[Took]:
    """Run all exports on each number of hosts, which are added to the stack."""
    found = []
    _add_hosts(stack, options.hosts[0])
    with ApiClient(stack.urls["api"], stack.token("administrator")) as client:
        bench = Bench(stack, client, options.one_by_one)
        bench.set_up(options.accounts, options.profiles)
        for hosts in options.hosts:
            _add_hosts(stack, hosts)
            bench.run_all(_WARM_UP_LATENCY)  # the first slice of a host loads what slices need
            took = [bench.run_all(options.latency) for _ in range(options.times)]
            found.append(sorted(took, key=lambda each: each.elapsed_seconds)[len(took) // 2])
    return found


def _add_hosts(stack: Stack, number: int) -> None:
    while len(stack.hosts) < number:
        stack.start_host(UNLIMITED)


class Bench:
    """Exports, one for each account, that are run all at once."""

    def __init__(self, stack: Stack, client: ApiClient, one_by_one: bool) -> None:
        self._stack = stack
        self._client = client
        self._one_by_one = one_by_one
        self._exports: list[str] = []

    def set_up(self, accounts: int, rows: int) -> None:
        """Connect the accounts, and give each an export of the same segment."""
        with BlobServiceClient.from_connection_string(
            self._stack.settings["DataStorage"]
        ) as service:
            blob = service.get_blob_client("segments", f"{SEGMENT}/people.csv")
            blob.upload_blob(b"".join(sample_data.segment_file(rows)), overwrite=True)
        for number in range(1, accounts + 1):
            key = self._client.connect(f"Account {number}", f"owner{number}@example.com")
            export = self._client.export(f"Export {number}", key, SEGMENT, on_arrival=False)
            self._exports.append(export)

    def run_all(self, latency: float) -> Took:
        """Run every export, sending all profiles whatever was delivered before."""
        sandbox = Sandbox(self._stack.urls["mailchimp"])
        sandbox.set_latency(latency)
        sandbox.close()
        before = Used.until_now(self._stack)
        begun = self._begin()
        runs = until(
            lambda: self._over(begun),
            "the end of the runs",
            seconds=_MOST_SECONDS,
            every=0.5,
        )
        used = Used.until_now(self._stack)
        failed = [run["timeline"] for run in runs if run["status"] != "successful"]
        assert not failed, failed
        return took(len(self._stack.hosts), runs, used.since(before))

    def _begin(self) -> list[str]:
        """Begin the runs and return their ids."""
        paths = [f"/exports/{each}/run" for each in self._exports]
        everything = {"mode": "everything"}
        if self._one_by_one:
            runs = [self._client.call("POST", path, everything) for path in paths]
        else:
            runs = self._client.call("POST", "/exports/run-all", everything)["runs"]
        assert len(runs) == len(paths)
        return [run["id"] for run in runs]

    def _over(self, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return the runs, or none if one of them is not over."""
        runs = []
        for key in keys:
            run = self._client.run(key)
            if not is_over(run):
                return []
            runs.append(run)
        return runs


@dataclass(frozen=True)
class Used:
    """Seconds of the processor, by process of the stack, and of the machine."""

    processes: Mapping[str, float]
    busy: float  # of all cores, by whatever runs here
    idle: float

    @classmethod
    def until_now(cls, stack: Stack) -> "Used":
        """Return what has been used so far."""
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0)
        return cls(
            {each.name: _seconds(each) for each in stack.processes}, sum(times[:8]) - idle, idle
        )

    def since(self, before: "Used") -> "Used":
        """Return what has been used since then."""
        used = {name: seconds - before.processes[name] for name, seconds in self.processes.items()}
        return Used(used, self.busy - before.busy, self.idle - before.idle)


def _seconds(process: Process) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def took(hosts: int, runs: Sequence[Mapping[str, Any]], used: Used) -> Took:
    """Return what these runs took, as the API tells them."""
    works = [(began(run), datetime.fromisoformat(run["finished_at"])) for run in runs]
    begun = min(datetime.fromisoformat(run["created_at"]) for run in runs)
    elapsed = (max(end for _, end in works) - begun) / timedelta(seconds=1)
    of_hosts = [seconds for name, seconds in used.processes.items() if name.startswith("host-")]
    return Took(
        hosts=hosts,
        elapsed_seconds=elapsed,
        run_seconds=median((end - start) / timedelta(seconds=1) for start, end in works),
        runs_at_once=max(sum(start <= at < end for start, end in works) for at, _ in works),
        hosts_cpu_seconds=sum(of_hosts),
        azurite_cpu_seconds=used.processes["azurite"],
        sandbox_cpu_seconds=used.processes["mailchimp"],
        busiest_process_share=max(used.processes.values()) * CORES / (used.busy + used.idle),
        machine_busy_share=used.busy / (used.busy + used.idle),
        others_busy_share=(used.busy - sum(used.processes.values())) / (used.busy + used.idle),
    )


def began(run: Mapping[str, Any]) -> datetime:
    """Return when work on a run began."""
    at = next(event["at"] for event in run["timeline"] if event["text"] == _READING)
    return datetime.fromisoformat(at)


def _table(options: argparse.Namespace, found: Sequence[Took]) -> Table:
    calls = f"calls of {options.latency:.1f} s"
    title = f"{options.accounts} exports of {options.profiles:,} profiles, one for each account, {calls}"
    table = Table(title=title, title_justify="left")
    columns = ("hosts", "elapsed", "speed", "run", "at once", "hosts' CPU", "Azurite", "sandbox")
    for name in (*columns, "busiest", "machine", "others", "binds"):
        table.add_column(name, justify="right")
    for each in found:
        table.add_row(
            str(each.hosts),
            f"{each.elapsed_seconds:.1f} s",
            f"{found[0].elapsed_seconds / each.elapsed_seconds:.2f}",
            f"{each.run_seconds:.1f} s",
            str(each.runs_at_once),
            f"{each.hosts_cpu_seconds:.1f} s",
            f"{each.azurite_cpu_seconds:.1f} s",
            f"{each.sandbox_cpu_seconds:.1f} s",
            f"{each.busiest_process_share:.0%}",
            f"{each.machine_busy_share:.0%}",
            f"{each.others_busy_share:.0%}",
            each.binds,
        )
    return table
