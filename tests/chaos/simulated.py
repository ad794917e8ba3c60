"""Chaos on a clock that jumps: `python -m tests.chaos.simulated --seeds 1000`.

A simulation is one process over storage in memory and the vendors' sandboxes. Whatever happens in it is
drawn from its seed, so a failure is looked at again with `--first SEED --seeds 1 --verbose`.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.simulated_chaos import Chaos
from tests.chaos.simulated_defects import DEFECTS, Soundness
from tests.chaos.simulated_invariants import Invariants
from tests.chaos.simulated_plan import Plan, plan_of
from tests.chaos.simulated_world import SimulatedWorld
from tests.fakes.storage import number_etags_anew

SOUND = Soundness()
_SHOWN = 20  # of what is broken by one seed


@dataclass(frozen=True)
class Report:
    """What a simulation found: what is broken, in words, and which trouble it met how often."""

    plan: Plan
    broken: Sequence[str]
    met: Counter[str]
    log: Sequence[str]

    @property
    def command(self) -> str:
        """What shows it again."""
        return f"python -m tests.chaos.simulated --first {self.plan.seed} --seeds 1 --verbose"

    def __str__(self) -> str:
        broken = [f"  {each}" for each in self.broken[:_SHOWN]]
        return "\n".join([f"{self.command}: {len(self.broken)} broken", *broken])


def simulate(seed: int, defect: Soundness = SOUND) -> Report:
    """Run one simulation; the same seed gives the same one every time, of a product with this defect."""
    number_etags_anew()
    return asyncio.run(_simulated(seed, defect))


async def _simulated(seed: int, defect: Soundness) -> Report:
    world = SimulatedWorld(plan_of(seed), defect)
    chaos = Chaos(world)
    broken: list[str] = []
    try:
        await chaos.run()
        broken += await Invariants(chaos).broken_by_runs()
        await chaos.refresh_once_more()
        last = Invariants(chaos)
        broken += await last.broken_by_runs() + last.broken_by_lists()
        world.weather.met += last.repeats.counts
    except TimeoutError as error:
        broken.append(str(error))
    weather = world.weather
    weather.met["runs"] = len(await world.runs())
    weather.met["writes"] = len(world.book.writes)
    return Report(world.plan, list(dict.fromkeys(broken)), weather.met, chaos.triggers.log)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run simulations until there are enough or the time is up; return 1 if any found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulated", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none after that")
    parser.add_argument("--defect", choices=DEFECTS, help="break the product on purpose")
    parser.add_argument("--verbose", action="store_true", help="tell of the plan and what happened")
    given = parser.parse_args(arguments)
    until, met, failed, done = time.monotonic() + given.seconds, Counter[str](), 0, 0
    for seed in range(given.first, given.first + given.seeds):
        if time.monotonic() >= until:
            break
        report = simulate(seed, DEFECTS.get(given.defect, SOUND))
        done, met = done + 1, met + report.met
        if given.verbose:
            print(report.plan, *report.log, sep="\n")
        if report.broken:
            failed += 1
            print(report, flush=True)
    told = ", ".join(f"{count} {what}" for what, count in sorted(met.items()))
    print(f"{done} seeds, {failed} failed. Met: {told}")
    return 1 if failed else 0


if __name__ == "__main__":
    logging.disable()  # the app warns of whatever goes wrong, and that is most of what happens here
    sys.exit(main())
