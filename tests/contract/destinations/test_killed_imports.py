"""A slice that is killed while it sends imports: the next one looks for what it may have begun."""

import random
from dataclasses import replace
from functools import cached_property

import httpx
import pytest

from local.sandbox.constant_contact.settings import Ending
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.model import Limits
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.runs.slice import run_slice
from shared.triggers.every_minute import tick
from tests.contract.destinations.sides import CLIENT, ConstantContactSide
from tests.contract.destinations.world import World, address, csv, ready
from tests.runs.mortal import Life, in_life, survives

HIDDEN = 30  # seconds until the queue delivers a message again whose receiver died
BATCH = 30


class SmallBatches(ConstantContact):
    """Constant Contact, if imports were small."""

    @cached_property
    def limits(self) -> Limits:
        return replace(super().limits, profiles_per_batch=BATCH)


class FirstImportKills(httpx.AsyncBaseTransport):
    """A network whose first import is the last that its process does; it arrives, or does not."""

    def __init__(self, network: httpx.AsyncBaseTransport, life: Life, *, arrives: bool) -> None:
        self._network = network
        self._life = life
        self._arrives = arrives

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._life.dead = self._life.dead or request.url.path.endswith("contacts_json_import")
        if self._life.dead and not self._arrives:
            raise httpx.ConnectError("nobody is left to send it")
        return await self._network.handle_async_request(request)


async def a_world(rows: int, *endings: Ending) -> World:
    """Return a world with an export of so many rows, whose first imports end so."""
    side = ConstantContactSide()
    side.destination = SmallBatches(
        CLIENT, "https://authz.constantcontact.com", "https://api.cc.email"
    )
    side.account.activities.endings += endings
    world = await ready(side)
    await world.drop(csv(rows))
    return world


def imports(world: World) -> list[int]:
    """Return how many contacts each import had that has ever arrived."""
    assert isinstance(world.side, ConstantContactSide)
    return [each.size for each in world.side.account.activities.all]


async def live(world: World, life: Life, network: httpx.AsyncBaseTransport) -> bool:
    """Deliver messages in a process until it dies or no message is left; say whether it lives."""
    services, queue, clock = in_life(world.services, network, life), world.queue, world.side.clock
    while queue.waiting:
        for message in queue.take():
            assert isinstance(message, SliceMessage)
            if not await survives(life, run_slice(services, message)):
                await queue.send(message, HIDDEN)
                return False
        if queue.waiting:
            until = min(waiting.visible_at for waiting in queue.waiting)
            clock.advance((until - clock.now()).total_seconds())
    return True


async def goes_on(world: World, run: Run) -> Run:
    """Let other processes work until a run is over."""
    for _ in range(10):
        await world.deliver()
        if (now := await world.now(run)).status.is_over:
            return now
        world.side.clock.advance(60)
        await tick(world.services)
    raise AssertionError("the run is not over after ten minutes")


async def require_each_import_once(world: World, run: Run, *, sizes: list[int], rows: int) -> None:
    over = await goes_on(world, run)
    assert over.status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.accepted == rows
    assert world.side.active() == {address(n) for n in range(rows)}
    assert sorted(imports(world)) == sorted(sizes)


@pytest.mark.rule("lost-import-found")
@pytest.mark.parametrize("after", [False, True], ids=["before it takes effect", "after"])
@pytest.mark.parametrize(
    ("rows", "endings", "sizes"),
    [(70, (), [30, 30, 10]), (30, ("failed",), [30, 30])],
    ids=["three batches", "a job that failed"],
)
async def test_a_slice_killed_at_any_operation_repeats_no_import(
    after: bool, rows: int, endings: tuple[Ending, ...], sizes: list[int]
) -> None:
    whole = Life()
    world = await a_world(rows, *endings)
    run = await world.start()
    assert await live(world, whole, world.wire)
    await require_each_import_once(world, run, sizes=sizes, rows=rows)
    assert whole.operations > 50
    for moment in range(1, whole.operations + 1):
        world = await a_world(rows, *endings)
        run = await world.start()
        assert not await live(world, Life(moment, after), world.wire), moment
        await require_each_import_once(world, run, sizes=sizes, rows=rows)


@pytest.mark.rule("lost-import-found")
@pytest.mark.parametrize("seed", range(15))
async def test_slices_killed_again_and_again_repeat_no_import(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    world = await a_world(70)
    run = await world.start()
    for _ in range(4):
        life = Life(chance.randrange(20, 60), chance.random() < 0.7)
        await live(world, life, world.wire)
        world.side.clock.advance(60)
    await require_each_import_once(world, run, sizes=[30, 30, 10], rows=70)


@pytest.mark.rule("lost-import-found")
@pytest.mark.parametrize("arrives", [True, False], ids=["it arrived", "it did not"])
async def test_after_another_run_has_had_the_lane_no_import_is_taken_for_that_of_a_killed_slice(
    arrives: bool,
) -> None:
    world = await a_world(30)
    run = await world.start()
    life = Life()
    assert not await live(world, life, FirstImportKills(world.wire, life, arrives=arrives))
    assert imports(world) == [30] * arrives
    world.side.clock.advance(HIDDEN - 1)  # the other one finds the lane free, and goes first
    held = list(world.queue.waiting)
    world.queue.waiting.clear()
    await world.export("other", segments=["Others"])
    await world.services.storage.segments.write("Others/1.csv", csv(30, start=30).encode())
    await goes_on(world, await world.start(export="other"))
    assert imports(world) == [30] * (arrives + 1)
    world.queue.waiting.extend(held)
    await goes_on(world, run)
    assert imports(world) == [30] * (arrives + 2)
    assert world.side.active() == {address(n) for n in range(60)}


@pytest.mark.rule("lost-import-found")
async def test_of_two_imports_that_may_be_that_of_a_killed_slice_none_is_taken() -> None:
    world = await a_world(30)
    run = await world.start()
    life = Life()
    assert not await live(world, life, FirstImportKills(world.wire, life, arrives=True))
    side = world.side
    assert isinstance(side, ConstantContactSide)
    by_hand = b'{"import_data":[%b]}' % b",".join([b"{}"] * 30)
    activities, settings = side.account.activities, side.sandbox.settings
    activities.add(by_hand, 30, [side.list_id], settings, side.sandbox.clock.now())
    await goes_on(world, run)
    assert imports(world) == [30, 30, 30]
