"""The pace at which one lane asks its destination: evenly, and slower after too much was refused.

Requests are spaced evenly rather than sent in bursts, because no vendor says whether its windows
slide; even spacing fits both kinds. A pace lives as long as a slice. A slice begins as if the last
request of the one before had just been sent, so nothing but its `Share` has to be kept between them.

A refusal now and then is weather: whoever got it tries again a little later, and the pace is what it
was. Several within seconds may be the climate: they halve it.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.destinations.model import Rate
from shared.domain.clock import Clock
from shared.transport.share import Share

# What a request may arrive too early or too late, so that a full window of ours never has one too many.
_SLACK = 0.02  # of a window
_SLACK_SECONDS = 0.05

_MANY = 3  # refusals
_SOON = 10.0  # seconds in which so many halve the pace, and the least between two halvings


@dataclass(frozen=True, slots=True)
class Change:
    """When a lane began to be asked more slowly than the limits allow, or at full speed again."""

    at: datetime
    slow: bool


class Pace:
    """When the next request may be sent; `changes` says what became of the pace, from the beginning."""

    def __init__(self, clock: Clock, rates: Sequence[Rate] = (), kept: Share | None = None) -> None:
        self._share = kept or Share()
        self.changes: list[Change] = []
        self._clock = clock
        self._rates = rates
        now = clock.monotonic()
        self._refused_at = deque([now] * self._share.refusals, maxlen=_MANY)
        self._halved_at = float("-inf")
        self._note()
        self._free_at = [now + self._interval(rate) for rate in rates]

    @property
    def share(self) -> float:
        """Return what part of the published limits is made use of now: 1 is all."""
        return 1.0 if self._share.size == 1 else self._share.size_at(self._clock.now())

    @property
    def kept(self) -> Share:
        """Return what the next slice on the lane has to know."""
        since = self._clock.monotonic() - _SOON
        return replace(self._share, refusals=sum(at >= since for at in self._refused_at))

    async def turn(self, request: str, weight: int = 1) -> None:
        """Wait until a request ("METHOD /path") may be sent by every rate that it counts for.

        Nothing is reserved while it waits: a request that waits long for a rate of its own must not
        keep others from using one that they share.
        """
        counting = [n for n, rate in enumerate(self._rates) if request.startswith(rate.of)]
        now = self._clock.monotonic()
        while counting and (at := max(self._free_at[number] for number in counting)) > now:
            await self._clock.sleep(at - now)
            now = self._clock.monotonic()
        for number in counting:
            apart = self._interval(self._rates[number])
            # Who was held up may catch up by half of what windows of ours are longer than theirs.
            earliest = now + apart - _slack(self._rates[number]) / 2
            self._free_at[number] = max(self._free_at[number] + apart, earliest)
            self._free_at[number] += (weight - 1) * apart

    def refused(self) -> bool:
        """Heed that the destination had too many, and say whether that halves the pace."""
        now = self._clock.monotonic()
        self._refused_at.append(now)
        few = len(self._refused_at) < _MANY or now - self._refused_at[0] > _SOON
        if few or now - self._halved_at < _SOON:
            return False
        self._refused_at.clear()
        self._halved_at = now
        self._share = self._share.halved(self._clock.now())
        self._note()
        return True

    def answered(self) -> None:
        """Heed an answer: come back to the published limits little by little."""
        if self._share.halvings or self._share.size < 1:
            self._share = self._share.answered(self._clock.now())
            self._note()

    def at_once(self, concurrency: int) -> int:
        """Return how many requests may be under way where `concurrency` is the published limit."""
        return max(1, int(concurrency * self.share))

    def _interval(self, rate: Rate) -> float:
        return interval(rate) / self.share

    def _note(self) -> None:
        slow = self.share < 1
        if not self.changes or self.changes[-1].slow is not slow:
            self.changes.append(Change(self._clock.now(), slow))


def interval(rate: Rate) -> float:
    """Return the seconds from one request to the next at a published rate."""
    return (rate.seconds + _slack(rate)) / rate.requests


def _slack(rate: Rate) -> float:
    return rate.seconds * _SLACK + _SLACK_SECONDS
