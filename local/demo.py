"""Shows the product doing its whole job, on a stack of its own, with its figures."""

import csv
import io
import json
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from azure.storage.blob import BlobServiceClient
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from local import sample_data
from local.api_client import ApiClient, is_over
from local.processes import Process
from local.stack import Stack
from local.vendors import Vendor

_OUTCOMES = ("accepted", "unchanged", "duplicate", "invalid", "suppressed", "refused", "unknown")
_SEGMENT = "Customers"
_MIB = 1024 * 1024
_POLL_SECONDS = 1.0  # answering costs the functions host CPU time, which the demo measures


@dataclass(frozen=True)
class Usage:
    """What the functions host has used so far."""

    cpu_seconds: float
    peak_bytes: int


def demo(
    vendor: Vendor, *, rows: int, clock_speed: float | None, report: Path | None, state: Path
) -> int:
    """Show one export from nothing to its third run; return 0 if every figure is as planned."""
    console = Console()
    fresh = state / "demo"
    shutil.rmtree(fresh, ignore_errors=True)
    speed = ["--clock-speed", str(clock_speed or vendor.clock_speed)]
    with Stack(fresh, sandboxes={vendor.name: speed}) as stack:
        console.print("[bold]Segment Exports[/bold]: the local stack is up.")
        host = stack.start_host()
        with ApiClient(stack.urls["api"], stack.token("administrator")) as client:
            figures = _show(console, stack, host, client, vendor, rows)
    if report is not None:
        report.write_text(json.dumps(figures, indent=2) + "\n")
    return _verdict(console, figures)


def _show(
    console: Console, stack: Stack, host: Process, client: ApiClient, vendor: Vendor, rows: int
) -> dict[str, Any]:
    _drop(stack, "earlier.csv", sample_data.segment_file(10))
    connection = vendor.connect(client, vendor)
    console.print(f"Connected {vendor.title} {vendor.entered_by}.")
    export = client.export("Newsletter", connection, _SEGMENT)
    console.print("Created an export of the segment Customers. Saving it ran nothing.\n")

    before = _usage(host)
    began = time.monotonic()
    _drop(stack, f"{rows}-rows.csv", sample_data.segment_file(rows, vendor.turned_away))
    dropped = time.monotonic()
    console.print(f"Dropped a file of {rows:,} profiles into the container [bold]segments[/bold].")
    first = _watch(client, client.newest_run(export, "arrival"), "A file landed")
    seconds = time.monotonic() - dropped
    after = _usage(host)

    again = str(client.call("POST", f"/exports/{export}/run")["id"])
    second = _watch(client, again, "On demand")
    due = _refresh_in_a_minute(client)
    console.print(f"The refresh schedule is set to {due:%H:%M} UTC; waiting for the timer.")
    third = _watch(client, client.newest_run(export, "refresh"), "By refresh")

    rejects = client.rejects(first["id"])
    runs = {"arrival": first, "on_demand": second, "refresh": third}
    console.print(_outcomes(runs))
    figures = {
        "destination": vendor.name,
        "rows": rows,
        "planned": sample_data.plan(rows, vendor.turned_away)._asdict(),
        "runs": {name: _figures(run) for name, run in runs.items()},
        "upload_seconds": round(dropped - began, 2),
        "seconds": round(seconds, 2),
        "engine_cpu_seconds": round(after.cpu_seconds - before.cpu_seconds, 2),
        "peak_memory_mib": round(_usage(host).peak_bytes / _MIB, 1),
        "sandbox": vendor.statistics(stack.urls[vendor.name]),
        "rejects": {"run": first["id"], "path": f"/api/v1/runs/{first['id']}/rejects.csv"},
    }
    _summarize(console, vendor, figures, rejects)
    return figures


def _drop(stack: Stack, name: str, pieces: Iterable[bytes]) -> None:
    with BlobServiceClient.from_connection_string(stack.settings["DataStorage"]) as service:
        container = service.get_container_client("segments")
        container.upload_blob(f"{_SEGMENT}/{name}", iter(pieces), overwrite=True)


def _watch(client: ApiClient, run_id: str, title: str) -> dict[str, Any]:
    """Show a run's progress until it is over, and return it."""
    text = TextColumn("{task.fields[status]:<40}")
    with Progress(TextColumn(f"{title:<14}"), BarColumn(), text, TimeElapsedColumn()) as bar:
        task = bar.add_task(title, total=None, status="")
        while True:
            run = client.run(run_id)
            so_far = run["progress"]
            total = so_far["profiles"] if so_far["percent"] is not None else None
            done = total * so_far["percent"] / 100 if total is not None else 0
            bar.update(task, total=total or None, completed=done, status=_status(run))
            if is_over(run):
                bar.update(task, total=1, completed=1)
                return run
            time.sleep(_POLL_SECONDS)


