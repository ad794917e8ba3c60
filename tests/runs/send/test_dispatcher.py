"""Sending while something beside it fails: what was answered is recorded, and nothing is sent twice."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from shared.destinations.batch import Batch
from shared.destinations.contract import Api, JobFiles
from shared.destinations.model import Client, FinishedJob, Rate, Sent, Target
from shared.domain.errors import BatchRefused, Culprit, NeedsAttention, RateLimited, TryLater
from shared.domain.job import Job
from shared.domain.message import say
from shared.domain.run import Checkpoint, Run, RunStatus
from shared.storage.paths import CHECKPOINT
from shared.storage.ports import Guarded, Stored, Unavailable
from shared.triggers.every_minute import sweep_runs
from tests.fakes.clock import FakeClock
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
    await world.drop(csv(5 * ROWS))
    await world.run()
    first, second, third, *_ = destination.polls
    assert second - first >= 20
    assert third - second >= 2


async def test_a_poll_that_fails_in_a_way_that_nobody_foresaw_is_raised() -> None:
    world, _ = await polled(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await world.run()


class Away:
    """Checkpoints of which changes fail before they have any effect, or after, for some time."""

    def __init__(
        self, checkpoints: Guarded[Checkpoint], clock: FakeClock, at: int, seconds: float
    ) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._left = at  # changes until the one that fails first
        self._seconds = seconds
        self._until = float("inf")

    @property
    def failed(self) -> bool:
        """Whether a change has failed."""
        return self._left <= 0

    async def get(self, partition: str, key: str) -> Stored[Checkpoint] | None:
        """Return the checkpoint."""
        return await self._checkpoints.get(partition, key)

    async def insert(self, partition: str, key: str, value: Checkpoint) -> str:
        """Store the first one."""
        return await self._checkpoints.insert(partition, key, value)

    async def replace(self, partition: str, key: str, value: Checkpoint, etag: str) -> str:
        """Change it, or fail; of the changes that fail the first has worked."""
        self._left -= 1
        if self._left == 0:
            self._until = self._clock.monotonic() + self._seconds
            await self._checkpoints.replace(partition, key, value, etag)
            raise Unavailable("away")
        if self._left < 0 and self._clock.monotonic() < self._until:
            raise Unavailable("away")
        return await self._checkpoints.replace(partition, key, value, etag)


@dataclass(frozen=True)
class Lingering:
    """Checkpoints of which each change takes some seconds."""

    checkpoints: Guarded[Checkpoint]
    clock: FakeClock
    seconds: float

    async def get(self, partition: str, key: str) -> Stored[Checkpoint] | None:
        """Return the checkpoint."""
        return await self.checkpoints.get(partition, key)

    async def insert(self, partition: str, key: str, value: Checkpoint) -> str:
        """Store the first one."""
        return await self.checkpoints.insert(partition, key, value)

    async def replace(self, partition: str, key: str, value: Checkpoint, etag: str) -> str:
        """Change it."""
        await self.clock.sleep(self.seconds)
        return await self.checkpoints.replace(partition, key, value, etag)


@pytest.mark.parametrize("seconds", [1, 4, 10])
async def test_a_job_that_is_polled_again_while_its_end_is_recorded_counts_once(
    seconds: float,
) -> None:
    world, destination = await polled()
    checkpoints = Lingering(world.services.storage.checkpoints, world.clock, seconds)
    world.having(storage=replace(world.services.storage, checkpoints=checkpoints))
    await all_sent_once(world, destination, await world.run())


@pytest.mark.parametrize("seconds", [5, 25, 600])
@pytest.mark.parametrize("at", range(1, 16))
async def test_what_was_answered_is_recorded_although_storage_was_away(
    at: int, seconds: int
) -> None:
    world, destination = await polled()
    away = Away(world.services.storage.checkpoints, world.clock, at, seconds)
    world.having(storage=replace(world.services.storage, checkpoints=away))
    run = await world.start()
    with suppress(Unavailable):
        await world.deliver()
    assert away.failed
    world.clock.advance(seconds + 120)
    await sweep_runs(world.services)
    await world.deliver()
    if seconds < 30:
        await all_sent_once(world, destination, run)
    else:
        repeated = Counter(destination.written()) - Counter(set(destination.written()))
        assert repeated.total() <= 2 * destination.limits.concurrency * BATCH


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


@dataclass(frozen=True)
class Jittery(Slow):
    """A destination whose requests take their time, each another one, and that loses some answers."""

    limits = replace(Slow.limits, concurrency=8)
    seconds_each: Sequence[float] = field(kw_only=True)  # of the requests, over and over
    loses: Sequence[int] = field(default=(), kw_only=True)  # requests whose answers are lost
    in_use: list[int] = field(default_factory=list, kw_only=True)  # connections, at each beginning
    asked: list[int] = field(default_factory=list, kw_only=True)  # the batch of each request
    over: list[float] = field(default_factory=list, kw_only=True)  # when each was answered

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch, in its time."""
        await api.post(f"/lists/{target.list_id}", self.body(target, batch))
        self.asked.append(batch.number)
        request = len(self.asked)
        self.in_use.append(request - len(self.over))
        await self.clock.sleep(self.seconds_each[request % len(self.seconds_each)])
        self.over.append(self.clock.monotonic())
        if request in self.loses:
            raise TryLater(say("Out of order."), 600)
        return Sent()


