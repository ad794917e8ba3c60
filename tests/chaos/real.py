"""Chaos over the real local stack: `python -m tests.chaos.real --seconds 60 --seed 1`.

One seed after the other: a stack, a plan, trouble, rest, proof. A seed gives the same plan each time,
and not the same course: processes, sockets and the machine's load decide what each blow meets.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.real_journal import Journal
from tests.chaos.real_opening import Opening
from tests.chaos.real_plan import draw
from tests.chaos.real_proof import broken
from tests.chaos.real_rest import Rest
from tests.chaos.real_trouble import Trouble
from tests.chaos.real_world import World

SPAN = 25.0  # seconds of trouble for one seed


class Broken(AssertionError):
    """Something that must always be true is not; the message tells all there is to know."""


def endure(seed: int, folder: Path, span: float = SPAN) -> Journal:
    """Live through the chaos of a seed in a new folder, and return what happened; raise Broken."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    world, journal = World(folder), Journal()
    try:
        world.begin(dice)
        plan = draw(dice, span, len(world.exports), len(world.segments))
        journal.began = time.monotonic()
        Opening(world, dice, journal).play()
        journal.note("now the trouble begins")
        journal.began = time.monotonic()
        Trouble(world, dice, journal).reign(plan, seed)
        journal.note("the trouble is over")
        rest = Rest(world, journal)
        rest.come()
        journal.note("every run is over; now the last refresh")
        rest.refresh()
        journal.note("all is at rest")
        _require_nothing(broken(world, journal))
    except Exception as error:
        raise Broken(_told(seed, folder, span, journal, error)) from error
    finally:
        world.close()
    return journal


def _require_nothing(found: list[str]) -> None:
    if found:
        raise AssertionError("\n".join(["", *found]))


def _told(seed: int, folder: Path, span: float, journal: Journal, error: Exception) -> str:
    return "\n".join(
        (
            f"Seed {seed}: {type(error).__name__}: {error}",
            "What happened, by seconds since the beginning:",
            *journal.lines,
            f"Logs and storage: {folder}",
            "To bring the same plan on again (real processes never meet it in quite the same way):",
            f"  .venv/bin/python -m tests.chaos.real --seed {seed} --span {span:g} --seconds 1",
        )
    )


def main() -> None:
    """Take seed after seed until the time is up; keep the folder of one that breaks something."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.real")
    parser.add_argument("--seconds", type=float, default=60, help="until no new seed is begun")
    parser.add_argument("--seed", type=int, help="the first one; any if not given")
    parser.add_argument("--span", type=float, default=SPAN, help="seconds of trouble of each seed")
    parser.add_argument("--journal", action="store_true", help="tell what happened in any case")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)  # noqa: S311
    ends = time.monotonic() + options.seconds
    while True:
        folder, began = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-")), time.monotonic()
        try:
            journal = endure(seed, folder, options.span)
        except Broken as error:
            print(error, file=sys.stderr)
            sys.exit(1)
        shutil.rmtree(folder)
        if options.journal:
            print("\n".join(journal.lines))
        print(f"Seed {seed} was endured in {time.monotonic() - began:.0f} s.", flush=True)
        if time.monotonic() >= ends:
            return
        seed += 1


if __name__ == "__main__":
    main()
