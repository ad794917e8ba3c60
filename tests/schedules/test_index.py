"""The due index against a simple model: whatever happens, each instant is run once or made up for once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import Conflict
from shared.domain.export import Export
from shared.domain.people import Caller, Person, Role
from shared.domain.schedule import ExportSchedule, Follows, OwnSchedule, RefreshSchedule
from shared.exports.attach import attach_export, detach_export
from shared.exports.schedule import set_export_schedule
from shared.exports.schemas import Attachment
from shared.schedules.refresh_schedule import set_schedule
from shared.services import Services
from shared.storage.entries import ALL, DueTable
from shared.triggers.every_minute import tick
from tests.fakes.mailchimp import LIST_ID
from tests.runs.mortal import Life, in_life, survives
from tests.runs.operations import slowed
from tests.runs.small import small
from tests.runs.world import World

ADMINISTRATOR = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)
EXPORTS = ("one", "two", "three")
PERIOD = timedelta(minutes=1)


@dataclass
class Model:
    """What must have run, by the plainest rule: at each look the newest instant since the one before.

    The segment has no file, so that each run fails at once, is seen, and is in the way of nothing.
    """

    world: World
    last: datetime  # the last look that came to its end
    system: RefreshSchedule = field(default_factory=RefreshSchedule)
    system_since: datetime | None = None
    seen: set[tuple[str, datetime]] = field(default_factory=set)
    perhaps: set[tuple[str, datetime]] = field(default_factory=set)  # begun by a look that died

    async def due(self) -> set[tuple[str, datetime]]:
        """Return what a look must run now: exports with the instants."""
        exports = [export async for export in self._exports()]
        found = ((export.id, self._newest(export)) for export in exports)
        return {(name, at) for name, at in found if at}

    def _newest(self, export: Export) -> datetime | None:
        if export.is_detached:
            return None
        since, now = max(self.last, export.scheduled_at), self.world.clock.now()
        if export.schedule.follows is Follows.SYSTEM:
            newest = self.system.last_due(max(self.last, self.system_since or self.last), now)
            return newest if newest and newest > export.scheduled_at else None
        own = export.schedule.own
        return own.last_due(since, now) if own else None

    async def _exports(self) -> AsyncIterator[Export]:
        for name in EXPORTS:
            stored = await self.world.services.storage.exports.get(ALL, name)
            assert stored is not None
            yield stored.value

    async def check(self, due: set[tuple[str, datetime]]) -> None:
        """Require that what was due has run, and nothing else."""
        begun = {
            (name, stored.value.trigger.at)
            for name in EXPORTS
            for stored in await self.world.services.storage.runs.page(name, limit=1000)
        }
        new = begun - self.seen
        assert due <= begun, "what was due has not run"
        assert new <= due | self.perhaps, "what was not due has run"
        self.seen, self.perhaps, self.last = begun, set(), self.world.clock.now()


class Machine:
    """Does what an example says, to the product and to the model."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = Model(world, world.clock.now() - PERIOD)
        self._seed = 0

    async def look(self, hosts: int, dies_at: int | None) -> None:
        """Tick on so many hosts at once; one may die on the way, and what it had begun is seen later."""
        due = await self.model.due()
        if dies_at is not None:
            life = Life(dies_at, after=dies_at % 2 == 0)
            services = in_life(self.world.services, self.world.mailchimp, life)
            if not await survives(life, tick(services)):
                self.model.perhaps |= due
                return
        else:
            await asyncio.gather(*(tick(self._host()) for _ in range(hosts)))
        # What a dead host had claimed is done first, and what has come since right after it.
        await tick(self.world.services)
        await self.world.deliver()
        await self.model.check(due)

    async def do(self, dies_at: int | None, change: "Change") -> None:
        """Make a change, on a host that may die on the way."""
        if dies_at is None:
            await change(self.world.services)
            return
        life = Life(dies_at, after=dies_at % 2 == 0)
        services = in_life(self.world.services, self.world.mailchimp, life)
        await survives(life, change(services))

    async def refresh(self, schedule: RefreshSchedule) -> None:
        """Give the system another refresh schedule."""
        await set_schedule(self.world.services, ADMINISTRATOR.person, None, schedule)
        if schedule != self.model.system:
            self.model.system, self.model.system_since = schedule, self.world.clock.now()

    def wait(self, minutes: int) -> None:
        """Let time go by, to half a minute past a full one, so that no instant comes during a tick."""
        clock = self.world.clock
        clock.advance(60 * minutes + (90 - clock.now().timestamp()) % 60)

    def _host(self) -> Services:
        self._seed += 1
        return slowed(self.world.services, self._seed)