async def jittery(*seconds: float, rows: int, loses: Sequence[int] = ()) -> tuple[World, Jittery]:
    """Return a world with a file, and an export to a destination that takes so many seconds a request."""
    world = await ready()
    addresses = ("https://login.test", "https://{dc}.test", False)
    destination = Jittery(
        Client("id", "secret"),
        *addresses,
        clock=world.clock,
        seconds_each=seconds,
        loses=loses,
    )
    await world.drop(csv(rows))
    return world.having(destinations={destination.name: destination}), destination


@pytest.mark.parametrize(
    ("seconds", "share"), [((0.05,), 0.95), ((0.2,), 0.95), ((0.1, 0.5, 0.2, 0.3, 0.4), 0.95)]
)
async def test_a_connection_that_is_free_takes_the_next_batch(
    seconds: tuple[float, ...], share: float
) -> None:
    world, destination = await jittery(*seconds, rows=4_000)
    began = world.clock.monotonic()
    run = await world.run()
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    at_once, requests = destination.limits.concurrency, len(destination.asked)
    assert max(destination.in_use) == at_once
    needed = requests * sum(seconds) / len(seconds) / at_once
    assert needed / (destination.over[-1] - began) >= share


@pytest.mark.parametrize("loses", [[1], [3], [9, 12], range(20, 28), [100]])
async def test_after_a_lost_answer_only_the_requests_that_it_hit_are_sent_again(
    loses: Sequence[int],
) -> None:
    world, destination = await jittery(0.1, 0.9, 0.2, 0.3, rows=1_000, loses=loses)
    run = await world.run()
    assert run.status is RunStatus.SUCCESSFUL, run.reason
    assert (await world.progress(run)).counts.accepted == 1_000
    twice = Counter(destination.asked) - Counter(set(destination.asked))
    assert twice == Counter(destination.asked[request - 1] for request in loses)


async def test_a_canceled_run_accounts_for_answers_that_came_before_earlier_ones() -> None:
    world, destination = await jittery(0.1, 0.9, 0.2, 0.3, rows=1_000, loses=[20])
    run = await world.start()
    await world.deliver(most=1)
    checkpoint = await world.services.storage.checkpoints.get(run.id, CHECKPOINT)
    assert checkpoint is not None
    assert checkpoint.value.ahead
    await world.cancel(run)
    await world.deliver()
    progress = await world.progress(run)
    lost = destination.asked[19]
    assert progress.counts.unknown == BATCH
    assert progress.counts.accepted == BATCH * (len(destination.asked) - 1)
    assert progress.not_sent == 1_000 - BATCH * len(destination.asked)
    again = await world.run()
    assert lost in destination.asked[-(await world.progress(again)).batches :]
    assert (await world.progress(again)).counts.total == 1_000


@dataclass(frozen=True)
class Picky(Slow):
    """A destination that takes half a batch at most, and is ill at some requests before it takes them."""

    limits = replace(Slow.limits, concurrency=4)
    error: Exception = field(kw_only=True)
    ill_at: Sequence[int] = field(kw_only=True)
    asked: list[str] = field(default_factory=list, kw_only=True)  # the addresses of each request

    async def send(self, api: Api, target: Target, batch: Batch) -> Sent:
        """Take a batch, or refuse it whole, or not answer."""
        await api.post(f"/lists/{target.list_id}", self.body(target, batch))
        if batch.size > BATCH // 2:
            raise BatchRefused("too_many", say("Too many at once."))
        self.asked.append(batch.addresses.decode())
        if len(self.asked) in self.ill_at:
            raise self.error
        return await super().send(api, target, batch)


@pytest.mark.parametrize("ill_at", [[2], [1, 4], range(3, 9)])
@pytest.mark.parametrize(
    "error",
    [TryLater(say("Out of order."), 600), NeedsAttention(Culprit.LIST, say("Gone."))],
    ids=["try later", "needs attention"],
)
async def test_pieces_of_a_batch_that_were_taken_are_not_sent_again(
    ill_at: Sequence[int], error: Exception
) -> None:
    world = await ready()
    addresses = ("https://login.test", "https://{dc}.test", False)
    client = Client("id", "secret")
    destination = Picky(client, *addresses, clock=world.clock, error=error, ill_at=ill_at)
    world.having(destinations={destination.name: destination})
    await world.drop(csv(ROWS))
    run = await world.run()
    if isinstance(error, NeedsAttention):
        assert run.status is RunStatus.FAILED_PERMANENT, run.reason
        counts = (await world.progress(run)).counts
        assert counts.accepted + counts.unknown == len(destination.written())
        while (await now(world, run)).status is not RunStatus.SUCCESSFUL:
            run = await world.run()
        assert (await world.progress(run)).counts.total == ROWS
        assert set(destination.written()) == {f"user{n}@example.com" for n in range(ROWS)}
    else:
        await all_sent_once(world, destination, run)


async def test_a_slice_sends_its_first_batch_however_long_that_waits_for_its_turn() -> None:
    world = await ready()
    addresses = ("https://login.test", "https://{dc}.test", False)
    client = Client("id", "secret")
    destination = Unhurried(client, *addresses, clock=world.clock, ill_at=0)
    world.having(destinations={destination.name: destination}, slice_seconds=20)
    await world.drop(csv(4 * BATCH))
    run = await world.start()
    await world.deliver(most=40)
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert len(destination.asked) == 4
