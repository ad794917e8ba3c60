"""Before the trouble, what it would seldom bring about: two runs are half sent when something happens.

One is canceled. The other is set back, and newer files land before it goes on: what is left of it must
not arrive behind anything newer. The trouble then begins while it waits.
"""

import random
import time
from functools import partial

from shared.domain.run import Phase, Run, RunStatus
from tests.chaos.real_asks import Asks
from tests.chaos.real_journal import Journal
from tests.chaos.real_world import LATENCY, SLOW, Sent, World
from tests.e2e.polling import until

_OFTEN = 0.2  # seconds between two looks
_LEFT = 2  # batches at least that are left to be sent
_FAILURES = 6  # that set a run back: three tries of each of the batches that are under way


class Opening:
    """What happens before the trouble, to exports of two accounts of Mailchimp."""

    def __init__(self, world: World, dice: random.Random, journal: Journal) -> None:
        self._world = world
        self._dice = dice
        self._journal = journal
        self._asks = Asks(world, journal)

    def play(self) -> None:
        """Let it happen; raise AssertionError if it does not come to that."""
        host = self._world.hosts[0]
        assert host is not None
        to_fail, to_cancel = (self._of_account(number) for number in (1, 2))
        for export in (to_fail, to_cancel):
            self._world.slow_down(export, SLOW)
            self._asks.run(host, export, "everything", "opening")
        canceled = self._half_sent(to_cancel)
        self._journal.canceled.add(canceled.id)
        self._asks.cancel(host, canceled.id)
        failed = self._half_sent(to_fail)
        self._journal.spared.add(failed.id)
        self._world.fail(to_fail, _FAILURES)
        until(partial(self._are, failed, canceled), "a set back and a canceled run", every=_OFTEN)
        for export in (to_fail, to_cancel):
            self._world.slow_down(export, LATENCY)
        for segment in to_fail.segments:
            segment.next_version(self._dice)
            self._asks.tell(host, self._world.land(segment))

    def _of_account(self, number: int) -> Sent:
        return next(
            each
            for each in self._world.exports
            if (each.vendor, each.account) == ("mailchimp", number)
        )

    def _half_sent(self, export: Sent) -> Run:
        run = until(partial(self._midway, export), "a run that is half sent", every=_OFTEN)
        assert run is not None
        return run

    def _midway(self, export: Sent) -> Run | None:
        """Return a run of which some batches are sent and some not even begun."""
        for run, progress in self._world.records.runs(export.id):
            left = progress.batches - progress.batches_done
            if progress.phase is Phase.SEND and progress.batches_done and left >= _LEFT:
                self._journal.note(f"{run.id} is half sent")
                return run
        return None

    def _are(self, failed: Run, canceled: Run) -> bool:
        """Say whether one run is set back and the other over, and note until when that was not."""
        looked_at, records = time.time(), self._world.records
        is_over = records.run(canceled.id)[0].status.is_over
        if not is_over:
            self._journal.last_open[canceled.id] = looked_at
        return is_over and records.run(failed.id)[0].status is RunStatus.FAILURE
