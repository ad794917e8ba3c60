"""Send ROWS profiles to each destination's sandbox and print how close that comes to its limits."""

import argparse
import asyncio
import time

from rich.console import Console
from rich.table import Table

from tests.bench.results import Results, Row
from tests.contract.destinations.sides import SIDES
from tests.contract.destinations.speed import Speed, measure


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=1_000_000, help="profiles for each destination")
    parser.add_argument("--only", choices=SIDES, help="one destination")


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    rows: list[Row] = []
    limits: list[Row] = []
    table = Table(
        title=f"{options.rows:,} profiles on the clock of each sandbox, at the published limits"
    )
    for column in (
        "destination",
        "run",
        "÷ floor",
        "paid for",
        "÷ flow",
        "requests",
        "too many",
        "here",
    ):
        table.add_column(column, justify="left" if column == "destination" else "right")
    for name in [options.only] if options.only else SIDES:
        began = time.perf_counter()
        speed = asyncio.run(measure(SIDES[name](), options.rows))
        here = time.perf_counter() - began
        table.add_row(name, *_cells(speed), f"{here:.1f} s")
        rows.append({"destination": name, **_figures(speed), "here_seconds": here})
        floors = {"floor_seconds": speed.floor, "flow_seconds": speed.flow}
        limits.append({"destination": name, **floors})
    console = Console(width=110)
    console.print(table)
    console.print(
        "÷ floor: how many times what the limits demand for so many profiles (goal: 1.10). "
        "÷ flow: how many times what they demand for so many requests is paid for (goal: 1.25). "
        "too many: requests that were refused for exceeding a limit. "
        "here: seconds of this machine, engine and sandbox together."
    )
    return Results(rows=rows, reference=limits)


def _figures(speed: Speed) -> Row:
    return {
        "run_seconds": speed.seconds,
        "times_floor": speed.over_floor,
        "paid_for_seconds": speed.billed,
        "times_flow": speed.over_flow,
        "accepted": speed.accepted,
        "requests": speed.requests,
        "refused_as_too_many": speed.refusals,
    }


def _cells(speed: Speed) -> list[str]:
    return [
        f"{speed.seconds:,.0f} s",
        f"{speed.over_floor:.3f}",
        f"{speed.billed:,.0f} s",
        f"{speed.over_flow:.3f}",
        f"{speed.requests:,}",
        f"{speed.refusals:,}",
    ]
