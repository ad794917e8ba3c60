"""The due index, case by case: what it costs, who claims what, and what it survives."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.people import Caller, Person, Role
from shared.domain.run import TriggerKind
from shared.domain.schedule import ExportSchedule, RefreshSchedule
from shared.exports.manage import copy_export, remove_export
from shared.exports.schedule import set_export_schedule, set_schedules
from shared.exports.schemas import ManySchedules
from shared.schedules.index import repair
from shared.schedules.refresh_schedule import set_schedule
from shared.services import Services
from shared.storage.entries import REFRESH, Due, DueTable
from shared.triggers.due_runs import DueRuns
from shared.triggers.every_minute import run_due, tick
from tests.runs.mortal import Life, in_life, survives
from tests.runs.operations import counted, slowed
from tests.runs.small import small
from tests.runs.world import World

ADMINISTRATOR = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)
DAY = timedelta(days=1).total_seconds()


def own(*times: str, **more: Any) -> ExportSchedule:
    return ExportSchedule.model_validate({"follows": "own", "own": {"times": times} | more})


OFF = ExportSchedule.model_validate({"follows": "off"})


async def schedule(world: World, at: ExportSchedule, export: str = "export") -> None:
    await set_export_schedule(world.services, ADMINISTRATOR, export, None, at)


async def refresh_at(world: World, *times: str) -> None:
    at = RefreshSchedule.model_validate({"times": times})
    await set_schedule(world.services, ADMINISTRATOR.person, None, at)


async def instants(world: World, export: str = "export") -> list[str]:
    """Return the instants that an export has run at, in the order of their time."""
    runs = await world.services.storage.runs.page(export)
    return [f"{stored.value.trigger.at:%d %H:%M}" for stored in reversed(runs)]


async def entries(world: World) -> list[tuple[str, str]]:
    """Return what the index holds."""
    page = await world.services.storage.due.page(DueTable.SCHEDULES)
    return [(stored.value.of, f"{stored.value.at:%d %H:%M}") for stored in page]


async def looked() -> World:
    """Return a world at 09:00 on the 21st whose index has been looked over for today."""
    world = await small()
    await tick(world.services)
    return world


@pytest.mark.parametrize("follows", ["system", "own"])
async def test_a_tick_without_anything_due_costs_the_same_with_ten_and_ten_thousand_exports(
    follows: str,
) -> None:
    costs = []
    for number in (10, 10_000):
        world = await small()
        at = {"follows": "own", "own": {"times": ["12:00"]}} if follows == "own" else {}
        for each in range(number):
            await world.export(f"{each:05d}", schedule=at)
        await refresh_at(world, "13:00")
        await tick(world.services)
        world.clock.advance(60)
        services, operations = counted(world.services)
        await tick(services)
        costs.append(operations)
    assert costs[0] == costs[1]
    assert (
        costs[0].total() <= 12
    )  # cancels, sets of files, the webhook outbox and what is to be forgotten included


async def test_what_was_missed_is_made_up_for_once_and_the_rest_comes_in_time() -> None:
    world = await looked()
    await schedule(world, own("09:05", "17:00"))
    world.clock.advance(3 * DAY)
    for _ in range(3):
        await tick(world.services)
    assert await instants(world) == ["23 17:00"]
    assert await entries(world) == [("export", "24 09:05")]
    world.clock.advance(10 * 60)
    await tick(world.services)
    assert await instants(world) == ["23 17:00", "24 09:05"]


async def test_a_schedule_that_was_changed_meanwhile_runs_nothing_at_its_old_time() -> None:
    world = await looked()
    await schedule(world, own("09:05"))
    world.clock.advance(60)
    await schedule(world, own("11:00"))
    world.clock.advance(10 * 60)
    await tick(world.services)
    assert await instants(world) == []
    world.clock.advance(2 * 3600)
    await tick(world.services)
    assert await instants(world) == ["21 11:00"]
    assert await entries(world) == [("export", "22 11:00")]


async def test_what_was_missed_by_another_schedule_is_not_made_up_for() -> None:
    world = await looked()
    await schedule(world, own("09:05"))
    await refresh_at(world, "09:05")
    await world.export("follows")
    world.clock.advance(30 * 60)  # nobody ticks
    await schedule(world, own("09:05", "09:20"))
    await refresh_at(world, "09:05", "09:20")
    await tick(world.services)
    assert await instants(world) == await instants(world, "follows") == []
    world.clock.advance(DAY)
    await tick(world.services)
    assert await instants(world) == await instants(world, "follows") == ["22 09:20"]


async def test_an_entry_of_what_is_not_due_is_kept_while_a_change_may_be_under_way() -> None:
    world = await looked()
    await schedule(world, own("09:05"))
    await schedule(world, OFF)
    for minutes, left in ((5, 1), (2, 1), (1, 0)):
        world.clock.advance(60 * minutes)
        await tick(world.services)
        assert len(await entries(world)) == left
    assert await instants(world) == []


async def test_an_export_that_is_removed_is_forgotten() -> None:
    world = await looked()
    await schedule(world, own("09:05"))
    await remove_export(world.services, ADMINISTRATOR, "export", None)
    world.clock.advance(DAY)
    await tick(world.services)
    assert await entries(world) == []
    assert await instants(world) == []


async def test_a_copy_and_each_of_many_is_expected_too() -> None:
    world = await looked()
    await schedule(world, own("09:05"))
    copy = await copy_export(world.services, ADMINISTRATOR, "export", None, str)
    await world.export("third", schedule={"follows": "own", "own": {"times": ["20:00"]}})
    many = {"schedule": {"follows": "own", "own": {"times": ["09:07"]}}, "existing": "override"}
    await set_schedules(
        world.services, ADMINISTRATOR, ManySchedules.model_validate(many | {"exports": ["third"]})
    )
    world.clock.advance(10 * 60)
    await tick(world.services)
    found = [await instants(world, each) for each in ("export", copy.key, "third")]
    assert found == [["21 09:05"], ["21 09:05"], ["21 09:07"]]


async def test_times_that_a_clock_change_leaves_out_or_has_twice_run_once() -> None:
    for begin, due in (
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "28 01:00"),
        (datetime(2027, 10, 31, 0, 0, tzinfo=UTC), "31 00:30"),
    ):
        world = await small()
        world.clock.advance((begin - world.clock.now()).total_seconds())
        await tick(world.services)
        await schedule(world, own("02:30", time_zone="Europe/Stockholm"))
        for _ in range(180):
            world.clock.advance(60)
            await tick(world.services)
        assert await instants(world) == [due]


async def everything_is_due() -> World:
    """Return a world in which two exports follow the refresh, two their own schedule, at one instant."""
    world = await looked()
    for name in ("a", "b", "c"):
        await world.export(name)
    for name in ("a", "b"):
        await schedule(world, own("09:05"), name)
    await refresh_at(world, "09:05")
    world.clock.advance(5 * 60 + 1)
    return world


async def require_one_run_each(world: World) -> None:
    kinds = {}
    for name in ("export", "a", "b", "c"):
        [stored] = await world.services.storage.runs.page(name)
        assert f"{stored.value.trigger.at:%H:%M}" == "09:05"
        kinds[name] = stored.value.trigger.kind
    assert kinds == {
        "export": TriggerKind.REFRESH,
        "c": TriggerKind.REFRESH,
        "a": TriggerKind.SCHEDULE,
        "b": TriggerKind.SCHEDULE,
    }
    assert sorted(await entries(world)) == [(of, "22 09:05") for of in ("a", "b", REFRESH)]


@pytest.mark.parametrize("seed", range(10))
async def test_hosts_that_look_at_once_make_one_run_of_each(seed: int) -> None:
    world = await everything_is_due()
    hosts = [slowed(world.services, 3 * seed + host) for host in range(3)]
    await asyncio.gather(*(run_due(host) for host in hosts))
    await tick(world.services)
    await require_one_run_each(world)


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
async def test_a_tick_killed_at_any_operation_is_made_good_by_the_next(after: bool) -> None:
    whole = Life()
    world = await everything_is_due()
    assert await survives(whole, tick(in_life(world.services, world.mailchimp, whole)))
    assert whole.operations > 40
    for moment in range(1, whole.operations + 1):
        world = await everything_is_due()
        life = Life(moment, after)
        assert not await survives(life, tick(in_life(world.services, world.mailchimp, life)))
        world.clock.advance(60)
        await tick(world.services)
        await require_one_run_each(world)


@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
async def test_a_change_killed_at_any_operation_leaves_an_export_that_is_run_as_it_says(
    after: bool,
) -> None:
    at, moment = own("09:05"), 0
    while True:
        moment += 1
        world = await looked()
        await schedule(world, own("09:03"))
        life = Life(moment, after)
        services = in_life(world.services, world.mailchimp, life)
        if await survives(life, _scheduled(services, at)):
            break
        world.clock.advance(10 * 60)
        await tick(world.services)
        stored = await world.services.storage.exports.get("all", "export")
        assert stored is not None
        due = "21 09:05" if stored.value.schedule == at else "21 09:03"
        assert await instants(world) == [due]
    assert moment > 5


async def _scheduled(services: Services, at: ExportSchedule) -> None:
    await set_export_schedule(services, ADMINISTRATOR, "export", None, at)


async def claimed_and_left(world: World) -> None:
    """Let a host claim what is due, and die before it runs anything."""
    page = await world.services.storage.due.page(DueTable.SCHEDULES)
    for stored in page:
        entry = stored.value.model_copy(update={"claimed": stored.value.at})
        await world.services.storage.due.replace(DueTable.SCHEDULES, stored.key, entry, stored.etag)


async def test_what_a_dead_host_had_claimed_is_run_by_another() -> None:
    world = await everything_is_due()
    await claimed_and_left(world)
    await tick(world.services)
    await require_one_run_each(world)


async def test_after_what_a_dead_host_had_claimed_the_rest_is_made_up_for_once() -> None:
    world = await everything_is_due()
    await claimed_and_left(world)
    world.clock.advance(3 * DAY)
    await tick(world.services)
    await tick(world.services)
    for name in ("export", "a", "b", "c"):
        assert await instants(world, name) == ["21 09:05", "24 09:05"]


async def test_what_a_dead_host_had_claimed_is_not_run_once_it_is_scheduled_otherwise() -> None:
    world = await everything_is_due()
    await claimed_and_left(world)
    world.clock.advance(1)
    await schedule(world, OFF, "a")
    await schedule(world, own("09:30"), "b")
    await refresh_at(world)
    await tick(world.services)
    await tick(world.services)
    assert [await instants(world, name) for name in ("export", "a", "b", "c")] == [[]] * 4
    assert await entries(world) == [("b", "21 09:30")]


@pytest.mark.parametrize("loss", ["all", "later than due"])
async def test_what_the_index_has_lost_is_found_within_a_day(loss: str) -> None:
    world = await everything_is_due()
    due = world.services.storage.due
    for stored in await due.page(DueTable.SCHEDULES):
        await due.delete(DueTable.SCHEDULES, stored.key)
        if loss == "later than due":
            entry = Due(of=stored.value.of, at=stored.value.at + timedelta(days=40))
            await due.insert(DueTable.SCHEDULES, f"{entry.at:%Y%m%d}-{entry.of}", entry)
    await tick(world.services)
    assert await instants(world, "a") == []
    world.clock.advance(DAY - 120)
    for _ in range(3):
        world.clock.advance(60)
        await tick(world.services)
    world.clock.advance(DAY)
    await tick(world.services)
    for name in ("export", "a", "b", "c"):
        assert (await instants(world, name))[-1] == "23 09:05"


async def test_a_look_over_the_index_changes_nothing_that_is_right() -> None:
    world = await everything_is_due()
    await tick(world.services)
    before = await entries(world)
    world.clock.advance(DAY - 300)
    services, operations = counted(world.services)
    await repair(services)
    assert await entries(world) == before
    assert {name for name in operations if name.startswith("due.")} == {"due.page"}


async def a_big_refresh(number: int) -> World:
    world = await looked()
    for each in range(number):
        await world.export(f"{each:04d}", on_arrival=False)
    await schedule(world, OFF)
    await refresh_at(world, "09:05")
    world.clock.advance(5 * 60 + 1)
    return world


async def begun(world: World) -> int:
    return len(await world.services.storage.active_runs.page("all", limit=1000))


async def test_a_refresh_that_takes_longer_than_a_tick_goes_on_in_the_next() -> None:
    world = await a_big_refresh(350)
    looks = [await begun(world)]
    while looks[-1] < 350:
        await DueRuns(world.services, 0).run()
        looks.append(await begun(world))
    assert looks == [0, 100, 200, 300, 350]
    await DueRuns(world.services, 0).run()
    assert await entries(world) == [(REFRESH, "22 09:05")]
    assert await begun(world) == 350


async def test_hosts_that_go_on_with_one_refresh_at_once_begin_each_run_once() -> None:
    world = await a_big_refresh(350)
    await DueRuns(world.services, 0).run()
    hosts = [slowed(world.services, host) for host in range(2)]
    await asyncio.gather(*(DueRuns(host, 600).run() for host in hosts))
    await DueRuns(world.services, 600).run()
    assert await begun(world) == 350
    assert await entries(world) == [(REFRESH, "22 09:05")]


async def test_a_refresh_that_is_turned_off_on_the_way_begins_no_more() -> None:
    world = await a_big_refresh(350)
    await DueRuns(world.services, 0).run()
    await refresh_at(world)
    await DueRuns(world.services, 600).run()
    assert await begun(world) == 100
    assert await entries(world) == []


async def test_own_schedules_by_the_hundred_at_one_instant_go_on_in_the_next_tick() -> None:
    world = await looked()
    for each in range(250):
        at = own("09:05").model_dump()
        await world.export(f"{each:04d}", on_arrival=False, schedule=at)
    world.clock.advance(DAY)
    await repair(world.services)
    looks = []
    for _ in range(3):
        await DueRuns(world.services, 0).run()
        looks.append(await begun(world))
    assert looks == [100, 200, 250]
