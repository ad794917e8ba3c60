"""Send ROWS profiles, change 1 % of them, send again: what the second run sends and takes beside the first.

The clock is the sandbox's at the published limits, and it jumps whenever nothing is left to compute. Then
the same at Mailchimp's sandbox in a process of its own and with a file on the disk (engine.py), which tells
what the second run costs the functions host alone.
"""

import argparse
import asyncio
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import formats
from tests.bench.profiles import write_segment
from tests.bench.results import Results
from tests.contract.destinations.sides import SIDES
from tests.contract.destinations.speed import CHANGED, Sent, measure_again


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="profiles of the segment")
    parser.add_argument("--destination", choices=SIDES, default="Mailchimp", help="to where")
    parser.add_argument(
        "--times", type=int, default=1, help="measure the host so often, for medians"
    )


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    first, second = asyncio.run(measure_again(SIDES[options.destination](), options.rows))
    table = Table(
        title=f"{options.rows:,} profiles to {options.destination}, 1 in {CHANGED} changed"
    )
    for column in ("run", "sent", "unchanged", "requests", "elapsed", "processor"):
        table.add_column(column, justify="left" if column == "run" else "right")
    for name, sent in (("first", first), ("second", second)):
        table.add_row(name, *_cells(sent))
    elapsed = second.elapsed_seconds / first.elapsed_seconds
    cpu = second.cpu_seconds / first.cpu_seconds
    table.add_section()
    sent_share = second.sent / first.sent
    table.add_row("ratio", f"{sent_share:.3f}", "", "", f"{elapsed:.3f}", f"{cpu:.2f}")
    console = Console(width=110)
    console.print(table)
    console.print(
        "elapsed: on the clock of the sandbox (goal of the ratio: below 0.100). "
        "processor: of this machine, engine and sandbox together."
    )
    host = _of_the_host(options.rows, options.times)
    console.print(
        f"The functions host alone, medians of {options.times}: the first run {host[0]:.2f} s, "
        f"the second {host[1]:.2f} s (goal for a million profiles: at most 3.2 s)."
    )
    ratios = {"sent_ratio": sent_share, "elapsed_ratio": elapsed, "cpu_ratio": cpu}
    return Results(
        rows=[{"run": "second", **asdict(second), **ratios, "host_cpu_seconds": host[1]}],
        reference=[{"run": "first", **asdict(first), "host_cpu_seconds": host[0]}],
    )


def _of_the_host(rows: int, times: int) -> tuple[float, float]:
    """Return the CPU seconds of the first and of the second run, sandbox and storage aside."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, changed = folder / "1.csv", folder / "2.csv"
        write_segment(file, rows)
        write_segment(changed, rows, CHANGED)
        taken = [
            (
                formats.alone(folder, file)[0],
                formats.alone(folder, file, "--changed", str(changed))[0],
            )
            for _ in range(times)
        ]
    first, second = zip(*taken, strict=True)
    return statistics.median(first), statistics.median(second)


def _cells(sent: Sent) -> list[str]:
    return [
        f"{sent.sent:,}",
        f"{sent.unchanged:,}",
        f"{sent.requests:,}",
        f"{sent.elapsed_seconds:,.0f} s",
        f"{sent.cpu_seconds:.1f} s",
    ]
