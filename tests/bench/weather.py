"""Send ROWS profiles before, with and after a few stray 429s: what those cost, beside the clean run before.

A stray 429 says nothing of when to come back, and the limits are as ever. The clock is the sandbox's, and
jumps whenever nothing is left to compute; the runs follow on each other without a pause.
"""

import argparse
import asyncio
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from local.sandbox.kit.faults import Fault
from shared.domain.run import Mode, RunStatus
from tests.bench.results import Results, Row
from tests.contract.destinations.side import Side
from tests.contract.destinations.sides import ActiveCampaignSide, MailchimpSide
from tests.contract.destinations.world import World, csv

_LATENCY = 0.2  # seconds that a call takes
_SHARE = 0.2  # of the requests is refused, until enough were
_RUNS = ("clean before", "with the refusals", "clean after")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be chosen."""
    parser.add_argument("--rows", type=int, default=20_000, help="profiles of each run")
    parser.add_argument("--refusals", type=int, default=5, help="stray 429s of the second run")


def run(options: argparse.Namespace) -> Results:
    """Measure and print."""
    table = Table(title=f"Runs of {options.rows:,} profiles around {options.refusals} stray 429s")
    for column in ("destination", "run", "elapsed", "÷ before"):
        table.add_column(column, justify="left" if column in ("destination", "run") else "right")
    rows: list[Row] = []
    before: list[Row] = []
    for name, side in _sides().items():
        elapsed = asyncio.run(_elapsed(side, options.rows, options.refusals))
        before.append({"destination": name, "run": _RUNS[0], "elapsed_seconds": elapsed[0]})
        for each, seconds in zip(_RUNS, elapsed, strict=True):
            times = seconds / elapsed[0]
            table.add_row(name, each, f"{seconds:.1f} s", f"{times:.2f}")
            if each != _RUNS[0]:
                row = {"destination": name, "run": each, "elapsed_seconds": seconds}
                rows.append(row | {"times_before": times})
        table.add_section()
    Console(width=110).print(table)
    return Results(rows=rows, reference=before)


def _sides() -> dict[str, Side]:
    mailchimp, activecampaign = MailchimpSide(), ActiveCampaignSide()
    mailchimp.sandbox.latency = activecampaign.sandbox.latency = _LATENCY
    return {"Mailchimp": mailchimp, "ActiveCampaign": activecampaign}


async def _elapsed(side: Side, rows: int, refusals: int) -> list[float]:
    """Return the seconds of a clean run, of one that is refused something, and of another clean one."""
    world = World(side, recording=False)
    await world.connect()
    await world.export()
    await world.drop(csv(rows))
    seconds = [await _seconds(world)]
    stray = Fault(
        kind="429", method="POST", path=f"*{side.write_path}", count=refusals, rate=_SHARE, seed=5
    )
    side.faults.queued.append(stray)
    seconds.append(await _seconds(world))
    assert stray.spent, f"{stray.fired} of {refusals} requests were refused: there were too few"
    return [*seconds, await _seconds(world)]


async def _seconds(world: World) -> float:
    """Send everything, and return how long that took."""
    run = await world.run(Mode.EVERYTHING)
    assert run.status is RunStatus.SUCCESSFUL, run.timeline
    assert run.finished_at is not None
    return (run.finished_at - run.created_at) / timedelta(seconds=1)
