"""The pace at which one lane asks its destination: evenly, and slower after it was told to be.

Requests are spaced evenly rather than sent in bursts, because no vendor says whether its windows
slide; even spacing fits both kinds. A pace lives as long as a slice. A slice begins as if the last
request of the one before had just been sent, so nothing but `slowness` has to be kept between them.
"""

from collections.abc import Sequence

from shared.destinations.model import Rate
from shared.domain.clock import Clock

# What a request may arrive too early or too late, so that a full window of ours never has one too many.
_SLACK = 0.02  # of a window
_SLACK_SECONDS = 0.05

_HARDER = 2.0  # times slower after each refusal
_SLOWEST = 64.0
_EASIER = 0.998  # times slower after each answer: from half the pace to all of it in 350 answers


class Pace:
    """When the next request may be sent. `slowness` is 1 at the published limits, 2 at half of them."""

    def __init__(self, clock: Clock, rates: Sequence[Rate] = (), slowness: float = 1.0) -> None:
        self.slowness = slowness
        self._clock = clock
        self._rates = rates
        now = clock.monotonic()
        self._free_at = [now + self._interval(rate) for rate in rates]
        self._slowed_at = float("-inf")

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

    def slow_down(self) -> None:
        """Heed that the destination had too many; refusals of requests sent together count once."""
        now = self._clock.monotonic()
        if now - self._slowed_at >= 1:
            self._slowed_at = now
            self.slowness = min(self.slowness * _HARDER, _SLOWEST)

    def speed_up(self) -> None:
        """Heed an answer: come back to the published limits little by little."""
        self.slowness = max(1.0, self.slowness * _EASIER)

    def at_once(self, concurrency: int) -> int:
        """Return how many requests may be under way where `concurrency` is the published limit."""
        return max(1, int(concurrency / self.slowness))

    def _interval(self, rate: Rate) -> float:
        return self.slowness * interval(rate)


def interval(rate: Rate) -> float:
    """Return the seconds from one request to the next at a published rate."""
    return (rate.seconds + _slack(rate)) / rate.requests


def _slack(rate: Rate) -> float:
    return rate.seconds * _SLACK + _SLACK_SECONDS
