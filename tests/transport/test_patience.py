"""What a slice asks again itself, and what it leaves to a later one."""

from collections.abc import Mapping
from typing import Any

import pytest

from shared.destinations.contract import Read
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say
from shared.transport.client import Begin
from shared.transport.patience import PatientReads
from tests.fakes.clock import FakeClock

WHY = say("Because.")


class Failing:
    """An account that fails so often, each time after so many seconds, and then answers.

    Each request waits `turn` seconds before it is its turn.
    """

    def __init__(
        self,
        clock: FakeClock,
        errors: list[DestinationError],
        seconds: float = 0,
        turn: float = 0,
    ) -> None:
        self.calls = 0
        self._clock = clock
        self._errors = errors
        self._seconds = seconds
        self._turn = turn

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, begin: Begin | None = None
    ) -> Any:
        self.calls += 1
        await self._clock.sleep(self._turn)
        if begin is not None:
            await begin()
        await self._clock.sleep(self._seconds)
        if self._errors:
            raise self._errors.pop(0)
        return {"path": path, "params": params}

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        return await self.get(path, params)


@pytest.mark.parametrize(
    ("errors", "seconds"),
    [
        ([], 0),
        ([TryLater(WHY)], 0.5),
        ([TryLater(WHY), TryLater(WHY)], 0.5 + 1),
        ([RateLimited(WHY, 2), TryLater(WHY, 1)], 2 + 1),
        ([RateLimited(WHY, 0)], 0),
        ([RateLimited(WHY)], 1),
        ([RateLimited(WHY), RateLimited(WHY)], 1 + 1),
    ],
    ids=[
        "nothing",
        "one failure",
        "two",
        "as long as was asked for",
        "no wait was asked for",
        "a refusal",
        "two refusals",
    ],
)
async def test_what_passes_quickly_is_waited_for(
    errors: list[DestinationError], seconds: float
) -> None:
    clock = FakeClock()
    account = Failing(clock, errors)
    tries = len(errors) + 1
    answer = await PatientReads(account, clock).get("/lists", {"a": "b"})
    assert answer == {"path": "/lists", "params": {"a": "b"}}
    assert (account.calls, clock.monotonic()) == (tries, seconds)


@pytest.mark.parametrize(
    ("errors", "tries", "seconds"),
    [
        ([TryLater(WHY)] * 3, 3, 1.5),
        ([TryLater(WHY, 2.1)], 1, 0),
        ([RateLimited(WHY, 60)], 1, 0),
        ([DailyQuotaExhausted(WHY)], 1, 0),
        ([NeedsAttention(Culprit.LIST, WHY)], 1, 0),
        ([BatchRefused("http_400", WHY)], 1, 0),
    ],
    ids=["lasts", "a longer wait", "a limit", "the day is spent", "a person must act", "refused"],
)
async def test_what_lasts_is_left_to_a_later_slice(
    errors: list[DestinationError], tries: int, seconds: float
) -> None:
    clock = FakeClock()
    account, last = Failing(clock, errors), errors[-1]
    with pytest.raises(DestinationError) as raised:
        await PatientReads(account, clock).get("/lists")
    assert raised.value is last
    assert (account.calls, clock.monotonic()) == (tries, seconds)


@pytest.mark.parametrize(("seconds", "tries"), [(10, 2), (10.1, 1)])
async def test_a_failure_that_took_long_to_come_is_not_waited_for_again(
    seconds: float, tries: int
) -> None:
    clock = FakeClock()
    account = Failing(clock, [TryLater(WHY), NeedsAttention(Culprit.LIST, WHY)], seconds)
    with pytest.raises(DestinationError):
        await PatientReads(account, clock).get("/lists")
    assert account.calls == tries


async def test_the_wait_for_its_turn_is_no_part_of_a_failure() -> None:
    clock = FakeClock()
    account = Failing(clock, [TryLater(WHY)], seconds=1, turn=60)
    assert await PatientReads(account, clock).get("/lists")
    assert account.calls == 2


async def test_what_is_written_is_sent_once() -> None:
    clock = FakeClock()
    account = Failing(clock, [TryLater(WHY)])
    with pytest.raises(TryLater):
        await PatientReads(account, clock).post("/lists", b"{}")
    assert account.calls == 1
