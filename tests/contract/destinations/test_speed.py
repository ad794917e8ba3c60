"""A million profiles, as fast as the vendor allows, with no request too many and no waiting paid for.

The clock is the sandbox's, and it jumps when nobody can run: the figures are what the limits cost, and
they are the same on every machine. `make bench` prints them.
"""

import asyncio

import pytest

from shared.domain.run import RunStatus
from shared.transport.day_budget import share_of
from tests.contract.destinations.side import Side, fault
from tests.contract.destinations.sides import ActiveCampaignSide
from tests.contract.destinations.speed import (
    CHANGED,
    PROFILES,
    in_small_batches,
    measure,
    measure_again,
    speed_of,
)
from tests.contract.destinations.world import World

BATCHES = 1_500  # of a long run, of at least a request each
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


@pytest.mark.rule("limit-lowered")
async def test_a_limit_that_was_lowered_refuses_few_requests(side: Side) -> None:
    world = await in_small_batches(side, BATCHES)
    side.lower_limit()
    await _refuses_few(world)


@pytest.mark.parametrize("retry_after", [None, 1, 30])
async def test_a_limit_of_all_requests_that_was_lowered_refuses_few(
    retry_after: int | None,
) -> None:
    side = ActiveCampaignSide()
    world = await in_small_batches(side, BATCHES)
    side.account.settings.requests_per_second = 3
    side.account.settings.retry_after = retry_after
    await _refuses_few(world)


async def _refuses_few(world: World) -> None:
    speed = await speed_of(world, BATCHES * PROFILES)
    assert speed.status is RunStatus.SUCCESSFUL
    assert speed.accepted == BATCHES * PROFILES
    assert speed.requests >= BATCHES
    assert 0 < speed.refusals < 0.02 * speed.requests


@pytest.mark.rule("limit-lowered")
async def test_weather_leaves_nothing_behind(side: Side) -> None:
    """Seven refusals within a minute, and none since: two minutes of sending later all is back."""
    world = await in_small_batches(side, BATCHES)
    clock, account = side.clock, (await world.connection()).account
    assert account is not None
    lane = side.destination.lane(account)

    async def weather() -> None:
        for count in (3, 3, 1):  # as hard as seven can be
            side.faults.queued.append(fault("429", side.write_path, count=count))
            await clock.sleep(20)

    async with asyncio.TaskGroup() as group:
        group.create_task(weather())
        run = await world.run()
    assert run.status is RunStatus.SUCCESSFUL
    assert run.finished_at is not None
    back = [each.at for each in run.timeline if "at full speed again" in str(each.text)]
    assert (back[-1] - run.created_at).total_seconds() < 60 + 120
    assert (await share_of(world.services.storage.quotas, lane, clock.now())).size == 1
