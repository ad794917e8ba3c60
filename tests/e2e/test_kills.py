"""A functions host that is killed at any moment loses nothing and counts nothing twice."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from local.processes import Process
from shared.domain.run import Phase, Progress, Run, RunStatus
from tests.e2e.caller import Caller
from tests.e2e.polling import until
from tests.e2e.system import System, acceptable, counts, planned, run_now, tick

ROWS = 15_000
IN_FLIGHT = 2 * 8 * 500  # profiles: the batches that a crash may repeat
LATENCY = 0.25  # seconds, so that sending takes long enough to be hit
VISIBILITY = ("--queue-visibility", "3")  # seconds until a killed host's message comes back

# A message that five hosts died over is given up, as on Azure; so no run is killed more often than
# three times.
KILLS = (
    *[("prepare", "send", "settle")] * 5,
    ("prepare", "send", "send"),
    ("send", "send", "send"),
    ("any", "any", "any"),
)
ENOUGH = 20
ENOUGH_OF_EACH = 3  # in each phase
# Where a machine is so quick or busy that too many kills miss their moment, there are more.
MORE_KILLS = [("prepare", "send", "settle")] * 16

type Moment = Callable[[Run, Progress], bool]
"""Says whether a run that looks like this is to lose its host now."""


def _phase(progress: Progress) -> Phase:
    """Return the phase of a run; one that has nothing left to send settles without saying so."""
    all_sent = progress.batches_done == progress.batches
    return Phase.SETTLE if progress.phase is Phase.SEND and all_sent else progress.phase


@dataclass
class Killings:
    """Kills hosts under runs, and keeps count of the phases in which it caught them."""

    system: System
    random: random.Random
    host: Process
    caught: Counter[Phase] = field(default_factory=Counter)

    def kill_at(self, run_id: str, kind: str) -> bool:
        """Kill the host at some moment of this kind; say whether the run was still under way."""
        records = self.system.records
        moment = self._moment(kind)

        def has_come() -> bool:
            run, progress = records.run(run_id)
            return run.status.is_over or moment(run, progress)

        # Looking costs storage and this process as much as all else, and only settling is short.
        every = 0.005 if kind == "settle" else 0.02
        until(has_come, f"the moment of a kill ({kind})", every=every)
        self.host.kill()
        records.break_lanes()
        run, progress = records.run(run_id)  # as the dead host left it
        self.caught[_phase(progress)] += not run.status.is_over
        return not run.status.is_over

    def have_caught_enough(self) -> bool:
        """Say whether enough runs were under way when they lost their host, in each phase, too."""
        phases = (Phase.PREPARE, Phase.SEND, Phase.SETTLE)
        return self.caught.total() >= ENOUGH and all(
            self.caught[phase] >= ENOUGH_OF_EACH for phase in phases
        )

    def replace_host(self) -> None:
        """Start the host that goes on."""
        self.host = self.system.start_host(*VISIBILITY)

    def _moment(self, kind: str) -> Moment:
        share = self.random.random()
        if kind == "send":
            return lambda _, progress: (
                progress.phase is not Phase.PREPARE
                and progress.batches_done >= share * progress.batches
            )
        began: list[float] = []

        def some_time_after(seen: bool, seconds: float) -> bool:
            if seen and not began:
                began.append(time.monotonic())
            return bool(began) and time.monotonic() - began[0] >= share * seconds

        if kind == "prepare":
            return lambda run, progress: (
                progress.phase is not Phase.PREPARE
                or some_time_after(run.status is RunStatus.PROCESSING, 1.0)
            )
        if kind == "settle":
            return lambda _, progress: some_time_after(_phase(progress) is Phase.SETTLE, 0.05)
        return lambda *_: some_time_after(True, 4.0)


@pytest.fixture(scope="module")
def killings(system: System) -> Killings:
    system.sandbox.set_latency(LATENCY)
    system.drop("Kills", ROWS)
    seeded = random.Random(20261122)  # noqa: S311 - nothing secret
    return Killings(system, seeded, system.start_host(*VISIBILITY))


@pytest.fixture(scope="module")
def caller(killings: Killings) -> Caller:
    return killings.system.caller()


def finished(system: System, run_id: str) -> None:
    """Wait until a run is over and has tidied up after itself."""
    until(lambda: system.records.run(run_id)[0].status.is_over, "the end of the run", seconds=90)
    until(lambda: not system.records.leftovers(run_id), "tidying up", seconds=20)


def test_runs_survive_twenty_kills_in_prepare_send_and_settle(
    killings: Killings, caller: Caller
) -> None:
    system = killings.system
    for number, kinds in enumerate((*KILLS, *MORE_KILLS)):
        if number >= len(KILLS) and killings.have_caught_enough():
            break
        audience = system.sandbox.new_audience(f"Kills {number}")
        run_id = run_now(caller, system.export(caller, audience, "Kills"))
        for kind in kinds:
            killings.kill_at(run_id, kind)
            killings.replace_host()
        finished(system, run_id)

        run = caller.run(run_id)
        assert run["status"] == "successful", run["timeline"]
        assert counts(run) == planned(ROWS)
        members = {each["email"] for each in system.sandbox.members(audience)}
        assert members == acceptable(ROWS).keys()
        assert system.sandbox.extra_writes(audience) <= len(kinds) * IN_FLIGHT
    assert killings.have_caught_enough(), killings.caught


def test_what_a_killed_run_delivered_is_not_sent_again_by_the_next_one(
    killings: Killings, caller: Caller
) -> None:
    system = killings.system
    audience = system.sandbox.new_audience("Killed once")
    export = system.export(caller, audience, "Kills")
    first = run_now(caller, export)
    killings.kill_at(first, "settle")
    killings.replace_host()
    finished(system, first)

    second = caller.finished_run(run_now(caller, export))

    assert second["status"] == "successful"
    expected = planned(ROWS)
    assert counts(second) == expected | {"unchanged": expected.pop("accepted")}


def test_a_run_that_died_with_its_blob_trigger_is_found_by_the_timer(
    killings: Killings, caller: Caller
) -> None:
    system = killings.system
    audience = system.sandbox.new_audience("Found")
    export = system.export(caller, audience, "Kills", on_arrival=True)
    system.drop("Kills", ROWS)
    run_id = caller.newest_run(export, "arrival")
    assert killings.kill_at(run_id, "send")
    killings.replace_host()
    tick(killings.host)
    finished(system, run_id)

    run = caller.run(run_id)
    assert run["status"] == "successful", run["timeline"]
    assert counts(run) == planned(ROWS)
    assert system.sandbox.extra_writes(audience) <= IN_FLIGHT
