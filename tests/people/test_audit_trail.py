"""Whenever a process dies: what was done is in the trail."""

from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any

import pytest

from shared.connections.manage import change_connection
from shared.connections.schemas import ConnectionChanges
from shared.domain.audit import Action, Entry
from shared.domain.people import Caller, Person, Role
from shared.domain.run import Mode, Trigger, TriggerKind
from shared.exports.manage import remove_export
from shared.runs.start import start_run
from shared.services import Services
from shared.storage.entries import ALL
from tests.fakes.people import ANN
from tests.runs.mortal import Life, in_life, survives
from tests.runs.world import World, ready

ADMINISTRATOR = Caller(Person(id="1", name="Ann"), Role.ADMINISTRATOR)


async def start(services: Services) -> None:
    at = services.clock.now()
    trigger = Trigger(kind=TriggerKind.ON_DEMAND, key="asked", at=at)
    await start_run(services, "export", trigger, Mode.CHANGES)


async def rename(services: Services) -> None:
    changes = ConnectionChanges(display_name="Renamed")
    await change_connection(services, ANN, "connection", None, changes)


async def remove(services: Services) -> None:
    await remove_export(services, ADMINISTRATOR, "export", None)


async def started(world: World) -> bool:
    return bool(await world.services.storage.runs.page("export"))


async def renamed(world: World) -> bool:
    stored = await world.services.storage.connections.get(ALL, "connection")
    return stored is not None and stored.value.display_name == "Renamed"


async def removed(world: World) -> bool:
    return await world.services.storage.exports.get(ALL, "export") is None


async def told(world: World, partition: str) -> list[Entry]:
    return [stored.value for stored in await world.services.storage.audit.page(partition)]


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after"])
@pytest.mark.parametrize(
    ("deed", "done", "action", "partition"),
    [
        (start, started, Action.RUN_STARTED, "of-export"),
        (rename, renamed, Action.CONNECTION_CHANGED, "of-connection"),
        (remove, removed, Action.EXPORT_REMOVED, "of-export"),
    ],
    ids=["start", "rename", "remove"],
)
async def test_whatever_was_done_when_a_process_died_is_told_in_both_places(
    deed: Callable[[Services], Coroutine[Any, Any, None]],
    done: Callable[[World], Awaitable[bool]],
    action: Action,
    partition: str,
    after: bool,
) -> None:
    outcomes = set()
    for dies_at in count(1):
        world = await ready()
        life = Life(dies_at, after)
        lived = await survives(life, deed(in_life(world.services, world.mailchimp, life)))
        happened = await done(world)
        if happened:
            for place in (ALL, partition):
                assert [entry.action for entry in await told(world, place)] == [action]
        outcomes.add(happened)
        if lived:
            break
    assert outcomes == {False, True}
