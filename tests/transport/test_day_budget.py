"""What a lane has used up of a day's requests: counted before they are made, by everybody together."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.connections.vendor_api import open_api
from shared.domain.errors import DailyQuotaExhausted
from shared.domain.run import RunStatus
from shared.storage.entries import Quota, SettingsTable
from shared.storage.ports import Records
from shared.transport.client import VendorApi
from shared.transport.day_budget import (
    DayBudget,
    forget_share,
    keep_share,
    seconds_to_tomorrow,
    share_of,
)
from shared.transport.share import Share
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryRecords
from tests.runs.small import SmallBatches, now, small, work_on_visible
from tests.runs.world import World, csv


def budget(records: Records[Quota], clock: FakeClock, *, of_people: bool = False) -> DayBudget:
    return DayBudget(records, clock, "acme", "acme", "Acme", per_day=50, of_people=of_people)


async def used(records: Records[Quota]) -> int:
    stored = await records.get(SettingsTable.QUOTAS, "acme")
    return stored.value.used if stored else 0


async def test_a_day_has_so_many_requests_and_not_one_more() -> None:
    records, clock = MemoryRecords(Quota), FakeClock()
    ours = budget(records, clock)
    for _ in range(50):
        await ours.spend()
    with pytest.raises(DailyQuotaExhausted, match="All 50 requests that Acme allows in a day"):
        await ours.spend()
    assert await used(records) == 50


async def test_everybody_spends_the_same_quota() -> None:
    records, clock = MemoryRecords(Quota), FakeClock()
    spenders = [budget(records, clock) for _ in range(4)]
    spent = 0

    async def spend(each: DayBudget) -> None:
        nonlocal spent
        try:
            while True:
                await each.spend()
                spent += 1
                await asyncio.sleep(0)
        except DailyQuotaExhausted:
            return

    await asyncio.gather(*map(spend, spenders))
    assert spent <= 50
    assert await used(records) == 50


async def test_the_next_day_begins_at_midnight_utc_whoever_had_what_left() -> None:
    records, clock = MemoryRecords(Quota), FakeClock(datetime(2026, 11, 24, 23, 59, tzinfo=UTC))
    ours = budget(records, clock)
    await ours.spend()
    clock.advance(61)
    for _ in range(50):
        await ours.spend()
    with pytest.raises(DailyQuotaExhausted):
        await ours.spend()


@pytest.mark.parametrize("requests", [1, 2, 5, 30])
async def test_little_is_counted_in_vain(requests: int) -> None:
    records, clock = MemoryRecords(Quota), FakeClock()
    ours = budget(records, clock)
    for _ in range(requests):
        await ours.spend()
    assert requests <= await used(records) <= 2 * requests


@pytest.mark.parametrize(("hour", "minute"), [(0, 0), (12, 30), (23, 59)])
def test_tomorrow_is_never_further_than_a_day(hour: int, minute: int) -> None:
    at = datetime(2026, 12, 31, hour, minute, tzinfo=UTC)
    then = at + timedelta(seconds=seconds_to_tomorrow(at))
    assert (then.year, then.month, then.day, then.hour, then.minute) == (2027, 1, 1, 0, 0)


class FewADay(SmallBatches):
    """Mailchimp with a quota of requests a day."""

    limits = replace(SmallBatches.limits, requests_per_day=12)


async def few_a_day() -> World:
    world = await small()
    [plain] = world.services.destinations.values()
    assert isinstance(plain, SmallBatches)
    destination = FewADay(plain.client, plain.login_url, plain.api_url, plain.partial_answers)
    return world.having(destinations={destination.name: destination})


async def test_a_run_goes_on_the_next_day_and_every_day_has_its_own_quota() -> None:
    world = await few_a_day()
    await world.drop(csv(300))
    run = await world.start()
    await work_on_visible(world)
    waiting = await now(world, run)
    assert waiting.status is RunStatus.QUEUED
    assert waiting.reason is not None
    assert str(waiting.reason).startswith(
        "All 12 requests that Mailchimp allows in a day are used up."
    )
    assert world.mailchimp.calls <= 12

    await world.deliver()
    ended = await now(world, run)
    assert ended.status is RunStatus.SUCCESSFUL
    assert ended.finished_at is not None
    assert 2 <= (ended.finished_at.date() - run.created_at.date()).days <= 3
    assert (await world.progress(run)).counts.accepted == 300


async def look_for_a_list(world: World) -> None:
    connection = await world.services.storage.connections.get("all", "connection")
    assert connection is not None
    api: VendorApi = await open_api(world.services, connection.value)
    await api.get("/lists/a1b2c3d4e5")


async def test_people_have_a_tenth_of_a_day_and_leave_runs_the_rest() -> None:
    world = await few_a_day()
    await look_for_a_list(world)
    with pytest.raises(DailyQuotaExhausted, match="The others are kept for runs"):
        await look_for_a_list(world)
    await world.drop(csv(30))
    run = await world.start()
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_somebody_who_looks_for_a_list_spends_the_quota_too() -> None:
    world = await few_a_day()
    await world.drop(csv(300))
    await world.start()
    await work_on_visible(world)
    with pytest.raises(DailyQuotaExhausted, match="All 12 requests that Mailchimp allows"):
        await look_for_a_list(world)


async def test_what_people_spend_is_counted_for_all_of_them_and_for_a_day() -> None:
    records, clock = MemoryRecords(Quota), FakeClock()

    async def spend(times: int) -> None:
        for _ in range(times):
            await budget(records, clock, of_people=True).spend()

    await spend(5)
    with pytest.raises(DailyQuotaExhausted) as refused:
        await spend(1)
    assert refused.value.after == seconds_to_tomorrow(clock.now())
    runs = budget(records, clock)
    for _ in range(45):
        await runs.spend()
    assert await used(records) == 50
    clock.advance(refused.value.after or 0)
    await spend(5)


async def test_what_an_earlier_version_counted_was_spent_by_runs() -> None:
    records, clock = MemoryRecords(Quota), FakeClock()
    stored = f'{{"day":"{clock.now().date()}","used":44}}'
    await records.insert(SettingsTable.QUOTAS, "acme", Quota.model_validate_json(stored))
    for _ in range(5):
        await budget(records, clock, of_people=True).spend()
    with pytest.raises(DailyQuotaExhausted, match="kept for runs"):
        await budget(records, clock, of_people=True).spend()


AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


async def test_what_is_kept_of_a_lane_comes_back_with_its_instant() -> None:
    records = MemoryRecords(Quota)
    assert await share_of(records, "acme", AT) == Share()
    kept = Share(0.25, AT, halvings=2, refusals=1)
    await keep_share(records, "acme", Share(), kept)
    stored = await records.get(SettingsTable.QUOTAS, "acme")
    assert stored is not None
    await records.put(
        SettingsTable.QUOTAS, "acme", Quota.model_validate_json(stored.value.model_dump_json())
    )
    assert await share_of(records, "acme", LATER) == kept


async def test_a_slowness_without_an_instant_fades_from_when_it_is_read() -> None:
    records = MemoryRecords(Quota)
    old = Quota.model_validate_json('{"day":"2026-11-30","used":50,"slowness":64.0}')
    await records.insert(SettingsTable.QUOTAS, "acme", old)
    share = await share_of(records, "acme", AT)
    assert share == Share(1 / 64, AT)
    for second in range(1, 31):
        share = share.answered(AT + timedelta(seconds=second))
    assert share.size == 1
    assert (await share_of(records, "acme", AT)).size_at(AT + timedelta(minutes=10)) == 1


async def test_keeping_a_share_leaves_what_is_used_of_the_day() -> None:
    records, clock = MemoryRecords(Quota), FakeClock()
    await budget(records, clock).spend()
    before = await share_of(records, "acme", AT)
    await keep_share(records, "acme", before, Share(0.5, AT, 1))
    assert await used(records) == 1
    assert (await share_of(records, "acme", AT)).size == 0.5


@pytest.mark.parametrize("before", [Share(), Share(0.5, AT, 1)])
async def test_what_was_forgotten_during_a_slice_stays_forgotten(before: Share) -> None:
    records = MemoryRecords(Quota)
    await keep_share(records, "acme", Share(), before)
    begun = await share_of(records, "acme", LATER)
    await forget_share(records, "acme", LATER)
    await keep_share(records, "acme", begun, Share(0.125, LATER, 3))
    assert (await share_of(records, "acme", LATER)).size == 1
