"""A lane: one run at a time spends an account's quota, and whoever loses the lane stops."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.run import RunStatus, SliceMessage
from shared.runs.lanes.lane import LaneLost, LaneTaken, lane
from shared.runs.slice import run_slice
from shared.storage.ports import Blobs, Unavailable
from shared.triggers.every_minute import sweep_runs
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryLeases
from tests.runs.small import (
    LANE,
    delays,
    leftovers,
    now,
    small,
    work_on_visible,
    written_again,
)
from tests.runs.world import csv


def leases_of(services_lanes: object) -> MemoryLeases:
    assert isinstance(services_lanes, MemoryLeases)
    return services_lanes


async def test_a_lane_is_given_back_after_the_work() -> None:
    clock = FakeClock()
    leases = MemoryLeases(clock)
    async with lane(leases, clock, "a"):
        assert await leases.is_held("a")
    assert not await leases.is_held("a")


async def test_a_lane_is_given_back_after_work_that_failed_and_the_failure_comes_out_as_it_is() -> (
    None
):
    clock = FakeClock()
    leases = MemoryLeases(clock)
    with pytest.raises(ZeroDivisionError):
        async with lane(leases, clock, "a"):
            raise ZeroDivisionError
    assert not await leases.is_held("a")


async def test_only_one_holds_a_lane() -> None:
    clock = FakeClock()
    leases = MemoryLeases(clock)
    async with lane(leases, clock, "a"), lane(leases, clock, "b"):
        with pytest.raises(LaneTaken):
            async with lane(leases, clock, "a"):
                raise AssertionError("two hold the lane")
        assert await leases.is_held("a")


async def test_a_lane_is_kept_for_as_long_as_the_work_takes() -> None:
    clock = FakeClock()
    leases = MemoryLeases(clock)
    async with lane(leases, clock, "a"):
        for _ in range(20):
            await clock.sleep(59)
            assert await leases.acquire("a") is None


async def test_work_is_stopped_when_its_lane_is_lost() -> None:
    clock = FakeClock()
    leases = MemoryLeases(clock)

    async def work() -> None:
        async with lane(leases, clock, "a"):
            leases.take_away("a")
            await clock.sleep(1000)

    with pytest.raises(LaneLost):
        await work()
    assert clock.monotonic() == 20


async def test_a_successor_keeps_its_lane_when_the_one_before_stops() -> None:
    clock = FakeClock()
    leases = MemoryLeases(clock)

    async def work() -> None:
        async with lane(leases, clock, "a"):
            leases.take_away("a")
            assert await leases.acquire("a")
            await clock.sleep(1000)

    with pytest.raises(LaneLost):
        await work()
    assert await leases.is_held("a")


class _Dumb(MemoryLeases):
    """Leases that do not answer to so many renewals."""

    silent = 0

    async def renew(self, name: str, lease_id: str) -> bool:
        if self.silent:
            self.silent -= 1
            raise Unavailable
        return await super().renew(name, lease_id)


async def test_one_renewal_without_an_answer_loses_nothing() -> None:
    clock = FakeClock()
    leases = _Dumb(clock)
    leases.silent = 1
    async with lane(leases, clock, "a"):
        await clock.sleep(200)
        assert await leases.is_held("a")


async def test_work_stops_before_a_lease_can_end_that_could_not_be_renewed() -> None:
    clock = FakeClock()
    leases = _Dumb(clock)
    leases.silent = 100
    with pytest.raises(LaneLost):
        async with lane(leases, clock, "a"):
            await clock.sleep(1000)
    assert clock.monotonic() < 60


async def test_a_run_whose_lane_is_taken_comes_back_a_little_later_and_sends_nothing() -> None:
    world = await small()
    leases = leases_of(world.services.storage.lanes)
    lease = await leases.acquire(LANE)
    assert lease is not None
    await world.drop(csv(30))
    run = await world.start()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.QUEUED
    assert delays(world) == [10]
    assert world.mailchimp.calls == 0

    await leases.release(LANE, lease)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_two_runs_of_one_account_are_sent_one_after_the_other() -> None:
    world = await small(slice_seconds=40)
    await world.export("other")
    world.mailchimp.seconds = 5
    await world.drop(csv(400))
    runs = [await world.start(), await world.start(export="other")]

    await asyncio.gather(
        *(run_slice(world.services, SliceMessage(run_id=run.id, slice=0)) for run in runs)
    )
    assert len(world.mailchimp.received) == 400
    assert set(world.mailchimp.received.values()) == {1}
    await world.deliver()

    assert [(await now(world, run)).status for run in runs] == [RunStatus.SUCCESSFUL] * 2
    assert world.mailchimp.most_open == 8
    assert set(world.mailchimp.received.values()) == {2}


async def test_a_run_that_lost_its_lane_sends_nothing_more_and_the_sweep_brings_it_back() -> None:
    world = await small()
    leases = leases_of(world.services.storage.lanes)
    world.mailchimp.seconds = 7
    await world.drop(csv(800))
    run = await world.start()

    working = asyncio.create_task(work_on_visible(world))
    await world.clock.sleep(30)
    leases.take_away(LANE)
    await working
    stopped, calls = world.clock.monotonic(), world.mailchimp.calls
    await world.clock.sleep(30)

    assert stopped <= 41 + 1
    assert world.mailchimp.calls == calls
    assert world.mailchimp.open == 0
    done = (await world.progress(run)).batches_done
    assert 0 < done < calls

    await sweep_runs(world.services)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.accepted == 800
    assert len(world.mailchimp.members) == 800
    assert written_again(world) <= 80
    assert await leftovers(world) == []


class SlowToWrite:
    """Files as a process has them that is paused while it writes."""

    def __init__(self, files: Blobs, clock: FakeClock) -> None:
        self._files = files
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Store a blob, late."""
        await self._clock.sleep(200)
        await self._files.write(name, data)


class NeverLost(MemoryLeases):
    """Leases as a process has them that is paused: it does not see that they end."""

    async def renew(self, name: str, lease_id: str) -> bool:
        """Say that all is well."""
        return True


async def test_what_a_paused_slice_lays_out_once_its_run_is_over_is_removed() -> None:
    world = await small()
    await world.drop(csv(20))
    run = await world.start()
    storage, clock = world.services.storage, world.clock
    message = SliceMessage(run_id=run.id, slice=0)

    files: Any = SlowToWrite(storage.run_files, clock)
    paused = replace(storage, run_files=files, lanes=NeverLost(clock))
    sleeper = asyncio.create_task(run_slice(replace(world.services, storage=paused), message))
    await clock.sleep(30)
    await run_slice(world.services, message)
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    await sleeper

    assert await leftovers(world) == []
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_a_long_slice_keeps_its_lane_to_the_end() -> None:
    world = await small(slice_seconds=600)
    leases = leases_of(world.services.storage.lanes)
    world.mailchimp.seconds = 50
    await world.drop(csv(600))
    run = await world.start()

    working = asyncio.create_task(work_on_visible(world))
    looks = 0
    await world.clock.sleep(13)
    while not working.done():
        assert await leases.acquire(LANE) is None
        looks += 1
        await world.clock.sleep(13)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert looks > 25
    assert written_again(world) == 0
