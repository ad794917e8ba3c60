"""Telemetry is sent where the setting says, under the names that queries read, and never in the way."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.monitor.opentelemetry import _constants as distro

from shared.telemetry.export import _INSTRUMENTATIONS

ROOT = Path(__file__).parents[2]

# A process of its own, because one can be set up once only. It reports one of each kind, does what
# instrumentations would write down, and sends everything as an execution does before it ends.
REPORT = """
import asyncio, logging, sys, time, urllib.request

import httpx, requests
from azure.core.settings import settings

from shared.telemetry import export, logs, metrics
from shared.telemetry.spans import begin_run, call, span

logging.basicConfig(level=logging.INFO)
logs.configure()
export.start()
with span("arrivals"), logs.about_run("export.1"):
    begin_run(run_id="export.1", trigger="arrival", destination="acme")
    logs.event("run_ended", export_id="export", destination="acme", status="successful")
    with call("acme", "POST", httpx.URL("https://us1.acme.test/3.0/lists/1a2b?skip=1")):
        pass
    metrics.schedule_lag(0)
    metrics.slice_worked("acme", 1.5, {"accepted": 2})
    url = sys.argv[1] + "/secret-path?code=secret-code"
    httpx.get(url)
    requests.get(url)
    urllib.request.urlopen(url).close()
    assert settings.tracing_enabled() is False
began = time.monotonic()
asyncio.run(export.flush())
print(time.monotonic() - began)
"""


class Ingestion(BaseHTTPRequestHandler):
    """Takes what is posted as Application Insights does, and answers everything else with nothing."""

    taken: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Take a batch of envelopes."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        envelopes = json.loads(text)
        self.taken += envelopes
        answer = {"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []}
        self._answer(json.dumps(answer).encode())

    def do_GET(self) -> None:
        """Answer what the process under test asks for."""
        self._answer(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def ingestion() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve for the body, and give it the address and what was posted there."""
    taken: list[dict[str, Any]] = []
    handler = type("Taking", (Ingestion,), {"taken": taken})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", taken
        server.shutdown()


def report(code: str, *arguments: str, **environ: str) -> str:
    """Run the code in the product's folder and return what it printed."""
    given = {name: value for name, value in os.environ.items() if "INSIGHTS" not in name}
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=given | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return run.stdout


def connection(url: str) -> str:
    # What is not taken is kept on disk under this key, and would come with the next test's.
    return f"InstrumentationKey={uuid4()};IngestionEndpoint={url}/;LiveEndpoint={url}/"


@pytest.fixture(scope="module")
def sent() -> list[dict[str, Any]]:
    """The envelopes that one process has sent."""
    with ingestion() as (url, taken):
        report(REPORT, url, APPLICATIONINSIGHTS_CONNECTION_STRING=connection(url))
    return taken


def of_kind(sent: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each["data"]["baseData"] for each in sent if each["data"]["baseType"] == kind]


def test_an_event_arrives_with_the_properties_that_alerts_read(sent: list[dict[str, Any]]) -> None:
    [event] = [
        each["properties"]
        for each in of_kind(sent, "MessageData")
        if "event" in each.get("properties", {})
    ]
    assert event == {
        "event": "run_ended",
        "run_id": "export.1",
        "export_id": "export",
        "destination": "acme",
        "status": "successful",
        "logger_name": "shared.telemetry.logs",
    }


def test_a_metric_arrives_under_the_name_that_queries_read(sent: list[dict[str, Any]]) -> None:
    metrics = {
        each["metrics"][0]["name"]: (each["metrics"][0]["value"], each["properties"])
        for each in of_kind(sent, "MetricData")
        if each["metrics"][0]["name"].startswith("segment_exports.")
    }
    assert metrics == {
        "segment_exports.schedule.lag": (0, {}),
        "segment_exports.slice.seconds": (1.5, {"destination": "acme"}),
        "segment_exports.profiles": (2, {"destination": "acme", "outcome": "accepted"}),
        "segment_exports.requests": (1, {"destination": "acme", "verdict": "answered"}),
    }


def test_the_spans_of_a_run_arrive_in_one_trace_and_no_others(sent: list[dict[str, Any]]) -> None:
    spans = of_kind(sent, "RemoteDependencyData")
    assert sorted(each["name"] for each in spans) == ["POST /3.0/lists/{id}", "arrivals", "run"]
    [call] = [each for each in spans if each["type"] == "HTTP"]
    assert call["target"] == "us1.acme.test:443"
    assert call["data"] == "https://us1.acme.test/3.0/lists/{id}"
    traces = {
        each["tags"]["ai.operation.id"]
        for each in sent
        if each["data"]["baseType"] in ("RemoteDependencyData", "MessageData")
        and each["tags"].get("ai.operation.id")
    }
    assert len(traces) == 1


def test_no_address_that_was_called_is_in_it(sent: list[dict[str, Any]]) -> None:
    assert "secret-" not in json.dumps(sent)


def test_every_instrumentation_that_could_be_on_is_off() -> None:
    assert set(_INSTRUMENTATIONS) == set(distro._ALL_SUPPORTED_INSTRUMENTED_LIBRARIES)


def test_where_no_setting_says_where_nothing_is_loaded_that_could_send() -> None:
    code = """
import sys
from shared.telemetry import export
export.start()
print([name for name in sys.modules if name.startswith(("azure.monitor", "opentelemetry.sdk"))])
"""
    assert report(code) == "[]\n"


def test_what_cannot_be_sent_stops_nobody() -> None:
    with ingestion() as (url, taken):
        nobody = connection("http://127.0.0.1:9")
        took = float(report(REPORT, url, APPLICATIONINSIGHTS_CONNECTION_STRING=nobody))
    assert took < 10
    assert taken == []
