"""What saving an export warns of, and how little is read to know it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.domain.errors import MemberPath
from shared.domain.export import Export
from shared.exports.warnings import warnings
from shared.segments.catalogue import newest_version
from shared.segments.stats import stats_of
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs
from tests.runs.world import World, csv, ready

MOST = 100


class Read(MemoryBlobs):
    """Counts the pieces that are read of segment files."""

    pieces = 0

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield the pieces of a blob."""
        async for piece in super().stream(name, etag):
            self.pieces += 1
            yield piece


async def world_of(**segments: int) -> tuple[World, Read, Export]:
    """Return a world whose export may have 100 profiles, with segments of so many rows."""
    world = await ready(max_profiles=MOST)
    files = Read(FakeClock(), piece=1000)
    world.having(storage=replace(world.services.storage, segments=files))
    for name, rows in segments.items():
        await world.drop(csv(rows), f"{name}/1.csv")
    return world, files, await world.export("many", segments=list(segments))


async def said(world: World, export: Export) -> list[tuple[MemberPath, str]]:
    return [(one.members, str(one.reason)) for one in await warnings(world.services, export)]


async def members(world: World, name: str) -> int | None:
    """Return how many members a segment has, as far as that is kept."""
    storage = world.services.storage
    version = await newest_version(storage.segments, name, world.clock.now())
    assert version is not None
    return (await stats_of(storage.segments, storage.versions, version)).rows


@pytest.mark.parametrize(
    ("segments", "where", "what"),
    [
        ({"A": 100}, [], ""),
        ({"A": 101}, [("segments", 0)], "The segment A has more than 100 rows"),
        ({"A": 50, "B": 50}, [], ""),
        ({"A": 50, "B": 51}, [("segments",)], "The segments have more than 100 rows together"),
        ({"A": 1, "B": 200}, [("segments", 1)], "The segment B has more than 100 rows"),
        ({}, [], ""),
    ],
    ids=str,
)
async def test_segments_with_more_members_than_the_limit_are_warned_of(
    segments: dict[str, int], where: list[MemberPath], what: str
) -> None:
    world, _, export = await world_of(**segments)
    found = await said(world, export)
    assert [about for about, _ in found] == where
    assert all(reason.startswith(what) and "Mailchimp" in reason for _, reason in found)


async def test_files_too_small_to_hold_too_many_are_not_read() -> None:
    world, files, export = await world_of(A=10, B=10)
    world.having(max_profiles=1_000)
    assert await said(world, export) == []
    assert files.pieces == 0


async def test_a_version_is_counted_once() -> None:
    world, files, export = await world_of(A=90)
    assert await said(world, export) == []
    read = files.pieces
    assert read > 0
    assert await said(world, export) == []
    assert files.pieces == read
    assert await members(world, "A") == 90


async def test_another_version_is_counted_anew() -> None:
    world, _, export = await world_of(A=90)
    assert await said(world, export) == []
    await world.drop(csv(101), "A/2.csv")
    assert [about for about, _ in await said(world, export)] == [("segments", 0)]


async def test_a_higher_limit_asks_for_no_other_count() -> None:
    world, files, export = await world_of(A=150)
    assert len(await said(world, export)) == 1
    read = files.pieces
    world.having(max_profiles=149)
    assert len(await said(world, export)) == 1
    world.having(max_profiles=150)
    assert await said(world, export) == []
    assert files.pieces == read


async def test_a_segment_without_a_file_is_warned_of() -> None:
    world, _, export = await world_of(A=10)
    await world.services.storage.segments.delete("A/")
    assert await said(world, export) == [
        (("segments", 0), "The segment A has no file now. Runs fail without.")
    ]


async def test_a_file_that_cannot_be_read_is_warned_of() -> None:
    world, _, export = await world_of(A=10)
    await world.drop(csv(200).encode() + b"\xff,,\n", "A/2.csv")
    world.having(max_profiles=1_000)
    [(about, reason)] = await said(world, export)
    assert about == ("segments", 0)
    assert reason.startswith("Runs would fail: A/2.csv, line 202: in the column ")


async def test_a_run_counts_the_members_of_what_it_reads() -> None:
    world, _, _ = await world_of(A=10, B=20)
    await world.run(export="many")
    assert await members(world, "A") == 10
    assert await members(world, "B") == 20
