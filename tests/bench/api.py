"""Time the API's calls on the local stack with few and with many connections and exports."""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.table import Table

from local import sample_data
from local.api_client import ApiClient
from local.stack import Stack
from tests.bench.results import Results
from tests.bench.stock import fill
from tests.e2e.polling import UNLIMITED

FEW = 10
SEGMENT = "Bench"

LISTS = 3  # calls of each kind that reads many things
QUIET: dict[str, Any] = {"on_arrival": False, "schedule": {"follows": "off"}}

type Body = Mapping[str, Any]
type Request = tuple[str, str, Body | None]
type Kind = Callable[[], Request]
"""Prepares a request of this kind, which is not timed."""

type Medians = Mapping[str, float]
"""Seconds by call."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--connections", type=int, default=1_000, help="how many are many")
    parser.add_argument("--exports", type=int, default=10_000, help="how many are many")
    parser.add_argument("--calls", type=int, default=30, help="of each kind, whose median counts")


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), in_memory=True) as stack:
        host = stack.start_host(UNLIMITED)
        with ApiClient(host.url, stack.token("administrator")) as client:
            bench = Bench(stack, client, options.calls)
            bench.fill(FEW, FEW)
            few = bench.measure()
            bench.fill(options.connections - FEW, options.exports - FEW)
            many = bench.measure()
    Console(width=110).print(_table(options, few, many))
    return results(few, many)


def results(few: Medians, many: Medians) -> Results:
    """Return each call among many beside the same among few."""
    return Results(
        rows=[
            {"call": call, "median_seconds": then, "times_few": then / few[call]}
            for call, then in many.items()
        ],
        reference=[{"call": call, "median_seconds": seconds} for call, seconds in few.items()],
    )


def _table(options: argparse.Namespace, few: Medians, many: Medians) -> Table:
    table = Table(title=f"Medians of {options.calls} calls, one after the other")
    table.add_column("call")
    sizes = (f"{FEW} and {FEW}", f"{options.connections:,} and {options.exports:,}")
    for column in (*sizes, "ratio"):
        table.add_column(column, justify="right")
    for call, seconds in few.items():
        then = many[call]
        table.add_row(call, _milliseconds(seconds), _milliseconds(then), f"{then / seconds:.2f}")
    return table


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _get(path: str) -> Kind:
    return lambda: ("GET", path, None)


class Bench:
    """A connection and an export that are called, among many others."""

    def __init__(self, stack: Stack, client: ApiClient, calls: int) -> None:
        self._stack = stack
        self._client = client
        self._calls = calls
        self._numbers = count()
        with BlobServiceClient.from_connection_string(stack.settings["DataStorage"]) as service:
            blob = service.get_blob_client("segments", f"{SEGMENT}/people.csv")
            blob.upload_blob(b"".join(sample_data.segment_file(100)))
        self._connection = client.connect("Bench", "owner1@example.com")
        self._export = client.export("Bench", self._connection, SEGMENT, **QUIET)
        self._list = client.newsletter(self._connection)
        self._run = self._begin_run()

    def fill(self, connections: int, exports: int) -> None:
        """Add so many connections and exports that nothing runs."""
        fill(self._stack, self._connection, self._export, connections, exports)

    def measure(self) -> Medians:
        """Return the median of each call."""
        single = {name: self._median(kind, self._calls) for name, kind in self._single().items()}
        return single | {name: self._median(kind, LISTS) for name, kind in self._lists().items()}

    def _median(self, kind: Kind, calls: int) -> float:
        times = []
        for _ in range(calls + 1):  # the first of its kind may have to load something
            request = kind()
            began = time.perf_counter()
            self._client.call(*request)
            times.append(time.perf_counter() - began)
        return median(times[1:])

    def _single(self) -> dict[str, Kind]:
        connection, export = f"/connections/{self._connection}", f"/exports/{self._export}"
        return {
            "GET a connection": _get(connection),
            "PATCH a connection": lambda: ("PATCH", connection, {"display_name": self._name()}),
            "POST a connection": lambda: ("POST", "/connections", self._new_connection()),
            "POST a connection's connect": lambda: ("POST", f"{connection}/connect", None),
            "POST a connection's check": lambda: ("POST", f"{connection}/check", None),
            "DELETE a connection": self._remove("/connections", self._new_connection),
            "GET an export": _get(export),
            "PATCH an export": lambda: ("PATCH", export, {"name": self._name()}),
            "POST an export": lambda: ("POST", "/exports", self._new_export()),
            "POST an export's copy": lambda: ("POST", f"{export}/duplicate", None),
            "PUT an export's schedule": lambda: ("PUT", f"{export}/schedule", self._schedule()),
            "POST an export's detachment": self._detach,
            "DELETE an export": self._remove("/exports", self._new_export),
            "POST an export's run": self._run_again,
            "GET a run": _get(f"/runs/{self._run}"),
        }

    def _lists(self) -> dict[str, Kind]:
        return {
            f"GET {what}": _get(path)
            for what, path in {
                "runs of an export": f"/exports/{self._export}/runs",
                "connections": "/connections",
                "exports": "/exports",
                "exports by name": "/exports?sort=name",
                "exports, searched": "/exports?search=copy%207",
                "active exports": "/exports?active=true",
                "runs": "/runs",
            }.items()
        }

    def _name(self) -> str:
        return f"Bench {next(self._numbers)}"

    def _new_connection(self) -> Body:
        return {"destination": "mailchimp", "display_name": self._name()}

    def _new_export(self) -> Body:
        return QUIET | {
            "name": self._name(),
            "connection_id": self._connection,
            "list_id": self._list,
            "fields": {"email": "EMail"},
            "segments": [SEGMENT],
        }

    def _schedule(self) -> Body:
        own = {"times": [f"{next(self._numbers) % 24:02}:00"], "day_of_month": 31}
        return {"follows": "own", "own": own}

    def _remove(self, path: str, new: Callable[[], Body]) -> Kind:
        return lambda: ("DELETE", f"{path}/{self._made(path, new())}", None)

    def _detach(self) -> Request:
        return ("POST", f"/exports/{self._made('/exports', self._new_export())}/detach", None)

    def _run_again(self) -> Request:
        self._client.finished_run(self._begin_run())
        return ("POST", f"/exports/{self._export}/run", None)

    def _begin_run(self) -> str:
        return str(self._client.call("POST", f"/exports/{self._export}/run")["id"])

    def _made(self, path: str, new: Body) -> str:
        return str(self._client.call("POST", path, new)["id"])
