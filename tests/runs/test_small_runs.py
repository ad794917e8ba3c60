"""What a small run costs of storage, from the event of its file to its end, and in which order.

Counted are requests of tables and blobs as Azure counts them, in the first run on an account: a lease on a
blob that is not there yet takes three, and removing what has a prefix takes a listing and a batch. The
vault and the queue are not counted.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import fields, replace
from inspect import isasyncgenfunction
from typing import Any

from shared.domain.run import RunStatus
from shared.services import Services
from shared.storage.ports import Storage
from shared.triggers.arrivals import arrive
from tests.runs.world import World, csv, ready

MOST = 36
_BLOBS = {"segments", "run_files", "delivered", "checkpoints", "lanes"}
_REQUESTS = {"lanes.acquire": 3, "run_files.delete": 2}  # where it is not one
_NOT_COUNTED = {"secrets", "slices"}
_ANSWER = 0.01  # seconds that each operation takes


class TimedPort:
    """A port that notes each operation, and takes a hundredth of a second for it."""

    def __init__(self, port: Any, name: str, world: World, operations: list[tuple[float, str]]):
        self._port = port
        self._name = name
        self._clock = world.clock
        self._operations = operations

    def __getattr__(self, method: str) -> Callable[..., Any]:
        call = getattr(self._port, method)
        if isasyncgenfunction(call):
            return lambda *given, **named: self._pieces(method, call(*given, **named))

        async def timed(*given: Any, **named: Any) -> Any:
            await self._take_time(method)
            return await call(*given, **named)

        return timed

    async def _pieces(self, method: str, pieces: AsyncIterator[Any]) -> AsyncIterator[Any]:
        await self._take_time(method)
        async for piece in pieces:
            yield piece

    async def _take_time(self, method: str) -> None:
        self._operations.append((self._clock.monotonic(), f"{self._name}.{method}"))
        await self._clock.sleep(_ANSWER)


def timed(world: World) -> tuple[Services, list[tuple[float, str]]]:
    """Return services whose operations are noted, each with the second at which it began."""
    operations: list[tuple[float, str]] = []
    storage = world.services.storage
    ports = {
        each.name: TimedPort(port, each.name, world, operations)
        for each in fields(Storage)
        if (port := getattr(storage, each.name)) is not None
    }
    return replace(world.services, storage=replace(storage, **ports)), operations


def requests(operations: list[tuple[float, str]]) -> Counter[str]:
    """Return how many requests tables and blobs got."""
    counts: Counter[str] = Counter()
    for _, operation in operations:
        port = operation.partition(".")[0]
        if port not in _NOT_COUNTED:
            counts["blobs" if port in _BLOBS else "tables"] += _REQUESTS.get(operation, 1)
    return counts


async def small_run() -> tuple[World, list[tuple[float, str]]]:
    """Run an export of a hundred profiles by the event of their file."""
    world = await ready()
    await world.drop(csv(100))
    services, operations = timed(world)
    await arrive(services, "Customers/1.csv")
    [stored] = await world.services.storage.runs.page("export")
    assert stored.value.status is RunStatus.SUCCESSFUL
    assert len(world.mailchimp.members) == 100
    return world, operations


async def test_a_run_of_a_hundred_profiles_takes_few_requests_of_storage() -> None:
    _, operations = await small_run()
    counts = requests(operations)
    in_order = "\n".join(f"{at:7.2f} {operation}" for at, operation in operations)
    assert counts.total() <= MOST, f"{counts}\n{in_order}"


async def test_what_is_independent_goes_side_by_side() -> None:
    _, operations = await small_run()
    counted = [each for each in operations if each[1].partition(".")[0] not in _NOT_COUNTED]
    steps = sorted({at for at, _ in counted})
    assert len(steps) <= 27, counted
    first_byte = next(at for at, each in counted if each == "segments.stream")
    # The second writing of the checkpoint after that says that the first request is about to leave.
    reserved = [at for at, each in counted if each == "checkpoints.replace"][1]
    assert sum(first_byte <= at <= reserved for at in steps) <= 7, counted
