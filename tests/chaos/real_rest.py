"""After the trouble: time leaps ahead until every run is over, then the last refresh comes.

The clocks of all hosts jump minutes ahead again and again, so whatever waits for a time finds that it
has come: setbacks, polls, files whose event was lost, runs that fell silent.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from local.processes import Process
from shared.domain.run import Progress, Run, RunStatus
from shared.runs.freshness import says_so
from tests.chaos.real_journal import Journal
from tests.chaos.real_plan import AHEAD
from tests.chaos.real_proof import told
from tests.chaos.real_world import World

LEAP = 400.0  # seconds: a minute more than any wait of the product but a long row of setbacks
MOST_LEAPS = 20
_MOST_SECONDS = (
    150.0  # of the machine: runs of one export go on one by one, and jobs take their time
)
_TIDY_SECONDS = 10.0
_EVERY = 0.5


class Rest:
    """The way back to a quiet world."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal
        self._ahead = AHEAD

    def come(self) -> None:
        """Bring every run to its end; raise AssertionError if some do not come to one."""
        for number in (0, 1):
            self._world.kill_host(number)
        self._journal.in_flight += self._world.broken_off()
        self._world.records.break_lanes()
        for number in (0, 1):
            self._world.start_host(number, self._ahead)
        self._leap()
        self._until_all_are_over()

    def refresh(self) -> None:
        """Let the scheduled refresh come once more, with nothing in its way."""
        host = self._host
        self._world.ask(host, "GET", "/refresh-schedule").raise_for_status()  # loads the API
        due = datetime.now(UTC) + timedelta(seconds=self._ahead + 2)
        schedule: dict[str, Any] = {"times": [f"{due:%H:%M:%S}"], "time_zone": "UTC"}
        self._world.ask(host, "PUT", "/refresh-schedule", schedule).raise_for_status()
        due = due.replace(microsecond=0)
        while datetime.now(UTC) + timedelta(seconds=self._ahead) < due:
            time.sleep(_EVERY)
        self._until_all_are_over()
        for export in self._world.exports:
            newest, _ = self._world.records.runs(export.id)[0]
            assert newest.trigger.at == due or says_so(newest), "The refresh did not come."
        schedule["times"] = []
        self._world.ask(self._host, "PUT", "/refresh-schedule", schedule).raise_for_status()
        self._wait_for_tidiness()

    def _wait_for_tidiness(self) -> None:
        """Give hosts the time to tidy up; what they leave is wrong.

        Messages with a delay may become visible at any time, so there need only be one without any.
        """
        deadline = time.monotonic() + _TIDY_SECONDS
        while (left := self._world.records.left_over()) and time.monotonic() < deadline:
            self._world.tick_all()
            time.sleep(_EVERY)
        self._journal.wrong += [f"left over: {each}" for each in left]

    def _until_all_are_over(self) -> None:
        for _ in range(MOST_LEAPS):
            self._until_none_moves()
            if not self._open():
                return
            self._leap()
        left = "\n".join(told(run, progress) for run, progress in self._open())
        raise AssertionError(f"Not over after {MOST_LEAPS} leaps of {LEAP:.0f} s:\n{left}")

    @property
    def _host(self) -> Process:
        return next(host for host in self._world.hosts if host)

    def _until_none_moves(self) -> None:
        """Wait until every run is over or waits for a time that has not come."""
        deadline = time.monotonic() + _MOST_SECONDS
        while True:
            self._world.tick_all()
            moving = [each for each in self._open() if not self._waits(each[0])]
            if not moving:
                return
            if time.monotonic() > deadline:
                left = "\n".join(told(run, progress) for run, progress in moving)
                raise AssertionError(f"Still going on after {_MOST_SECONDS:.0f} s:\n{left}")
            time.sleep(_EVERY)

    def _leap(self) -> None:
        self._ahead += LEAP
        for number in (0, 1):
            self._world.set_clock(number, self._ahead)
        self._journal.note(f"all clocks are ahead by {self._ahead:.0f} s")
        self._world.tick_all()

    def _open(self) -> list[tuple[Run, Progress]]:
        return [each for each in self._world.all_runs() if not each[0].status.is_over]

    def _waits(self, run: Run) -> bool:
        now = datetime.now(UTC) + timedelta(seconds=self._ahead)
        waiting = run.status in (RunStatus.QUEUED, RunStatus.FAILURE)
        return (
            waiting and run.resumes_at is not None and run.resumes_at > now + timedelta(seconds=1)
        )
