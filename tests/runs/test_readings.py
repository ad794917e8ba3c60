"""Once somebody has said that a segment is read in another way, the same file counts as new."""

from typing import Any

from shared.domain.people import Caller, Person, Role
from shared.domain.reading import DateOrder, Reading
from shared.domain.run import Run, RunStatus
from shared.domain.segment import SegmentVersion
from shared.exports.readings import remove_reading, set_reading
from shared.runs.freshness import Freshness
from shared.runs.prepare.prepare import resolve_versions
from tests.runs.world import World, csv, ready

ADMINISTRATOR = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)


async def said(world: World, **reading: Any) -> None:
    given = Reading.model_validate(reading)
    await set_reading(world.services, ADMINISTRATOR, "Customers", None, given)


async def delivered(world: World) -> Run | None:
    """Return the run that has delivered all there is, as every refresh looks for it."""
    [export] = await world.services.storage.exports.page("all")
    return await Freshness(world.services.storage, world.clock.now()).last_try(export.value)


async def test_the_same_file_is_new_once_it_is_read_in_another_way() -> None:
    world = await ready()
    await world.drop(csv(2))
    first = await world.run()
    assert first.status is RunStatus.SUCCESSFUL
    assert await delivered(world) == first
    await said(world, nulls=["NULL"])
    assert await delivered(world) is None
    world.clock.advance(1)  # runs of one instant come in any order
    second = await world.run()
    assert await delivered(world) == second
    await remove_reading(world.services, ADMINISTRATOR, "Customers", None)
    assert await delivered(world) is None


async def test_a_reading_that_says_nothing_changes_nothing() -> None:
    world = await ready()
    await world.drop(csv(2))
    first = await world.run()
    await said(world, nulls=["NULL"])
    await said(world)
    assert await delivered(world) == first


async def test_a_reading_is_part_of_what_a_version_is_known_by() -> None:
    world = await ready()
    await world.drop(csv(2))
    [export] = await world.services.storage.exports.page("all")
    [plain] = await resolve_versions(world.services.storage, export.value, world.clock.now())
    assert plain.key == f"{plain.path}|{plain.etag}"
    keys = {plain.key}
    for reading in (
        Reading(delimiter=";"),
        Reading(delimiter="|"),
        Reading(encoding="latin1"),
        Reading(dates={"a": DateOrder.DMY}),
        Reading(dates={"b": DateOrder.DMY}),
    ):
        keys.add(plain.read_by(reading).key)
    assert len(keys) == 6
    one = Reading(dates={"a": DateOrder.DMY, "b": DateOrder.MDY})
    other = Reading(dates={"b": DateOrder.MDY, "a": DateOrder.DMY})
    assert plain.read_by(one).key == plain.read_by(other).key


async def test_a_run_keeps_the_reading_with_which_it_began() -> None:
    world = await ready()
    storage = world.services.storage
    await world.drop(csv(2))
    await said(world, nulls=["NULL"])
    [export] = await storage.exports.page("all")
    began = await resolve_versions(storage, export.value, world.clock.now())
    await said(world, nulls=["None"])
    await world.drop(csv(3))
    [kept] = await resolve_versions(storage, export.value, world.clock.now(), began)
    [fresh] = await resolve_versions(storage, export.value, world.clock.now())
    assert kept.path == fresh.path
    assert (kept.reading, fresh.reading) == (Reading(nulls=["NULL"]), Reading(nulls=["None"]))


async def test_a_run_that_began_without_a_reading_goes_on_without_one() -> None:
    world = await ready()
    storage = world.services.storage
    await world.drop(csv(2))
    [export] = await storage.exports.page("all")
    began = await resolve_versions(storage, export.value, world.clock.now())
    await said(world, nulls=["NULL"])
    assert await resolve_versions(storage, export.value, world.clock.now(), began) == began


def test_a_version_of_a_run_from_before_has_no_reading() -> None:
    stored = (
        '{"segment": "S", "path": "S.csv", "etag": "1", "size": 1,'
        ' "modified": "2026-11-21T09:00:00Z"}'
    )
    version = SegmentVersion.model_validate_json(stored)
    assert (version.reading, version.key) == (None, "S.csv|1")
