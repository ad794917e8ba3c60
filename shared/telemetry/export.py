"""Where telemetry goes: Application Insights, if its connection string is set; else nowhere.

The Functions worker could set this up by itself, but then with every instrumentation that is installed,
and those write addresses of requests: callbacks of sign-ins, names of blobs, of secrets. Here none is on.
"""

import asyncio
import logging
import os
from concurrent.futures import ThreadPoolExecutor

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.metrics import get_meter_provider

log = logging.getLogger(__name__)

_SETTING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
_INSTRUMENTATIONS = (
    "azure_sdk",
    "django",
    "fastapi",
    "flask",
    "httpx",
    "httpx2",
    "psycopg2",
    "requests",
    "urllib",
    "urllib3",
)
_SECONDS = 5  # for a batch to be taken, and for all to be sent before an execution ends
# Of its own: asyncio's threads look up the addresses of hosts, too, and must not wait for this.
_sender = ThreadPoolExecutor(1, "telemetry")


def start() -> None:
    """Send what this process reports from now on, if the setting says where."""
    if not os.environ.get(_SETTING):
        return
    # What the exporter would tell Microsoft of itself, and the settings it would fetch for itself.
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
    os.environ.setdefault("APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED", "true")
    # Costs as much to import as half of the app, and most processes outside Azure never need it.
    from azure.monitor.opentelemetry import configure_azure_monitor

    configure_azure_monitor(
        # Only what the app itself writes. Of a batch that is not taken the exporter writes a line, which
        # would be one more to send; and lines of libraries may hold addresses.
        logger_name="shared",
        instrumentation_options={name: {"enabled": False} for name in _INSTRUMENTATIONS},
        sampling_ratio=1.0,  # a run's trace is whole, or it explains nothing
        enable_live_metrics=False,
        enable_performance_counters=False,
        retry_total=0,  # what was not taken lies on disk and goes with the next batch
        read_timeout=_SECONDS,
        timeout=_SECONDS,
    )


async def flush() -> None:
    """Send what was reported so far, because an instance may be stopped once an execution has ended.

    It takes five seconds at most and never fails.
    """
    try:
        async with asyncio.timeout(_SECONDS):
            await asyncio.get_running_loop().run_in_executor(_sender, _send)
    except Exception as error:  # whatever it is, the work was done
        log.warning("telemetry was not sent: %s", type(error).__name__)


def _send() -> None:
    for provider in (trace.get_tracer_provider(), get_meter_provider(), get_logger_provider()):
        if flush := getattr(provider, "force_flush", None):  # those of the API have none
            flush()
