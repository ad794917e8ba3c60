"""Many small exports in one refresh: no run lost or doubled, and the cost of each is bounded."""

from collections import Counter

import pytest

from shared.domain.run import RunStatus, TriggerKind
from tests.bench.refresh import lost_and_doubled, measure
from tests.fakes.mailchimp import answers
from tests.runs.many_small import ManySmall
from tests.runs.world import World

LANE = "mailchimp-us1-0"


@pytest.mark.parametrize("accounts", [1, 7])
async def test_hundreds_of_small_exports_in_one_refresh_lose_and_double_no_run(
    accounts: int,
) -> None:
    many = ManySmall(World(), exports=200, profiles=5)
    many.world.mailchimp.seconds = 0.5
    await many.set_up(accounts)

    await many.refresh()

    runs = await many.runs()
    assert Counter(run.export_id for run in runs) == {f"{n:05d}": 1 for n in range(200)}
    assert {(run.status, run.trigger.kind) for run in runs} == {
        (RunStatus.SUCCESSFUL, TriggerKind.REFRESH)
    }
    assert len(many.world.mailchimp.received) == 200 * 5
    assert set(many.world.mailchimp.received.values()) == {1}
    assert many.world.mailchimp.most_open <= accounts
    assert many.world.queue.waiting == []


async def test_runs_of_one_account_are_sent_in_the_order_of_the_exports() -> None:
    many = ManySmall(World(), exports=40, profiles=1)
    many.world.mailchimp.seconds = 0.5
    await many.set_up(accounts=1)
    await many.refresh()
    sent = [int(address.split("@of")[1].split(".")[0]) for address in many.world.mailchimp.received]
    assert sent == list(range(40))


async def test_what_a_run_costs_does_not_grow_with_the_runs_beside_it() -> None:
    each = []
    for exports in (50, 200):
        many = ManySmall(World(), exports=exports, profiles=5)
        await many.set_up(accounts=2)
        await many.refresh()
        each.append(many.operations.total() / exports)
        assert many.executions <= 2 + many.minutes
    few, more = each
    assert more <= few
    assert more <= 64


async def test_runs_that_wait_for_a_lane_cost_next_to_nothing() -> None:
    cost = []
    for exports in (10, 200):
        many = ManySmall(World(), exports=exports, profiles=5)
        await many.set_up(accounts=1)
        lanes = many.world.services.storage.lanes
        lease = await lanes.acquire(LANE)
        assert lease is not None
        await many.minute()
        many.operations.clear()
        for _ in range(20):
            await lanes.renew(LANE, lease)
            await many.minute()
        cost.append(many.operations.total() / 20)
        assert {run.status for run in await many.runs()} == {RunStatus.QUEUED}
    assert cost[1] == cost[0] <= 25


async def test_runs_that_waited_for_long_are_called_as_soon_as_somebody_looks() -> None:
    """Whoever had the lane is gone without having called anybody, and messages were lost as well."""
    many = ManySmall(World(), exports=30, profiles=5)
    await many.set_up(accounts=1)
    lanes = many.world.services.storage.lanes
    lease = await lanes.acquire(LANE)
    assert lease is not None
    for _ in range(40):
        await lanes.renew(LANE, lease)
        await many.minute()
        many.world.queue.waiting.clear()
    many.world.clock.advance(61)  # the lease ends
    await many.refresh()
    assert [run.status for run in await many.runs()] == [RunStatus.SUCCESSFUL] * 30


async def test_the_benchmark_counts_what_is_lost_and_doubled() -> None:
    took = await measure(exports=6, profiles=3, accounts=2)
    assert (took.lost, took.doubled, took.accounts) == (0, 0, 2)
    assert took.seconds >= 3 * 2  # three calls of one account, one after the other
    assert took.executions == 2
    assert took.of_a_run("runs") > 1


async def test_the_benchmark_finds_runs_that_failed() -> None:
    many = ManySmall(World(), exports=3, profiles=3)
    many.world.mailchimp.down = answers(404)
    await many.set_up(accounts=1)
    await many.refresh()
    assert lost_and_doubled(await many.runs(), many) == (3, 0)
