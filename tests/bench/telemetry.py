"""What reporting a run costs: the processor's time of the same run without telemetry and with it.

Engine and sandbox share a process. What would be sent is made ready, and then thrown away.
"""

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

from tests.contract.destinations.sides import SIDES
from tests.contract.destinations.speed import measure

ROWS = 100_000
_NOWHERE = "InstrumentationKey=00000000-0000-4000-8000-000000000000"


class _ThrowAway(AzureMonitorTraceExporter):
    """Does all that sending takes but sending."""

    def _transmit(self, envelopes: list[Any], _skip_rate_limit: bool = False) -> ExportResult:
        json.dumps([each.as_dict() for each in envelopes])
        return ExportResult.SUCCESS


def _run(reporting: bool) -> float:
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
    asyncio.run(measure(SIDES["Mailchimp"](), ROWS))
    tracers.force_flush()
    return time.process_time() - began


def main() -> None:
    """Measure each in processes of their own, the least of three, and print both."""
    for how in ("without", "with"):
        command = [sys.executable, "-m", "tests.bench.telemetry", how]
        found = [
            float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - ourselves
            for _ in range(3)
        ]
        print(f"{ROWS:,} rows {how} telemetry: {min(found):.2f} s of the processor")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(_run(sys.argv[1] == "with"))
    else:
        main()
