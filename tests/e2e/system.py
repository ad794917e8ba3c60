"""The whole system as a test works with it: hosts, a caller, the sandbox and storage."""

import csv
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import cache
from typing import Any

import httpx
from azure.storage.blob import BlobServiceClient

from local import addresses, sample_data
from local.host.config import MASTER_KEY
from local.processes import Process, end
from local.stack import Stack
from tests.e2e.caller import Caller
from tests.e2e.polling import UNLIMITED
from tests.e2e.records import Records
from tests.e2e.sandbox import LATENCY, Sandbox
from tests.e2e.traces import Traces

OUTCOMES = ("accepted", "unchanged", "duplicate", "invalid", "suppressed", "refused", "unknown")


class System:
    """A running stack. Hosts are started by the test and end with `close`."""

    def __init__(self, stack: Stack, traces: Traces) -> None:
        self.stack = stack
        self.traces = traces
        self.sandbox = Sandbox(stack.urls["mailchimp"])
        self.records = Records(stack)
        self._hosts: list[Process] = []
        self._callers = ExitStack()
        self._connections: dict[int, str] = {}

    def close(self) -> None:
        """End the hosts and undo what was set at the sandbox."""
        end(self._hosts)
        self._callers.close()
        self.sandbox.clear_faults()
        self.sandbox.set_latency(LATENCY)
        self.sandbox.close()
        self.records.close()

    def start_host(self, *arguments: str, **environment: str) -> Process:
        """Start a functions host that looks for new files often, and lets its one caller do so, too."""
        chosen = UNLIMITED | environment
        host = self.stack.start_host(chosen, ["--blob-scan", "0.2", *arguments])
        self._hosts.append(host)
        return host

    def caller(self, host: Process | None = None, **who: str) -> Caller:
        """Return a caller of a host's API, else of the one at the stack's address.

        `who` is a role and a language; without them it is an administrator.
        """
        url = host.url if host else self.stack.urls["api"]
        return self._callers.enter_context(Caller(self.stack, self.traces, url, **who))

    def connection(self, caller: Caller, account: int = 1) -> str:
        """Return this test's connection to an account, made at its first use."""
        if account not in self._connections:
            owner = f"owner{account}@example.com"
            self._connections[account] = caller.connect(f"Account {account}", owner)
        return self._connections[account]

    def export(
        self, caller: Caller, audience: str, segment: str, account: int = 1, **changes: Any
    ) -> str:
        """Create an export that only runs when a test asks for it, and return its id."""
        quiet = {"on_arrival": False, "schedule": {"follows": "off"}, "list_id": audience}
        connection = self.connection(caller, account)
        return caller.export(f"To {audience}", connection, segment, **quiet | changes)

    def drop(self, segment: str, rows: int) -> str:
        """Put a generated file into a segment, and return its path in the container."""
        path = f"{segment}/{rows}-rows.csv"
        self.put_file(path, sample_data.segment_file(rows))
        return path

    def put_file(self, path: str, data: bytes | Iterable[bytes]) -> None:
        """Put a file into the container of segments."""
        connection = self.stack.settings["DataStorage"]
        with BlobServiceClient.from_connection_string(connection) as service:
            container = service.get_container_client("segments")
            container.upload_blob(path, data, overwrite=True)


def clean_environ() -> dict[str, str]:
    """Return this process's environment without what would change a stack's addresses."""
    given = addresses.given(os.environ)
    return {
        name: value
        for name, value in os.environ.items()
        if name not in given and not name.startswith("LOCAL_PORT_")
    }


def run_now(caller: Caller, export: str) -> str:
    """Ask for a run and return its id."""
    return str(caller.call("POST", f"/exports/{export}/run")["id"])


def tick(host: Process) -> None:
    """Let a host's timer run now, whatever the clock says."""
    key = {"x-functions-key": MASTER_KEY}
    httpx.post(f"{host.url}/admin/functions/refresh", headers=key).raise_for_status()


def successes(host: Process, function: str) -> int:
    """Return how often a function has succeeded on a host."""
    return host.log.read_text().count(f" {function} succeeded in ")


def run_ids(caller: Caller, export: str) -> list[str]:
    """Return the ids of an export's runs, the newest first."""
    return [run["id"] for run in caller.call("GET", f"/exports/{export}/runs")["items"]]


def counts(run: Mapping[str, Any]) -> dict[str, int]:
    """Return the outcomes of a run, as the API tells them, that are not zero."""
    told = run["progress"]["counts"]
    return {outcome: told[outcome] for outcome in OUTCOMES if told[outcome]}


def planned(rows: int) -> dict[str, int]:
    """Return the outcomes that a generated file should have."""
    return {
        outcome: number for outcome, number in sample_data.plan(rows)._asdict().items() if number
    }


@cache
def acceptable(rows: int) -> dict[str, dict[str, str]]:
    """Return the merge fields by address of every profile of a generated file that is to arrive."""
    text = b"".join(sample_data.segment_file(rows)).decode("utf-8-sig")
    found = {}
    for number, row in enumerate(csv.DictReader(text.splitlines())):
        if row["EMail"] == f"profile{number}@example.com":
            found[row["EMail"]] = sample_data.names(number)
    return found