def _status(run: dict[str, Any]) -> str:
    so_far = run["progress"]
    if so_far["percent"] is None:
        return f"{run['status']}: {so_far['rows_read']:,} rows read"
    return f"{run['status']}: {so_far['counts']['accepted']:,} accepted"


def _refresh_in_a_minute(client: ApiClient) -> datetime:
    """Set the refresh schedule to the next full minute that the timer has not passed yet."""
    due = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if due - datetime.now(UTC) < timedelta(seconds=3):
        due += timedelta(minutes=1)
    client.call("PUT", "/refresh-schedule", {"times": [f"{due:%H:%M}"], "time_zone": "UTC"})
    return due


def _usage(host: Process) -> Usage:
    process = psutil.Process(host.pid)
    cpu = process.cpu_times()
    return Usage(cpu.user + cpu.system, _peak_bytes(process))


def _peak_bytes(process: psutil.Process) -> int:
    """Return the most memory that the process ever held, or where the system does not say, holds."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return int(process.memory_info().rss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _figures(run: dict[str, Any]) -> dict[str, Any]:
    so_far = run["progress"]
    return {
        "status": run["status"],
        "rows_read": so_far["rows_read"],
        **so_far["counts"],
        "requests": so_far["requests"],
        "seconds_of_execution": round(so_far["seconds"], 2),
    }


def _outcomes(runs: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="What became of each row", title_justify="left")
    table.add_column("")
    for name in runs:
        table.add_column(name.replace("_", " "), justify="right")
    progress = [run["progress"] for run in runs.values()]
    table.add_row("rows read", *(f"{each['rows_read']:,}" for each in progress), end_section=True)
    for outcome in _OUTCOMES:
        table.add_row(outcome, *(f"{each['counts'][outcome]:,}" for each in progress))
    table.add_section()
    table.add_row("requests", *(f"{each['requests']:,}" for each in progress))
    table.add_row("status", *(run["status"] for run in runs.values()))
    return table


def _summarize(console: Console, vendor: Vendor, figures: dict[str, Any], rejects: str) -> None:
    write, sandbox = vendor.writes.removesuffix("s").replace("_", " "), figures["sandbox"]
    rate = figures["rows"] / figures["seconds"]
    console.print(
        f"First run      {figures['seconds']:.1f} s from the file to the end ({rate:,.0f} rows/s)\n"
        f"Engine CPU     {figures['engine_cpu_seconds']:.1f} s of the functions host\n"
        f"Peak memory    {figures['peak_memory_mib']:.0f} MiB of the functions host\n"
        f"{'At ' + vendor.title:<14} {sandbox['writes']:,} {write}{'s' * (sandbox['writes'] != 1)} "
        f"in all, at most "
        f"{sandbox['peak_connections']} at once\n"
        f"Rejects        GET {figures['rejects']['path']}",
        highlight=False,
        soft_wrap=True,
    )
    lines = list(csv.reader(io.StringIO(rejects)))
    for line in [lines[0], *lines[1 :: max(1, len(lines) // 5)]]:
        shown = line[:-1]  # without the file: the segment is only one
        console.print("  " + ", ".join(shown), highlight=False, markup=False, soft_wrap=True)


def _verdict(console: Console, figures: dict[str, Any]) -> int:
    """Return 0 if each row of the first run had its planned outcome, the second one lost none, and the
    refresh found nothing new.
    """
    first, refresh = figures["runs"]["arrival"], figures["runs"]["refresh"]
    wrong = [name for name, count in figures["planned"].items() if first[name] != count]
    wrong += [
        f"the sum of {name}"
        for name, run in figures["runs"].items()
        if run is not refresh
        if sum(run[outcome] for outcome in _OUTCOMES) != run["rows_read"]
        or run["rows_read"] != figures["rows"]
    ]
    if refresh["status"] != "skipped":
        wrong.append("the refresh")
    if wrong:
        console.print(f"[red]Not as planned: {', '.join(wrong)}.[/red]")
        return 1
    console.print("[green]Every row had the outcome that was planned for it.[/green]")
    return 0
