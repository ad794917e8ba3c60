"""A simulation: what the plan names happens to the world, and then all is well until it is quiet."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from typing import Any

from local.sandbox.kit.faults import Fault
from shared.domain.errors import ProductError
from shared.domain.run import Checkpoint, Mode, Phase
from shared.domain.schedule import RefreshSchedule
from shared.runs.cancel import cancel_run
from shared.schedules.refresh_schedule import set_schedule
from shared.services import Services
from shared.storage.entries import ALL, SettingsTable
from shared.storage.paths import CHECKPOINT
from shared.triggers.on_demand import run_all, run_on_demand
from tests.chaos.simulated_plan import VENDORS, Happening, Kind
from tests.chaos.simulated_process import registering
from tests.chaos.simulated_triggers import MINUTE, Triggers
from tests.chaos.simulated_weather import STORAGE, VAULT
from tests.chaos.simulated_world import SimulatedWorld
from tests.fakes.people import ADMINISTRATOR

_CALM = 6 * 3600.0  # seconds in which all must be quiet
_SWEPT = 5 * 60.0  # seconds in which a sweep finds what was lost
_TIDY = 65 * 60.0  # seconds in which what was laid out of a run after its end is removed

_LEFT = 3  # batches at least that a run has left which somebody cancels
_ILL = 0.7  # of what a vendor is asked that is ill

_VENDOR_FAULTS = {
    "500": 0.02,
    "502": 0.015,
    "503": 0.015,
    "reset-before": 0.01,
    "429": 0.01,
    "429-retry-after": 0.005,
}
_FAULTS_OF_POLLS = {"500": 0.06, "silence": 0.03}
_SILENCE = 30.0  # seconds


class Chaos:
    """One simulation."""

    def __init__(self, world: SimulatedWorld) -> None:
        self.world = world
        self.triggers = Triggers(world)
        self._weather, self._clock = world.weather, world.clock
        self.canceled: dict[str, float] = {}  # when somebody was told that a run will be, by run
        self._asked = 0

    async def run(self) -> None:
        """Let everything happen; raise TimeoutError if it does not come to an end."""
        asyncio.get_running_loop().set_task_factory(registering)
        await self.world.set_up()
        self._begin_faults()
        self.triggers.begin()
        await self._refresh_at(self.world.plan.refresh_at)
        for happening in self.world.plan.happenings:
            await self._until(happening.at)
            self.triggers.note(f"{happening.kind} ({happening.about})")
            await self._happen(happening)
        await self._until(self.world.plan.minutes * MINUTE)
        await self._calm_down()
        await self._quiet()

    async def refresh_once_more(self) -> None:
        """Let a scheduled refresh come, and everything be quiet again."""
        now = self._clock.monotonic()
        await self._refresh_at(int(now // MINUTE) + 3)
        await self._clock.sleep(4 * MINUTE)
        await self._quiet()

    def _begin_faults(self) -> None:
        chance = self.world.plan.stream("vendors")
        for vendor in self.world.vendors.values():
            vendor.faults.queued += [
                Fault.model_validate({"kind": kind, "rate": rate, "seed": chance.randrange(10**6)})
                for kind, rate in _VENDOR_FAULTS.items()
            ]
            if vendor.jobs:
                vendor.faults.queued += [
                    Fault.model_validate(
                        {
                            "kind": kind,
                            "method": "GET",
                            "path": f"*{vendor.jobs}",
                            "rate": rate,
                            "seed": chance.randrange(10**6),
                            "seconds": _SILENCE,
                        }
                    )
                    for kind, rate in _FAULTS_OF_POLLS.items()
                ]

    async def _calm_down(self) -> None:
        self.triggers.note("all is well")
        self._weather.clear()
        for vendor in self.world.vendors.values():
            vendor.faults.queued.clear()
            vendor.divide_limits(1)

    async def _until(self, at: float) -> None:
        await self._clock.sleep(at - self._clock.monotonic())

    async def _quiet(self) -> None:
        """Wait until nothing is left to do."""
        await self._clock.sleep(_SWEPT)
        until = self._clock.monotonic() + _CALM
        while left := await self._left():
            if self._clock.monotonic() > until:
                raise TimeoutError(f"not quiet after {_CALM / 3600:.0f} hours: {left}")
            await self._clock.sleep(MINUTE)
        await self._clock.sleep(_TIDY)

    async def _left(self) -> list[str]:
        """Return what is still to be done."""
        storage = self.world.storage
        return [
            *(f"message {message}" for message in self.triggers.messages),
            *(f"active run {each.key}" for each in await storage.active_runs.page(ALL)),
            *(
                f"cancel of {each.key}"
                for each in await storage.bookmarks.page(SettingsTable.CANCELS)
            ),
            *(f"run {run.id} is {run.status}" for run in await self._not_over()),
        ]

    async def _not_over(self) -> list[Any]:
        return [run for run in await self.world.runs() if not run.status.is_over]

    # What the plan names.

    async def _happen(self, it: Happening) -> None:
        weather, world = self._weather, self.world
        weather.met[it.kind] += 1
        match it.kind:
            case Kind.LAND:
                await self._clock.sleep(1)  # of two files of one second both could be the newest
                self.triggers.land(await world.land(it.about))
            case Kind.RUN:
                self._ask(self._run_one, f"export-{it.about}")
            case Kind.RUN_ALL:
                self._ask(self._run_all, "")
            case Kind.CANCEL:
                self.triggers.spawn(self._cancel_some())
            case Kind.OUTAGE:
                for part in STORAGE:
                    weather.stop(part, it.seconds)
            case Kind.VAULT:
                weather.stop(VAULT, it.seconds)
            case Kind.LIMITS:
                self.triggers.spawn(self._lower_limits(world.vendors, 2, it.seconds))
            case Kind.LOWERED:
                self.triggers.spawn(
                    self._lower_limits(VENDORS[it.about : it.about + 1], 10, it.seconds)
                )
            case Kind.STRAY:
                stray = Fault.model_validate({"kind": "429"})
                world.vendors[VENDORS[it.about]].faults.queued.insert(0, stray)
            case Kind.PAUSE:
                world.hosts[it.about].process.pause(it.seconds)
            case Kind.STEP:
                world.hosts[it.about].clock.apart += it.seconds
            case Kind.LEAP:
                for host in world.hosts:
                    host.process.upset()
                self._clock.advance(it.seconds)
            case Kind.ILL:
                self.triggers.spawn(self._make_ill(VENDORS[it.about], it.seconds))
            case Kind.KILL:
                world.hosts[it.about].process.kill()

    async def _lower_limits(self, vendors: Iterable[str], by: int, seconds: float) -> None:
        for vendor in vendors:
            self.world.vendors[vendor].divide_limits(by)
        await self._clock.sleep(seconds)
        for vendor in vendors:
            self.world.vendors[vendor].divide_limits(1)

    async def _make_ill(self, vendor: str, seconds: float) -> None:
        """Let a vendor refuse most of what it is asked for a while: runs stop half-way, newer ones come."""
        faults = self.world.vendors[vendor].faults
        seed = self._weather.chance("illness").randrange(10**6)
        illness = Fault.model_validate({"kind": "503", "rate": _ILL, "seed": seed})
        faults.queued.insert(0, illness)
        await self._clock.sleep(seconds)
        if illness in faults.queued:  # else all is well by now
            faults.queued.remove(illness)

    async def _refresh_at(self, minute: int) -> None:
        """Have somebody set the refresh to a minute after the beginning of the simulation."""
        at = self._clock.now() + timedelta(seconds=minute * MINUTE - self._clock.monotonic())
        schedule = RefreshSchedule.model_validate({"times": [f"{at:%H:%M}"]})
        await set_schedule(self.world.services, ADMINISTRATOR.person, None, schedule)

    async def _cancel_some(self) -> None:
        """Have somebody cancel a run that has some batches left to send, as soon as there is one."""
        chance, storage = self._weather.chance("cancels"), self.world.storage
        while self._weather.is_bad:
            for entry in await storage.active_runs.page(ALL):
                checkpoint = await storage.checkpoints.get(entry.key, CHECKPOINT)
                if checkpoint and _is_sending(checkpoint.value):
                    await self._clock.sleep(chance.uniform(0, 5))
                    self._ask(self._cancel, entry.key)
                    return
            await self._clock.sleep(1)

    def _ask(self, what: Any, about: str) -> None:
        self._asked += 1
        self.triggers.spawn(self.triggers.ask(partial(what, about, f"request-{self._asked}")))

    @staticmethod
    async def _run_one(export_id: str, key: str, services: Services) -> None:
        await run_on_demand(services, ADMINISTRATOR, export_id, Mode.CHANGES, key)

    @staticmethod
    async def _run_all(_: str, key: str, services: Services) -> None:
        await run_all(services, ADMINISTRATOR, Mode.CHANGES, key)

    async def _cancel(self, run_id: str, _: str, services: Services) -> None:
        try:
            await cancel_run(services, ADMINISTRATOR, run_id)
        except ProductError:
            return  # it is over by now
        self.canceled.setdefault(run_id, self._clock.monotonic())


def _is_sending(run: Checkpoint) -> bool:
    return run.phase is Phase.SEND and run.batches - run.batches_done >= _LEFT