class Change:
    """A change of one export, by a use case."""

    def __init__(self, name: str, schedule: ExportSchedule | None, attached: bool) -> None:
        self._name = name
        self._schedule = schedule
        self._attached = attached

    async def __call__(self, services: Services) -> None:
        """Make the change, unless a run is under way, as one that a dead host has begun."""
        with suppress(Conflict):
            await self._change(services)

    async def _change(self, services: Services) -> None:
        stored = await services.storage.exports.get(ALL, self._name)
        assert stored is not None
        if self._schedule:
            await set_export_schedule(services, ADMINISTRATOR, self._name, None, self._schedule)
        elif self._attached and stored.value.is_detached:
            attachment = Attachment(connection_id="connection", list_id=LIST_ID)
            await attach_export(services, ADMINISTRATOR, self._name, None, attachment)
        elif not self._attached and not stored.value.is_detached:
            await detach_export(services, ADMINISTRATOR, self._name, None)


times = st.lists(
    st.times().map(lambda at: at.replace(second=0, microsecond=0, tzinfo=None)),
    min_size=1,
    max_size=4,
)
days: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.just({}),
    st.just({"days": ["monday", "saturday", "sunday"]}),
    (st.integers(1, 31) | st.just("last")).map(lambda day: {"day_of_month": day}),
)
zones = st.sampled_from(["UTC", "Europe/Stockholm", "America/New_York", "Australia/Lord_Howe"])
owns = st.builds(
    lambda times, zone, days: ExportSchedule(
        follows=Follows.OWN,
        own=OwnSchedule.model_validate({"times": times, "time_zone": zone} | days),
    ),
    times,
    zones,
    days,
)
schedules = owns | st.sampled_from([ExportSchedule(), ExportSchedule(follows=Follows.OFF)])
refreshes = st.builds(
    lambda times, zone: RefreshSchedule(times=times, time_zone=zone), times | st.just([]), zones
)
deaths = st.none() | st.integers(1, 60)
names = st.sampled_from(EXPORTS)
waits = st.tuples(
    st.just("wait"), st.integers(0, 3) | st.integers(0, 24 * 60) | st.just(5 * 24 * 60)
)
looks = st.tuples(st.just("look"), st.integers(1, 3), deaths)
actions = st.one_of(
    waits,
    looks,
    st.tuples(st.just("change"), deaths, st.builds(Change, names, schedules, st.just(True))),
    st.tuples(st.just("change"), deaths, st.builds(Change, names, st.none(), st.booleans())),
    st.tuples(st.just("refresh"), refreshes),
)


@settings(max_examples=60, deadline=None)
@given(
    begin=st.sampled_from(["2027-03-27T20:00:30+00:00", "2027-10-30T20:00:30+00:00"]),
    story=st.lists(actions, min_size=5, max_size=25),
)
def test_every_instant_runs_once_or_is_made_up_for_once(
    begin: str, story: list[tuple[Any, ...]]
) -> None:
    asyncio.run(live(datetime.fromisoformat(begin), story))


async def live(begin: datetime, story: list[tuple[Any, ...]]) -> None:
    world = await small()
    world.clock.advance((begin - world.clock.now()).total_seconds())
    for name in EXPORTS:
        await world.export(name)
    machine = Machine(world)
    for action in story:
        match action:
            case "wait", minutes:
                machine.wait(minutes)
            case "look", hosts, dies_at:
                await machine.look(hosts, dies_at)
            case "change", dies_at, change:
                await machine.do(dies_at, change)
            case "refresh", schedule:
                await machine.refresh(schedule)
        machine.wait(0)
    await machine.look(1, None)
    await require_a_full_index(world)


async def require_a_full_index(world: World) -> None:
    """Require that each export that will be due is expected then."""
    entries = await world.services.storage.due.page(DueTable.SCHEDULES, limit=1000)
    expected = {(entry.value.of, entry.value.at) for entry in entries}
    for name in EXPORTS:
        stored = await world.services.storage.exports.get(ALL, name)
        assert stored is not None
        plan = stored.value.plan
        at = plan.next_due(world.clock.now()) if plan else None
        assert at is None or (name, at) in expected
