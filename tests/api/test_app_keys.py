"""The app's own keys: read from the vault once an hour, whatever comes."""

import asyncio
from dataclasses import replace

import pytest

from shared.records.app_keys import AppKey, app_key
from shared.storage.ports import Unavailable
from tests.api.office import Office
from tests.fakes.storage import MemorySecrets


class Counting(MemorySecrets):
    """A vault that counts how often it is read, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.sets = 0
        self.asked = asyncio.Event()
        self.away = False

    async def get(self, name: str) -> str:
        """Return a secret's value; raise Missing or Unavailable."""
        self.reads += 1
        self.asked.set()
        await asyncio.sleep(0)  # a turn of the loop, in which others may want it, too
        if self.away:
            raise Unavailable(name)
        return await super().get(name)

    async def set(self, name: str, value: str) -> None:
        """Store a secret."""
        self.sets += 1
        await super().set(name, value)


@pytest.fixture
def vault(office: Office) -> Counting:
    vault = Counting()
    storage = replace(office.services.storage, secrets=vault)
    office.services = replace(office.services, storage=storage)
    return vault


async def test_a_key_is_read_once_an_hour(office: Office, vault: Counting) -> None:
    await vault.set(AppKey.REPORTS, "ab" * 32)
    for _ in range(100):
        assert await app_key(office.services, AppKey.REPORTS) == b"\xab" * 32
    assert vault.reads == 1
    office.clock.advance(3601)
    await app_key(office.services, AppKey.REPORTS)
    assert vault.reads == 2


@pytest.mark.parametrize("is_there", [True, False])
async def test_many_who_want_a_key_at_once_read_or_make_it_once(
    office: Office, vault: Counting, is_there: bool
) -> None:
    if is_there:
        await vault.set(AppKey.REPORTS, "ab" * 32)
    wanted = [app_key(office.services, AppKey.REPORTS) for _ in range(50)]
    assert len(set(await asyncio.gather(*wanted))) == 1
    assert vault.reads == (1 if is_there else 2)
    assert vault.sets == 1


async def test_who_gives_up_does_not_keep_a_key_from_others(
    office: Office, vault: Counting
) -> None:
    first, second = (
        asyncio.create_task(app_key(office.services, AppKey.REPORTS)) for _ in range(2)
    )
    await vault.asked.wait()
    first.cancel()
    assert len(await second) == 32
    assert vault.sets == 1


async def test_a_key_that_another_host_made_at_the_same_time_wins(
    office: Office, vault: Counting
) -> None:
    await app_key(office.services, AppKey.REPORTS)
    await vault.set(AppKey.REPORTS, "cd" * 32)  # by the other one, which had found none either
    assert await app_key(office.services, AppKey.REPORTS) == b"\xcd" * 32


async def test_a_key_that_was_replaced_counts_within_an_hour(
    office: Office, vault: Counting
) -> None:
    for value in ("ab", "cd"):
        await vault.set(AppKey.REPORTS, value * 32)
        assert await app_key(office.services, AppKey.REPORTS) == bytes.fromhex(value * 32)
        office.clock.advance(3601)


async def test_while_the_vault_is_away_one_call_an_hour_finds_that_out(
    office: Office, vault: Counting
) -> None:
    await vault.set(AppKey.REPORTS, "ab" * 32)
    await app_key(office.services, AppKey.REPORTS)
    office.clock.advance(3601)
    vault.away = True
    with pytest.raises(Unavailable):
        await app_key(office.services, AppKey.REPORTS)
    for _ in range(10):
        assert await app_key(office.services, AppKey.REPORTS) == b"\xab" * 32
    assert vault.reads == 2
