"""Two functions hosts on one storage share the work, and never one account's quota."""

import re
from datetime import datetime
from typing import Any

import pytest

from local.processes import Process
from tests.e2e.caller import Caller
from tests.e2e.polling import until
from tests.e2e.system import System, counts, planned, run_now

ROWS = 12_000
MOST_CONNECTIONS = 8
LATENCY = 1.5  # seconds: a run takes two calls in prepare and three rounds of eight batches
WORKING_SLICE = 6_000  # milliseconds; one that finds its lane taken ends much sooner


def working_slices(host: Process) -> int:
    """Return how many executions of a host were long enough to have sent a run."""
    took = re.findall(r" slices succeeded in (\d+) ms", host.log.read_text())
    return sum(int(milliseconds) >= WORKING_SLICE for milliseconds in took)


def began(run: dict[str, Any]) -> datetime:
    """Return when work on a run began."""
    events = (event for event in run["timeline"] if event["text"] == "Reading the segment files.")
    return datetime.fromisoformat(next(events)["at"])


def started(system: System, caller: Caller, export: str) -> str:
    """Start a run and return its id once a host works on it."""
    run_id = run_now(caller, export)
    until(lambda: system.records.run(run_id)[0].status == "processing", "the start of the run")
    return run_id


@pytest.fixture(scope="module")
def hosts(system: System) -> tuple[Process, Process]:
    queues = "AzureFunctionsJobHost__extensions__queues__"
    one_slice = {f"{queues}batchSize": "1", f"{queues}newBatchThreshold": "0"}  # at once, of a host
    return system.start_host(**one_slice), system.start_host(**one_slice)


def test_two_hosts_share_two_accounts_and_never_send_one_accounts_runs_at_once(
    system: System, hosts: tuple[Process, Process]
) -> None:
    caller = system.caller()
    system.drop("Shared", ROWS)
    first, second = (system.sandbox.new_audience(f"Shared {number}") for number in (1, 2))
    other = system.sandbox.new_audience("Shared 3", account=2)
    exports = [
        system.export(caller, first, "Shared"),
        system.export(caller, second, "Shared"),
        system.export(caller, other, "Shared", account=2),
    ]
    system.sandbox.set_latency(LATENCY)
    system.sandbox.reset_stats()

    run_ids = [started(system, caller, exports[0])]
    # The other host gets the same message again, as a queue may do, and a run of the same account.
    system.records.send_again(run_ids[0])
    run_ids.append(run_now(caller, exports[1]))
    run_ids.append(started(system, caller, exports[2]))
    assert system.records.run(run_ids[0])[0].status == "processing"
    runs = [caller.finished_run(run_id) for run_id in run_ids]

    for run in runs:
        assert run["status"] == "successful", run["timeline"]
        assert counts(run) == planned(ROWS)
    assert datetime.fromisoformat(runs[0]["finished_at"]) <= began(runs[1])
    assert began(runs[2]) < datetime.fromisoformat(runs[0]["finished_at"])
    for account, audiences in ((1, (first, second)), (2, (other,))):
        assert system.sandbox.peak_connections(account) == MOST_CONNECTIONS
        assert [system.sandbox.extra_writes(each, account) for each in audiences] == (
            [0] * len(audiences)
        )
    assert all(working_slices(host) >= 1 for host in hosts)
