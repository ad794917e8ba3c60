"""What reporting a run costs: the processor's time of the same run without telemetry and with it.

Engine and sandbox share a process. What would be sent is made ready, and then thrown away.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from typing import Any

from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
from azure.monitor.opentelemetry.exporter.export._base import ExportResult
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.bench.results import Results
from tests.contract.destinations.sides import SIDES
from tests.contract.destinations.speed import measure

_NOWHERE = "InstrumentationKey=00000000-0000-4000-8000-000000000000"


class _ThrowAway(AzureMonitorTraceExporter):
    """Does all that sending takes but sending."""

    def _transmit(self, envelopes: list[Any], _skip_rate_limit: bool = False) -> ExportResult:
        json.dumps([each.as_dict() for each in envelopes])
        return ExportResult.SUCCESS


def _run(reporting: bool, rows: int) -> float:
    """Return the processor seconds of a run to Mailchimp, after a small one that loads everything."""
    tracers = TracerProvider()
    if reporting:
        exporter = _ThrowAway(connection_string=_NOWHERE, disable_offline_storage=True)
        tracers.add_span_processor(BatchSpanProcessor(exporter))
        trace.set_tracer_provider(tracers)
        metrics.set_meter_provider(MeterProvider())
    asyncio.run(measure(SIDES["Mailchimp"](), 100))
    tracers.force_flush()
    began = time.process_time()
    asyncio.run(measure(SIDES["Mailchimp"](), rows))
    tracers.force_flush()
    return time.process_time() - began


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=100_000, help="profiles of the run")
    parser.add_argument("--times", type=int, default=3, help="of each, whose least counts")


def run(options: argparse.Namespace) -> Results:
    """Measure each in processes of their own, and print both."""
    without, with_it = (_least(how, options) for how in ("without", "with"))
    for how, took in (("without", without), ("with", with_it)):
        print(f"{options.rows:,} rows {how} telemetry: {took:.2f} s of the processor")
    return Results(
        rows=[{"telemetry": True, "cpu_seconds": with_it, "times_without": with_it / without}],
        reference=[{"telemetry": False, "cpu_seconds": without}],
    )


def _least(how: str, options: argparse.Namespace) -> float:
    command = [sys.executable, "-m", "tests.bench.telemetry", how, str(options.rows)]
    answers = (
        subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ourselves
        for _ in range(options.times)
    )
    return min(float(answer.stdout) for answer in answers)


if __name__ == "__main__":  # in a process of its own
    print(_run(sys.argv[1] == "with", int(sys.argv[2])))
