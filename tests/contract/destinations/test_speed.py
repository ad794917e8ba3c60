"""A million profiles, as fast as the vendor allows, with no request too many and no waiting paid for.

The clock is the sandbox's, and it jumps when nobody can run: the figures are what the limits cost, and
they are the same on every machine. `make bench` prints them.
"""

from datetime import timedelta

from shared.domain.run import Run, RunStatus
from tests.contract.destinations.side import Side
from tests.contract.destinations.speed import measure
from tests.contract.destinations.world import World, csv

ROWS = 1_000_000
FEWER_ROWS = 300_000


def took(run: Run) -> timedelta:
    """Return the time from a run's beginning to its end."""
    assert run.finished_at
    return run.finished_at - run.created_at


async def test_a_million_profiles_take_little_longer_than_the_limits_demand(side: Side) -> None:
    speed = await measure(side, ROWS)
    assert speed.status is RunStatus.SUCCESSFUL
    assert speed.accepted == ROWS
    assert speed.refusals == 0
    assert speed.over_floor <= 1.10
    assert speed.over_flow <= 1.25


async def test_a_second_run_sends_what_changed_in_less_than_a_tenth_of_the_time(side: Side) -> None:
    world = World(side, recording=False)
    await world.connect()
    await world.export()
    lines = csv(FEWER_ROWS).split("\n")
    await world.drop("\n".join(lines))
    first = await world.run()
    for number in range(1, FEWER_ROWS, 100):
        lines[number] = lines[number].replace("First", "New")
    await world.drop("\n".join(lines))
    second = await world.run()
    counts = (await world.progress(second)).counts
    changed = FEWER_ROWS // 100
    assert (counts.accepted, counts.unchanged) == (changed, FEWER_ROWS - changed)
    assert took(second) < took(first) / 10
