"""A million profiles, as fast as the vendor allows, with no request too many and no waiting paid for.

The clock is the sandbox's, and it jumps when nobody can run: the figures are what the limits cost, and
they are the same on every machine. `make bench` prints them.
"""

import pytest

from shared.domain.run import RunStatus
from tests.contract.destinations.side import Side
from tests.contract.destinations.speed import CHANGED, measure, measure_again

ROWS = 1_000_000
FEWER_ROWS = 300_000


@pytest.mark.rule("speed-near-limits")
async def test_a_million_profiles_take_little_longer_than_the_limits_demand(side: Side) -> None:
    speed = await measure(side, ROWS)
    assert speed.status is RunStatus.SUCCESSFUL
    assert speed.accepted == ROWS
    assert speed.refusals == 0
    assert speed.over_floor <= 1.10
    assert speed.over_flow <= 1.25


@pytest.mark.rule("second-run-quick")
async def test_a_second_run_sends_what_changed_in_less_than_a_tenth_of_the_time(side: Side) -> None:
    first, second = await measure_again(side, FEWER_ROWS)
    changed = FEWER_ROWS // CHANGED
    assert (first.sent, first.unchanged) == (FEWER_ROWS, 0)
    assert (second.sent, second.unchanged) == (changed, FEWER_ROWS - changed)
    assert second.elapsed_seconds < first.elapsed_seconds / 10
