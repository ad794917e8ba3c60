"""Nobody who has left is ever subscribed again by us, in whatever order things happen."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.run import Mode
from tests.contract.destinations.side import Side, fault
from tests.contract.destinations.sides import SIDES
from tests.contract.destinations.world import World, address, ready

PEOPLE = 30
KINDS = ("500", "reset-after", "cut-200", "odd-200", "429")


@dataclass(frozen=True)
class Leaves:
    """A person leaves, known to the vendor or not."""

    person: int

    async def happens(self, world: World, side: Side) -> None:
        side.unsubscribe(address(self.person))


@dataclass(frozen=True)
class Refreshes:
    """The segment has these people now, under these names."""

    people: frozenset[int]
    name: str

    async def happens(self, world: World, side: Side) -> None:
        lines = (f"{address(n)},{self.name},x\n" for n in sorted(self.people))
        await world.drop("Email,First,Last\n" + "".join(lines))


@dataclass(frozen=True)
class Runs:
    """The export runs."""

    mode: Mode

    async def happens(self, world: World, side: Side) -> None:
        await world.run(self.mode)


@dataclass(frozen=True)
class Breaks:
    """The next request fails."""

    kind: str

    async def happens(self, world: World, side: Side) -> None:
        side.faults.queued.append(fault(self.kind, "*", count=1))


@dataclass(frozen=True)
class Remaps:
    """Somebody changes what the export sends, so that everything is sent anew."""

    fields: tuple[str, ...]

    async def happens(self, world: World, side: Side) -> None:
        columns = {"email": "Email", "first_name": "First", "last_name": "Last"}
        await world.export(
            fields={name: columns[name] for name in ("email", *self.fields)},
            clear_when_empty=list(self.fields),
        )


EVENTS = st.one_of(
    st.builds(Leaves, st.integers(0, PEOPLE)),
    st.builds(
        Refreshes,
        st.frozensets(st.integers(0, PEOPLE), min_size=1),
        st.sampled_from(["A", "B", ""]),
    ),
    st.builds(Runs, st.sampled_from(Mode)),
    st.builds(Breaks, st.sampled_from(KINDS)),
    st.builds(Remaps, st.sampled_from([(), ("first_name",), ("first_name", "last_name")])),
)


@pytest.mark.rule("left-stays-away")
@pytest.mark.parametrize("name", SIDES)
@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, max_size=12))
async def test_who_has_left_stays_away(
    name: str, events: list[Leaves | Refreshes | Runs | Breaks | Remaps]
) -> None:
    side = SIDES[name]()
    world = await ready(side)
    await Refreshes(frozenset(range(PEOPLE)), "A").happens(world, side)
    left: set[str] = set()
    for event in (*events, Runs(Mode.EVERYTHING)):
        await event.happens(world, side)
        if isinstance(event, Leaves):
            left.add(address(event.person))
        assert not left & side.active()
