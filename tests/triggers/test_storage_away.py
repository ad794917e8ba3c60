"""An event is given up within half a second: what then brings its file is the timer."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.run import RunStatus
from shared.storage.ports import Unavailable
from shared.triggers.arrivals import arrive
from tests.triggers.field import FieldWorld, somebody

PATH = "S/1.csv"
TRIES = 5
"""How often the Functions host runs a function for an event, with no waits between."""


class Away:
    """A port to storage that does not answer."""

    def __getattr__(self, method: str) -> Any:
        raise Unavailable(method)


async def test_storage_away_for_five_seconds_at_a_landing_costs_minutes_and_no_file() -> None:
    world = await FieldWorld.of()
    await world.land(PATH, somebody("ann"), event=False)
    services = world.world.services
    away: Any = Away()
    without = replace(services, storage=replace(services.storage, segments=away, exports=away))
    for _ in range(TRIES):
        with pytest.raises(Unavailable):
            await arrive(without, PATH)
        world.world.clock.advance(0.1)
    world.world.clock.advance(5)
    await world.minutes(3)  # two, and up to one until the timer comes
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    assert world.members() == {"ann"}


async def test_an_event_that_no_instance_was_there_to_take_costs_minutes_and_no_file() -> None:
    world = await FieldWorld.of()
    await world.land(PATH, somebody("ann"), event=False)
    await world.minutes(3)
    assert await world.statuses() == [RunStatus.SUCCESSFUL]
    assert world.members() == {"ann"}
