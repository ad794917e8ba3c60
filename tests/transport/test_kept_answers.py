"""What was read is kept so long and no longer, and never more than so much of it."""

import asyncio

import pytest

from shared.transport.kept_answers import KeptAnswers
from tests.fakes.clock import FakeClock

MIB = 1024 * 1024


class Shelf:
    """Something to read from, which counts how often that was done."""

    def __init__(self) -> None:
        self.kept = KeptAnswers[str]()
        self.clock = FakeClock()
        self.read: list[str] = []

    async def get(self, key: str, characters: int = 10, after: int | None = None) -> str:
        """Read under a key."""

        async def look() -> str:
            self.read.append(key)
            await self.clock.sleep(1)
            return "x" * characters

        return await self.kept.read(self.clock, key, look, after)


async def test_the_oldest_goes_where_it_is_too_much() -> None:
    shelf = Shelf()
    for key in "abc":
        await shelf.get(key, 3 * MIB)
    for key in "cb":
        await shelf.get(key)
    assert shelf.read == ["a", "b", "c"]
    await shelf.get("a")
    assert shelf.read[3:] == ["a"]


async def test_many_small_ones_have_the_same_bound() -> None:
    shelf = Shelf()
    for number in range(200):
        await shelf.get(str(number), MIB // 10)
    shelf.read.clear()
    for number in reversed(range(200)):
        await shelf.get(str(number), MIB // 10)
    assert 110 < len(shelf.read) < 130


async def test_what_is_too_long_by_itself_is_not_kept_and_drives_nothing_out() -> None:
    shelf = Shelf()
    await shelf.get("a")
    for _ in range(2):
        assert len(await shelf.get("long", 9 * MIB)) == 9 * MIB
    await shelf.get("a")
    assert shelf.read == ["a", "long", "long"]


async def test_what_is_read_anew_takes_the_place_of_the_older() -> None:
    shelf = Shelf()
    for _ in range(5):
        await shelf.get("a", 3 * MIB, shelf.kept.readings)
        await shelf.get("b", 3 * MIB, shelf.kept.readings)
    assert len(shelf.read) == 10
    await shelf.get("a")
    assert len(shelf.read) == 10


async def test_who_wants_it_anew_shares_what_was_begun_after_they_came() -> None:
    shelf = Shelf()
    await shelf.get("a")
    came = shelf.kept.readings
    await asyncio.gather(*(shelf.get("a", after=came) for _ in range(20)))
    assert shelf.read == ["a", "a"]


async def test_a_failure_is_not_kept_and_the_next_one_tries() -> None:
    shelf = Shelf()

    async def fail() -> str:
        raise ConnectionError

    for _ in range(2):
        with pytest.raises(ConnectionError):
            await shelf.kept.read(shelf.clock, "a", fail)
    assert await shelf.get("a") == "x" * 10


async def test_two_minutes_count_from_when_reading_began() -> None:
    shelf = Shelf()
    await shelf.get("a")  # which takes a second
    shelf.clock.advance(118)
    await shelf.get("a")
    assert shelf.read == ["a"]
    shelf.clock.advance(1)
    await shelf.get("a")
    assert shelf.read == ["a", "a"]
