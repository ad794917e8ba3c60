"""What goes wrong at a rate, and for how long; and how often each kind of trouble was met."""

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.simulated_plan import Plan
from tests.fakes.clock import FakeClock

BLOBS, TABLES, QUEUES, VAULT = "blobs", "tables", "queues", "the vault"
STORAGE = (BLOBS, TABLES, QUEUES)


@dataclass
class Weather:
    """Whether there is chaos now, and chance; times are in seconds of the clock."""

    plan: Plan
    clock: FakeClock
    is_bad: bool = True
    met: Counter[str] = field(default_factory=Counter)
    _down_until: dict[str, float] = field(default_factory=dict)
    _streams: dict[str, random.Random] = field(default_factory=dict)

    def chance(self, of: str) -> random.Random:
        """Return chance of its own for one purpose."""
        if of not in self._streams:
            self._streams[of] = self.plan.stream(of)
        return self._streams[of]

    def strikes(self, what: str, rate: float) -> bool:
        """Say whether something that happens at a rate happens now, and count it."""
        drawn = self.chance(what).random() < rate
        if drawn and self.is_bad:
            self.met[what] += 1
        return drawn and self.is_bad

    def stop(self, what: str, seconds: float) -> None:
        """Have a part of storage or the vault give no answer for a while."""
        self.met[f"{what} stopped"] += 1
        until = self.clock.monotonic() + seconds
        self._down_until[what] = max(until, self._down_until.get(what, 0))

    def is_down(self, what: str) -> bool:
        """Say whether a part of storage or the vault gives no answer now."""
        return self.clock.monotonic() < self._down_until.get(what, 0)

    def clear(self) -> None:
        """Let everything be well from now on."""
        self.is_bad = False
        self._down_until.clear()
