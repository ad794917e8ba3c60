"""What is delivered or due more than once makes one run."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from azure.storage.blob import BlobClient

from local.host.config import SYSTEM_KEY
from local.processes import Process
from tests.e2e.polling import until
from tests.e2e.system import System, counts, planned, run_ids, successes, tick

ROWS = 1_000


@pytest.fixture(scope="module")
def hosts(system: System) -> tuple[Process, Process]:
    """Two hosts that hear of files by Event Grid, as on Azure."""
    system.drop("Once", ROWS)
    first = system.start_host(SEGMENT_EVENTS="EventGrid")
    return first, system.start_host(SEGMENT_EVENTS="EventGrid")


def deliver_event(system: System, host: Process, path: str) -> None:
    """Tell a host that a file was created, as an Event Grid subscription does."""
    connection = system.stack.settings["DataStorage"]
    with BlobClient.from_connection_string(connection, "segments", path) as blob:
        etag = blob.get_blob_properties().etag
    event = {
        "id": "0d9a2e3c-0001-0000-0000-000000000000",
        "eventType": "Microsoft.Storage.BlobCreated",
        "subject": f"/blobServices/default/containers/segments/blobs/{path}",
        "eventTime": "2026-11-22T00:00:00Z",
        "data": {"eTag": etag, "blobType": "BlockBlob", "url": blob.url},
        "dataVersion": "",
    }
    hook = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.arrivals"
    httpx.post(
        hook,
        json=[event],
        headers={"aeg-event-type": "Notification", "x-functions-key": SYSTEM_KEY},
    ).raise_for_status()


def succeeded(hosts: tuple[Process, Process], function: str) -> list[int]:
    """Return how often a function has succeeded on each host."""
    return [successes(host, function) for host in hosts]


def test_the_same_event_three_times_makes_one_run(
    system: System, hosts: tuple[Process, Process]
) -> None:
    caller = system.caller()
    audience = system.sandbox.new_audience("Events")
    export = system.export(caller, audience, "Once", on_arrival=True)
    path = system.drop("Once", ROWS)
    before = sum(succeeded(hosts, "arrivals"))

    with ThreadPoolExecutor() as threads:
        told = (hosts[0], hosts[1], hosts[0])
        list(threads.map(lambda host: deliver_event(system, host, path), told))
    until(lambda: sum(succeeded(hosts, "arrivals")) == before + 3, "the third event's end")

    (run_id,) = run_ids(caller, export)
    assert counts(caller.finished_run(run_id)) == planned(ROWS)
    assert system.sandbox.extra_writes(audience) == 0


def test_two_timers_at_the_same_instant_make_one_run(
    system: System, hosts: tuple[Process, Process]
) -> None:
    caller = system.caller()
    audience = system.sandbox.new_audience("Timers")
    export = system.export(caller, audience, "Once", schedule={"follows": "system"})
    due = datetime.now(UTC) + timedelta(seconds=2)
    schedule = {"times": [f"{due:%H:%M:%S}"], "time_zone": "UTC"}
    caller.call("PUT", "/refresh-schedule", schedule)
    until(lambda: datetime.now(UTC) > due, "the instant of the schedule")
    before = succeeded(hosts, "refresh")

    with ThreadPoolExecutor() as threads:
        list(threads.map(tick, hosts))
    until(
        lambda: all(
            now > then for now, then in zip(succeeded(hosts, "refresh"), before, strict=True)
        ),
        "the end of both ticks",
    )
    caller.call("PUT", "/refresh-schedule", {"times": [], "time_zone": "UTC"})

    (run_id,) = run_ids(caller, export)
    run = caller.finished_run(run_id)
    assert run["trigger"] == "refresh"
    assert counts(run) == planned(ROWS)
    assert system.sandbox.extra_writes(audience) == 0
