"""A record is changed as the newest one is, whoever else changes it."""

from datetime import date

import pytest

from shared.storage.entries import Quota, SettingsTable
from shared.storage.guarded_update import Contended, guarded_update
from shared.storage.ports import Stored
from tests.fakes.storage import MemoryRecords

TODAY = date(2026, 11, 24)


def one_more(stored: Stored[Quota]) -> Quota:
    return stored.value.model_copy(update={"day": TODAY, "used": stored.value.used + 1})


async def test_what_is_not_there_is_begun_with_and_what_is_there_is_changed() -> None:
    records = MemoryRecords(Quota)
    for used in (1, 2):
        now = await guarded_update(records, SettingsTable.QUOTAS, "acme", Quota, one_more, tries=1)
        assert now.value.used == used
        assert await records.get(SettingsTable.QUOTAS, "acme") == now


async def test_nothing_is_written_where_nothing_changes() -> None:
    records = MemoryRecords(Quota)
    await guarded_update(
        records, SettingsTable.QUOTAS, "acme", Quota, lambda now: now.value, tries=1
    )
    assert await records.get(SettingsTable.QUOTAS, "acme") is None
    await records.put(SettingsTable.QUOTAS, "acme", Quota(used=7))
    before = await records.get(SettingsTable.QUOTAS, "acme")
    await guarded_update(
        records, SettingsTable.QUOTAS, "acme", Quota, lambda now: now.value, tries=1
    )
    assert await records.get(SettingsTable.QUOTAS, "acme") == before


class Racing(MemoryRecords[Quota]):
    """Records that somebody else changes just after each of so many reads."""

    def __init__(self, times: int) -> None:
        super().__init__(Quota)
        self._times = times

    async def get(self, partition: str, key: str) -> Stored[Quota] | None:
        found = await super().get(partition, key)
        if self._times:
            self._times -= 1
            used = found.value.used if found else 0
            await self.put(partition, key, Quota(day=TODAY, used=used + 10))
        return found


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_who_was_overtaken_changes_what_the_other_left(times: int) -> None:
    now = await guarded_update(
        Racing(times), SettingsTable.QUOTAS, "acme", Quota, one_more, tries=3
    )
    assert now.value.used == 10 * times + 1


async def test_who_is_always_overtaken_gives_up() -> None:
    racing = Racing(3)
    with pytest.raises(Contended):
        await guarded_update(racing, SettingsTable.QUOTAS, "acme", Quota, one_more, tries=3)
    stored = await racing.get(SettingsTable.QUOTAS, "acme")
    assert stored is not None
    assert stored.value.used == 30
