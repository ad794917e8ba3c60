"""What the Functions host finds when it loads the app."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from annotated_types import Le
from azurefunctions.extensions.bindings.blob import BlobClient

from functions import arrivals
from shared.settings import Settings

ROOT = Path(__file__).parents[2]

# An app can be asked for its functions once, and blueprints are shared by a process: so a process of
# its own loads the app, as the host does, and prints what it found.
INDEX = """
import json
from function_app import app
print(json.dumps({
    function.get_function_name(): json.loads(function.get_function_json())["bindings"]
    for function in app.get_functions()
}))
"""


def index(**environ: str) -> dict[str, Any]:
    """Return the bindings of every function by its name."""
    given = {name: value for name, value in os.environ.items() if name != "SEGMENT_EVENTS"}
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", INDEX],
        cwd=ROOT,
        env=given | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    return index()


def binding(functions: dict[str, Any], name: str, kind: str) -> dict[str, Any]:
    [found] = [each for each in functions[name] if each["type"] == kind]
    return dict(found)


def test_there_are_four_triggers_and_the_poison_queue(functions: dict[str, Any]) -> None:
    assert set(functions) == {"arrivals", "http", "refresh", "slices", "slices_poison"}


@pytest.mark.parametrize(
    ("name", "queue"), [("slices", "slices"), ("slices_poison", "slices-poison")]
)
def test_a_queue_has_its_function(functions: dict[str, Any], name: str, queue: str) -> None:
    trigger = binding(functions, name, "queueTrigger")
    assert (trigger["queueName"], trigger["connection"]) == (queue, "DataStorage")


def test_the_timer_ticks_every_minute(functions: dict[str, Any]) -> None:
    assert binding(functions, "refresh", "timerTrigger")["schedule"] == "0 * * * * *"


def test_a_file_of_a_segment_triggers_by_its_event(functions: dict[str, Any]) -> None:
    trigger = binding(functions, "arrivals", "blobTrigger")
    assert trigger["path"] == "segments/{name}"
    assert trigger["connection"] == "DataStorage"
    assert trigger["source"] == "EventGrid"


def test_where_there_is_no_event_grid_the_container_is_polled() -> None:
    polled = index(SEGMENT_EVENTS="LogsAndContainerScan")
    assert binding(polled, "arrivals", "blobTrigger")["source"] == "LogsAndContainerScan"


def test_the_file_is_named_to_us_and_not_read_into_memory_by_the_host() -> None:
    [function] = [builder.build() for builder in arrivals.blueprint._function_builders]
    assert function.get_user_function().__annotations__["client"] is BlobClient


def test_http_takes_every_path(functions: dict[str, Any]) -> None:
    trigger = binding(functions, "http", "httpTrigger")
    assert trigger["route"] == "{*route}"
    assert trigger["authLevel"].lower() == "anonymous"


def test_the_host_adds_nothing_to_a_path_and_gives_a_message_up_after_five_tries() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    assert host["extensions"]["http"]["routePrefix"] == ""
    queues = host["extensions"]["queues"]
    assert queues["maxDequeueCount"] == 5


def test_one_long_slice_keeps_no_other_from_being_fetched() -> None:
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert queues["newBatchThreshold"] >= queues["batchSize"] - 1
    assert queues["newBatchThreshold"] + queues["batchSize"] == 4  # slices of one instance at once


def test_no_slice_comes_near_the_time_after_which_the_host_takes_its_neighbours_along() -> None:
    host = json.loads((ROOT / "host.json").read_text())
    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    longest = next(
        rule.le for rule in Settings.model_fields["slice_seconds"].metadata if isinstance(rule, Le)
    )
    assert isinstance(longest, int)
    tries = 3 * 125 + 60  # of the last answer that it waits for
    assert hours * 3600 + minutes * 60 + seconds > longest + tries
    set_by_infra = json.loads((ROOT / "infra/settings.json").read_text())["SLICE_SECONDS"]
    assert float(set_by_infra) <= longest
