"""Carrying out a plan: every blow at its time, where the world lets it be struck."""

import heapq
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count, product
from uuid import UUID

from local.processes import Process
from shared.domain.run import Phase, Run
from tests.chaos.real_asks import Asks
from tests.chaos.real_journal import Journal
from tests.chaos.real_plan import Blow
from tests.chaos.real_world import World

_SOON = 0.5  # seconds until something is tried again for which the time is not right
_LATE = 6.0  # seconds by which a late event comes behind its file
_FAULTS = {"500": 0.025, "502": 0.025, "reset-before": 0.01, "reset-after": 0.01}
# Of the requests that ask how far jobs are; each of them may meet one of those above, too.
_LOOKS = {"method": "GET", "path": "*/import/info"}
_FAULTS_OF_LOOKS: tuple[Mapping[str, object], ...] = (
    {"kind": "500", "rate": 0.1},
    {"kind": "silence", "rate": 0.05, "seconds": 3},
)
_PUBLISHED = ({"most": 10}, {"requests_per_second": 5, "imports_per_minute": 100})
_HALVED = ({"most": 5}, {"requests_per_second": 2, "imports_per_minute": 50})
_LOWERED = ({"most": 1}, {"requests_per_second": 1, "imports_per_minute": 10})


class Trouble:
    """The world under a plan. Starts processes, so it belongs to the thread that has the stack."""

    def __init__(self, world: World, dice: random.Random, journal: Journal) -> None:
        self._world = world
        self._dice = dice
        self._journal = journal
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._threads = ThreadPoolExecutor(max_workers=16)
        self._under_way: list[Future[None]] = []
        self._asks = Asks(world, journal)
        self._storage_is_there = True
        self._last = 0.0  # when the last blow is struck

    def reign(self, plan: Sequence[Blow], seed: int) -> None:
        """Carry the plan out, until nothing of it is left; then end the faults of the vendors."""
        self._queue_faults(seed)
        self._last = plan[-1].at
        for blow in plan:
            self._at(blow.at, partial(self._strike, blow))
        while self._agenda:
            at, _, act = heapq.heappop(self._agenda)
            time.sleep(max(0.0, at - self._journal.now))
            act()
        self._threads.shutdown()
        for each in self._under_way:
            each.result()
        self._end_faults()

    def _at(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), act))

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        self._at(self._journal.now + seconds, act)

    def _meanwhile(self, act: Callable[[], None]) -> None:
        self._under_way.append(self._threads.submit(act))

    def _strike(self, blow: Blow) -> None:
        self._journal.note(blow.told)
        getattr(self, f"_{blow.kind}")(**blow.how)

    def _once_storage_is_there(self, act: Callable[[], None]) -> None:
        if self._storage_is_there:
            act()
        else:
            self._in(_SOON, partial(self._once_storage_is_there, act))

    @property
    def _alive(self) -> list[Process]:
        return [host for host in self._world.hosts if host]

    def _note_break(self) -> None:
        """Note what was in flight when hosts ended or storage went away, before anything goes on."""
        self._journal.breaks += 1
        self._journal.in_flight += self._world.broken_off()

    # Vendors

    def _queue_faults(self, seed: int) -> None:
        for vendor in ("mailchimp", "activecampaign"):
            faults = [
                {"kind": kind, "rate": rate, "seed": seed * 100 + number, "account": account}
                for account in (1, 2)
                for number, (kind, rate) in enumerate(_FAULTS.items())
            ]
            self._world.control(vendor, "faults", faults)
        looks = [
            {**_LOOKS, **fault, "seed": seed * 100 + number, "account": account}
            for account in (1, 2)
            for number, fault in enumerate(_FAULTS_OF_LOOKS)
        ]
        self._world.control("activecampaign", "faults", looks)

    def _end_faults(self) -> None:
        for vendor in ("mailchimp", "activecampaign"):
            for fault in self._world.control(vendor, "faults", None, "GET").json():
                if fault["kind"] == "reset-after":
                    self._journal.lost_answers[vendor, fault["account"]] += fault["fired"]
            self._world.control(vendor, "faults", None, "DELETE")
        self._turn(*_PUBLISHED)

    def _limits_halved(self, away: float) -> None:
        self._turn(*_HALVED)
        self._in(away, partial(self._turn, *_PUBLISHED))

    def _limits_lowered(self, away: float) -> None:
        self._turn(*_LOWERED)
        self._in(away, partial(self._turn, *_PUBLISHED))

    def _stray_429(self, vendor: str, account: int) -> None:
        """Have one request refused, by a vendor that says nothing of when to come back."""
        self._world.control(vendor, "faults", {"kind": "429", "account": account})

    def _turn(self, connections: dict[str, int], rates: dict[str, int]) -> None:
        self._world.control("mailchimp", "connections", connections)
        for account in (1, 2):
            self._world.control("activecampaign", f"accounts/{account}/knobs", rates, "PATCH")

    # Storage

    def _storage_stops(self, away: float) -> None:
        # By SIGTERM only: Azurite writes what it knows every five seconds, and a SIGKILL would lose
        # writes that it has answered, which Azure Storage never does.
        if self._storage_is_there:
            self._storage_is_there = False
            self._world.stack.stop_server("azurite")
            self._in(away, self._start_storage)

    def _storage_stops_at_a_look(self, away: float) -> None:
        self._once_storage_is_there(partial(self._stop_storage_at_a_look, away))

    def _stop_storage_at_a_look(self, away: float) -> None:
        """Stop storage while a run asks how far its jobs are, which takes as long; wait for such a run."""
        if self._journal.now < self._last and not any(
            progress.in_jobs and not run.status.is_over for run, progress in self._world.all_runs()
        ):
            self._in(_SOON, partial(self._storage_stops_at_a_look, away))
            return
        slow = {**_LOOKS, "kind": "slow", "seconds": away, "count": 2}
        self._world.control("activecampaign", "faults", slow)
        self._storage_stops(away)

    def _start_storage(self) -> None:
        self._world.stack.start_server("azurite")
        self._storage_is_there = True
        self._journal.note("storage answers again")
        self._note_break()

    def _storage_hangs(self, away: float) -> None:
        if self._storage_is_there:
            self._storage_is_there = False
            azurite = self._world.storage_process()
            os.kill(azurite.pid, signal.SIGSTOP)
            self._in(away, partial(self._wake_storage, azurite))

    def _wake_storage(self, azurite: Process) -> None:
        os.kill(azurite.pid, signal.SIGCONT)
        self._storage_is_there = True
        # Nothing breaks: calls wait for longer than this takes.
        self._journal.note("storage goes on")

    # Hosts

    def _crash(self, host: int, away: float, ahead: float) -> None:
        if not self._world.kill_host(host):  # one that is away is hit when it is back
            self._in(_SOON, partial(self._crash, host, away, ahead))
            return
        self._once_storage_is_there(self._note_break)
        self._in(away, partial(self._start, host, ahead))

    def _end_host(self, host: int, away: float, ahead: float) -> None:
        # What has not ended after the grace period is cut off, so this may be a break, too.
        if self._world.end_host(host):
            self._once_storage_is_there(self._note_break)
        self._in(away, partial(self._start, host, ahead))

    def _blackout(self, ahead: list[float]) -> None:
        for number in (0, 1):
            self._world.kill_host(number)
        self._once_storage_is_there(partial(self._light_up, ahead))

    def _light_up(self, ahead: list[float]) -> None:
        self._note_break()
        if not self._alive:  # else the lane of somebody who lives would be broken
            self._world.wait_for_silence()
            self._world.records.break_lanes()
        for number in (0, 1):
            self._start(number, ahead[number])

    def _start(self, number: int, ahead: float) -> None:
        if self._world.hosts[number]:
            return
        if not self._storage_is_there:
            self._in(_SOON, partial(self._start, number, ahead))
            return
        self._world.start_host(number, ahead)
        self._journal.note(f"host {number} is up, its clock {ahead:+.0f} s")

    def _clock_jumps(self, host: int, ahead: float) -> None:
        self._world.set_clock(host, ahead)

    # What comes from outside

    def _land(self, segment: int, delivery: str, delays: list[float]) -> None:
        self._once_storage_is_there(partial(self._landed, segment, delivery, delays))

    def _landed(self, segment: int, delivery: str, delays: list[float]) -> None:
        of = self._world.segments[segment]
        of.next_version(self._dice)
        path = self._world.land(of)
        self._journal.note(f"{path} has landed")
        times = {"lost": [], "once": delays[:1], "twice": delays, "late": [_LATE + delays[0]]}
        for delay in times[delivery]:
            self._in(delay, partial(self._deliver, path))

    def _deliver(self, path: str) -> None:
        """Deliver an event to some host; who sends events tries again when nobody takes one."""
        host = self._dice.choice(self._alive) if self._alive else None
        if not (self._storage_is_there and host and self._asks.tell(host, path)):
            self._in(_SOON, partial(self._deliver, path))

    def _ask(self, exports: list[int], everything: bool) -> None:
        key = str(UUID(int=self._dice.getrandbits(128)))
        mode = "everything" if everything else "changes"
        for host, export in product(self._alive, exports):  # both hosts are asked the same
            self._meanwhile(partial(self._asks.run, host, self._world.exports[export], mode, key))

    def _cancel(self, share: float) -> None:
        self._once_storage_is_there(partial(self._cancel_one, share))

    def _cancel_one(self, share: float) -> None:
        """Cancel a run amid sending; where there is none, wait for one until the plan ends."""
        run = self._some_run(share, Phase.SEND, self._journal.spared)
        if self._journal.now < self._last and not (run and self._alive):
            self._in(_SOON, partial(self._cancel, share))
            return
        run = run or self._some_run(share, but=self._journal.spared)
        if run and self._alive:
            self._journal.canceled.add(run.id)
            self._meanwhile(partial(self._asks.cancel, self._alive[0], run.id))

    def _send_again(self, share: float, times: int) -> None:
        self._once_storage_is_there(partial(self._send_messages_again, share, times))

    def _send_messages_again(self, share: float, times: int) -> None:
        if run := self._some_run(share):
            self._journal.note(f"the message of {run.id} comes {times} more times")
            for _ in range(times):
                self._world.records.send_again(run.id)

    def _some_run(
        self, share: float, phase: Phase | None = None, but: Set[str] = frozenset()
    ) -> Run | None:
        """Return one of the runs that are not over, but for some, and in this phase if one is given."""
        runs = [
            run
            for run, progress in self._world.all_runs()
            if not run.status.is_over and phase in (None, progress.phase) and run.id not in but
        ]
        return runs[int(share * len(runs))] if runs else None

    def _tick(self, hosts: list[int]) -> None:
        for number in hosts:
            if host := self._world.hosts[number]:
                self._meanwhile(partial(self._asks.tick, host))

    def _refresh(self, **how: float) -> None:
        for number, host in enumerate(self._world.hosts):
            if host:
                at = how["within"] + self._world.aheads[number]
                self._meanwhile(partial(self._asks.refresh, host, at))
                self._in(how["within"] + 1, partial(self._tick, [0, 1]))
                return
