"""Sending while something beside it fails: what was answered is recorded, and nothing is sent twice."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from shared.destinations.batch import Batch
from shared.destinations.contract import Api, JobFiles
from shared.destinations.model import Client, FinishedJob, Rate, Sent, Target
from shared.domain.errors import Culprit, NeedsAttention, RateLimited, TryLater
from shared.domain.message import say
from shared.domain.run import Checkpoint, Job, Run, RunStatus
from shared.storage.ports import Guarded, Stored, Unavailable
from shared.triggers.every_minute import sweep_runs
from tests.runs.slow import Slow
from tests.runs.small import BATCH, leftovers, now
from tests.runs.world import World, csv, ready

ROWS = 195
BUSY = TryLater(say("Busy."))


@dataclass(frozen=True)
class Polled(Slow):
    """A destination whose polls fail at first, and that takes some seconds for each request."""

    failures: list[Exception] = field(default_factory=list, kw_only=True)  # raised first, in order

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch."""
        await self.clock.sleep(3)
        return await super().send(api, target, batch)

    async def poll(self, api: Api, jobs: Sequence[Job], files: JobFiles) -> Sequence[FinishedJob]:
        """Fail, or return the jobs whose time is up."""
        if self.failures:
            self.polls.append(self.clock.monotonic())
            raise self.failures.pop(0)
        return await super().poll(api, jobs, files)


async def polled(*failures: Exception) -> tuple[World, Polled]:
    """Return a world with an export to a destination of which the first polls fail."""
    world = await ready()
    addresses = ("https://login.test", "https://{dc}.test", False)
    client = Client("id", "secret")
    destination = Polled(client, *addresses, clock=world.clock, failures=list(failures))
    await world.drop(csv(ROWS))
    return world.having(destinations={destination.name: destination}), destination


async def all_sent_once(world: World, destination: Slow, run: Run) -> None:
    """Check that a run came to its end, and that each profile was sent once."""
    run = await now(world, run)
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    assert (await world.progress(run)).counts.accepted == ROWS
    assert sorted(destination.written()) == sorted(set(destination.written()))
    assert len(destination.written()) == ROWS
    assert await leftovers(world) == []


@pytest.mark.parametrize(
    "failures",
    [
        [BUSY],
        [BUSY, BUSY, BUSY],
        [RateLimited(say("Too many."), 7)],
        [NeedsAttention(Culprit.LIST, say("Gone for a moment."))],
        [Unavailable("away")],
    ],
    ids=["once", "three times", "asked to wait", "somebody must act", "storage is away"],
)
async def test_a_poll_that_fails_beside_sending_ends_nothing(failures: list[Exception]) -> None:
    world, destination = await polled(*failures)
    run = await world.run()
    await all_sent_once(world, destination, run)
    said = [str(event.text) for event in (await now(world, run)).timeline]
    assert not [each for each in said if "Trying again" in each]


async def test_a_poll_that_failed_waits_as_long_as_it_was_asked_to_and_longer_each_time() -> None:
    world, destination = await polled(RateLimited(say("Too many."), 20), BUSY, BUSY)
    await world.run()
    first, second, third, *_ = destination.polls
    assert second - first >= 20
    assert third - second >= 2


async def test_a_poll_that_fails_in_a_way_that_nobody_foresaw_is_raised() -> None:
    world, _ = await polled(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await world.run()


class Away:
    """Checkpoints of which one change fails before it has any effect, and those after it work."""

    def __init__(self, checkpoints: Guarded[Checkpoint], at: int) -> None:
        self._checkpoints = checkpoints
        self._left = at  # changes until the one that fails
        self.failed = False

    async def get(self, partition: str, key: str) -> Stored[Checkpoint] | None:
        """Return the checkpoint."""
        return await self._checkpoints.get(partition, key)

    async def insert(self, partition: str, key: str, value: Checkpoint) -> str:
        """Store the first one."""
        return await self._checkpoints.insert(partition, key, value)

    async def replace(self, partition: str, key: str, value: Checkpoint, etag: str) -> str:
        """Change it, or fail."""
        self._left -= 1
        if self._left == 0:
            self.failed = True
            raise Unavailable("away")
        return await self._checkpoints.replace(partition, key, value, etag)


@pytest.mark.parametrize("at", range(1, 16))
async def test_what_was_answered_is_recorded_although_storage_was_away(at: int) -> None:
    world, destination = await polled()
    away = Away(world.services.storage.checkpoints, at)
    world.having(storage=replace(world.services.storage, checkpoints=away))
    run = await world.start()
    with pytest.raises(Unavailable):
        await world.deliver()
    assert away.failed
    world.clock.advance(120)
    await sweep_runs(world.services)
    await world.deliver()
    await all_sent_once(world, destination, run)


@dataclass(frozen=True)
class Unhurried(Slow):
    """A destination that takes a request each half a minute, and is ill at one of them."""

    limits = replace(Slow.limits, concurrency=4, rates=(Rate(1, 30, of="POST /lists/"),))
    ill_at: int = field(kw_only=True)
    asked: list[str] = field(default_factory=list, kw_only=True)  # the addresses of each request

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch, in a request that waits for its turn; or refuse it, and all that come at once."""
        await api.post(f"/lists/{target.list_id}", self.body(target, batch))
        self.asked.append(batch.addresses.decode())
        if len(self.asked) == self.ill_at:
            raise TryLater(say("Out of order."), 600)
        return await super().send(api, target, batch)


@pytest.mark.parametrize("ill_at", [1, 2, 5])
async def test_what_waits_for_its_turn_when_a_slice_stops_is_not_sent(ill_at: int) -> None:
    world = await ready()
    addresses = ("https://login.test", "https://{dc}.test", False)
    client = Client("id", "secret")
    destination = Unhurried(client, *addresses, clock=world.clock, ill_at=ill_at)
    world.having(destinations={destination.name: destination})
    await world.drop(csv(ROWS))
    run = await world.run()
    await all_sent_once(world, destination, run)
    assert len(destination.asked) == ROWS // BATCH + 1 + 1  # the last is not full; one came twice
