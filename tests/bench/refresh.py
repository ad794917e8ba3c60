"""Refresh EXPORTS small exports at once, beside one export of all their profiles, and count what it takes."""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from shared.domain.run import Run, RunStatus
from tests.bench.results import Results, Row
from tests.runs.many_small import ManySmall
from tests.runs.world import World

_SECONDS_OF_A_CALL = 2.0  # of the vendor, on the clock of the world


@dataclass(frozen=True)
class Took:
    """What a refresh took."""

    exports: int
    accounts: int
    lost: int  # exports without a successful run
    doubled: int  # runs beyond one for each export, and profiles that were sent more than once
    cpu_seconds: float
    seconds: float  # of the world's clock, from the first run's beginning to the last one's end
    executions: int
    operations: Counter[str]  # by port

    def of_a_run(self, port: str | None = None) -> float:
        """Return the storage operations of one run, of all ports or of one."""
        count = self.operations[port] if port else self.operations.total()
        return count / self.exports


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--exports", type=int, default=1_000, help="exports in one refresh")
    parser.add_argument("--profiles", type=int, default=100, help="profiles of each")
    parser.add_argument("--accounts", type=int, default=16, help="accounts that they send to")


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    many = asyncio.run(measure(options.exports, options.profiles, options.accounts))
    one = asyncio.run(measure(1, options.exports * options.profiles, 1))
    console = Console(width=110)
    console.print(_table(options, many, one))
    console.print(_operations(many, one))
    console.print(
        f"Storage is in memory, and each call to the destination takes {_SECONDS_OF_A_CALL:.0f} s of a "
        "clock that jumps. lost: exports without a successful run. doubled: runs beyond one for each "
        "export, and profiles sent more than once. executions: of the slices function. processor: of "
        "this machine, engine and stand-ins together."
    )
    return Results(rows=[_figures(many)], reference=[_figures(one)])


def _figures(took: Took) -> Row:
    return {
        "exports": took.exports,
        "accounts": took.accounts,
        "lost": took.lost,
        "doubled": took.doubled,
        "cpu_seconds": took.cpu_seconds,
        "run_seconds": took.seconds,
        "executions": took.executions,
        "operations_per_run": took.of_a_run(),
        "operations_per_run_by_port": {
            port: round(took.of_a_run(port), 4) for port, _ in took.operations.most_common()
        },
    }


async def measure(exports: int, profiles: int, accounts: int) -> Took:
    """Refresh so many exports once."""
    many = ManySmall(World(), exports, profiles)
    many.world.mailchimp.seconds = _SECONDS_OF_A_CALL
    await many.set_up(accounts)
    began = time.process_time()
    await many.refresh()
    cpu = time.process_time() - began
    runs = await many.runs()
    first = min(each.created_at for each in runs)
    last = max(each.finished_at or each.created_at for each in runs)
    lost, doubled = lost_and_doubled(runs, many)
    return Took(
        exports=exports,
        accounts=accounts,
        lost=lost,
        doubled=doubled,
        cpu_seconds=cpu,
        seconds=(last - first) / timedelta(seconds=1),
        executions=many.executions,
        operations=many.by_port(),
    )


def lost_and_doubled(runs: Sequence[Run], many: ManySmall) -> tuple[int, int]:
    """Return how many exports have no successful run, and how much was run or sent once more."""
    good = {each.export_id for each in runs if each.status is RunStatus.SUCCESSFUL}
    begun = {each.export_id for each in runs}
    again = sum(times - 1 for times in many.world.mailchimp.received.values())
    return many.exports - len(good), len(runs) - len(begun) + again


def _table(options: argparse.Namespace, many: Took, one: Took) -> Table:
    title = f"{options.exports * options.profiles:,} profiles in one refresh"
    table = Table(title=title, title_justify="left")
    for name in ("exports", "accounts", "lost", "doubled", "processor", "run", "executions"):
        table.add_column(name, justify="right")
    for took in (many, one):
        table.add_row(
            f"{took.exports:,}",
            str(took.accounts),
            str(took.lost),
            str(took.doubled),
            f"{took.cpu_seconds:.1f} s",
            f"{took.seconds:,.0f} s",
            f"{took.executions:,}",
        )
    return table


def _operations(many: Took, one: Took) -> Table:
    table = Table(title="Storage operations of a run", title_justify="left")
    table.add_column("")
    for took in (many, one):
        table.add_column(f"of {took.exports:,}", justify="right")
    for port, _ in many.operations.most_common():
        table.add_row(
            port.replace("_", " "), f"{many.of_a_run(port):.2f}", f"{one.of_a_run(port):,.0f}"
        )
    table.add_section()
    table.add_row("all", f"{many.of_a_run():.1f}", f"{one.of_a_run():,.0f}")
    return table
