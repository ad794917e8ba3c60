"""The index of which exports are on a connection never overlooks one, and spares looking at all others."""

from contextlib import suppress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.connections.index import exports_on, placed
from shared.domain.export import Export
from shared.storage.entries import ALL
from shared.storage.ports import Storage, Stored
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryRecords, memory_storage
from tests.runs.world import World

CONNECTIONS = ("a", "b")
EXPORTS = ("1", "2", "3")
MOVES = st.tuples(
    st.sampled_from(EXPORTS), st.sampled_from((*CONNECTIONS, None, "gone")), st.booleans()
)


class Died(Exception):
    """The process ended here."""


class CountedExports(MemoryRecords[Export]):
    """The exports, of which every read is counted."""

    reads = 0

    async def get(self, partition: str, key: str) -> Stored[Export] | None:
        type(self).reads += 1
        return await super().get(partition, key)


async def moved(storage: Storage, template: Export, key: str, to: str | None, dies: bool) -> None:
    """Create, attach, detach or (`gone`) remove an export, unless the process ends before that."""
    stored = await storage.exports.get(ALL, key)
    before = stored.value if stored else None
    new = {"id": key, "name": key, "connection_id": to}
    after = None if to == "gone" else template.model_copy(update=new)
    async with placed(storage, before, after):
        if dies:
            raise Died
        if after:
            await storage.exports.put(ALL, key, after)
        else:
            await storage.exports.delete(ALL, key)


@given(st.lists(MOVES, max_size=12))
async def test_it_tells_of_exactly_those_that_are_there_whatever_happened(
    moves: list[tuple[str, str | None, bool]],
) -> None:
    storage, template = memory_storage(FakeClock()), await World().export()
    for move in moves:
        with suppress(Died):
            await moved(storage, template, *move)
    there = await storage.exports.page(ALL)
    for connection in CONNECTIONS:
        known = [each.value.name for each in there if each.value.connection_id == connection]
        assert await exports_on(storage, connection) == known


async def test_one_that_is_put_back_while_it_is_taken_away_is_still_told_of() -> None:
    storage, template = memory_storage(FakeClock()), await World().export()
    here = template.model_copy(update={"id": "1", "name": "1", "connection_id": "a"})
    await moved(storage, template, "1", "a", dies=False)
    detached = here.model_copy(update={"connection_id": None})
    async with placed(storage, here, detached):
        await storage.exports.put(ALL, "1", detached)
        await moved(storage, template, "1", "a", dies=False)
    assert await exports_on(storage, "a") == ["1"]


async def test_only_the_exports_on_a_connection_are_read() -> None:
    counted = CountedExports(Export)
    storage = replace(memory_storage(FakeClock()), exports=counted)
    template = await World().export()
    for number in range(50):
        await moved(storage, template, str(number), "a" if number < 3 else "b", dies=False)
    before = CountedExports.reads
    assert await exports_on(storage, "a") == ["0", "1", "2"]
    assert CountedExports.reads == before + 3
