"""Lists in pages: complete, in order, and without anything twice, whatever happens in between."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from shared.records.paging import Sort, Wanted, folded, listed
from shared.storage.entries import ALL
from shared.storage.ports import Stored
from tests.fakes.storage import MemoryRecords


class Thing(BaseModel, frozen=True):
    name: str
    shown: bool = True


class Watched(MemoryRecords[Thing]):
    """Counts what is read."""

    read = 0

    async def page(
        self, partition: str, *, after: str = "", before: str = "\uffff", limit: int = 100
    ) -> Sequence[Stored[Thing]]:
        """Return a page, and count what is on it."""
        found = await super().page(partition, after=after, before=before, limit=limit)
        self.read += len(found)
        return found


async def filled(names: Sequence[str]) -> Watched:
    records = Watched(Thing)
    for number, name in enumerate(names):
        await records.insert(ALL, f"{number:04d}", Thing(name=name))
    return records


async def page(records: Watched, wanted: Wanted, after: str = "") -> tuple[list[str], str | None]:
    """Return the keys of a page, and where the next begins."""
    here = Wanted(wanted.search, wanted.sort, after, wanted.limit)
    found, onward = await listed(records, here, lambda each: each.name, lambda each: each.shown)
    return [stored.key for stored in found], onward


async def everything(records: Watched, wanted: Wanted) -> list[str]:
    keys, onward = await page(records, wanted)
    while onward:
        more, onward = await page(records, wanted, onward)
        keys += more
    return keys


def in_order(things: dict[str, Thing], sort: Sort) -> list[str]:
    """The model: what is shown, sorted in the plainest way."""
    by_name = sort in (Sort.NAME, Sort.NAME_REVERSED)

    def place(key: str) -> tuple[str, str]:
        return (things[key].name.casefold() if by_name else "", key)

    shown = [key for key, thing in things.items() if thing.shown]
    return sorted(shown, key=place, reverse=sort in (Sort.NEWEST, Sort.NAME_REVERSED))


names = st.sampled_from(["a", "A", "b", "Ä", "ab", ""])
changes = st.lists(
    st.tuples(st.integers(0, 40), st.none() | st.builds(Thing, name=names, shown=st.booleans())),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    before=st.lists(st.builds(Thing, name=names, shown=st.booleans()), max_size=25),
    between=st.lists(changes, max_size=8),
    sort=st.sampled_from(Sort),
    limit=st.integers(1, 7),
)
def test_what_stays_is_on_exactly_one_page_in_order_whatever_is_added_and_removed(
    before: list[Thing], between: list[list[tuple[int, Thing | None]]], sort: Sort, limit: int
) -> None:
    """Between two pages things with other keys come, and things go; none is changed in place."""
    asyncio.run(_walk(before, between, sort, limit))


async def _walk(
    before: list[Thing], between: list[list[tuple[int, Thing | None]]], sort: Sort, limit: int
) -> None:
    records = Watched(Thing)
    now = {f"{number:04d}": thing for number, thing in enumerate(before)}
    for key, thing in now.items():
        await records.insert(ALL, key, thing)
    all_along, ever = dict(now), dict(now)
    wanted, seen = Wanted(sort=sort, limit=limit), list[str]()
    onward: str | None = ""
    rounds = iter(between)
    while onward is not None:
        keys, onward = await page(records, wanted, onward)
        assert len(keys) <= limit
        assert len(keys) == limit or onward is None
        seen += keys
        for number, added in next(rounds, []):
            key = f"{number:04d}"
            if added is None:
                await records.delete(ALL, key)
                now.pop(key, None)
                all_along.pop(key, None)
            elif key not in ever:
                await records.insert(ALL, key, added)
                now[key] = ever[key] = added

    assert seen == [key for key in in_order(ever, sort) if key in set(seen)]
    assert [key for key in seen if key in all_along] == in_order(all_along, sort)


@pytest.mark.parametrize("sort", Sort)
async def test_a_list_longer_than_one_request_is_complete(sort: Sort) -> None:
    records = await filled([f"Name {number % 700}" for number in range(2100)])
    keys = await everything(records, Wanted(sort=sort, limit=100))
    assert sorted(keys) == [f"{number:04d}" for number in range(2100)]


async def test_a_page_by_age_reads_only_what_it_shows() -> None:
    records = await filled(["x"] * 2000)
    _, onward = await page(records, Wanted(limit=50))
    assert records.read == 51
    assert onward is not None
    await page(records, Wanted(limit=50), onward)
    assert records.read == 102


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", ["Våren", "Sommar", "STRASSE 5"]),
        ("VÅR", ["Våren"]),
        ("va\u030aren", ["Våren"]),
        ("straße", ["STRASSE 5"]),
        (" sommar ", ["Sommar"]),
        ("r", ["Våren", "Sommar", "STRASSE 5"]),
        ("x", []),
    ],
)
@pytest.mark.parametrize("sort", Sort)
async def test_a_search_finds_part_of_a_name_however_it_is_written(
    search: str, found: list[str], sort: Sort
) -> None:
    stored = ["Våren", "Sommar", "STRASSE 5"]
    keys = await everything(await filled(stored), Wanted(search, sort, limit=1))
    assert {stored[int(key)] for key in keys} == set(found)
    assert len(keys) == len(found)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize(
    "after", ["nonsense", "[]", '["a"]', '[1, "0001"]', '{"a": 1}', "null", "[", "\\u0000"]
)
async def test_a_place_that_was_never_given_is_the_beginning(sort: Sort, after: str) -> None:
    records = await filled(["b", "a"])
    first = await page(records, Wanted(sort=sort, limit=1))
    assert await page(records, Wanted(sort=sort, limit=1), after) == first


@given(st.text(max_size=100))
def test_a_place_fits_a_cursor_and_is_plain(name: str) -> None:
    async def place() -> str | None:
        return (await page(await filled([name, name]), Wanted(sort=Sort.NAME, limit=1)))[1]

    onward = asyncio.run(place())
    assert onward is not None
    assert len(onward) < 1400  # a cursor, which is this in base64, may have 2,000 characters
    assert onward.isprintable()


def test_case_and_composition_make_no_difference() -> None:
    assert folded(" VA\u030aREN") == folded("våren")
