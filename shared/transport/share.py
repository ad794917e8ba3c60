"""The share of a destination's published limits that a lane makes use of, and how it comes back.

It comes back by equal steps, faster while there are answers than in silence. Who is halved again before
the last time was forgotten has met a limit that stays, and comes back four times more slowly: so it
seldom meets it again. Nothing here reads a clock; whoever asks brings the instant.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LEAST = 1 / 64
MOST_HALVINGS = 4  # that are remembered

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PAUSE = timedelta(seconds=10)  # after a halving: what was sent too soon is answered first
_WAY_BACK = 30.0  # seconds of sending from nothing to all, after one halving
_LONGER = 4  # times, for each halving more
_SENDING = 10.0  # seconds before an answer that count as sending, at most; those before are silence
_FORGOTTEN = 590.0  # seconds of silence, or at the full limits, after which nothing is remembered


@dataclass(frozen=True, slots=True)
class Share:
    """How large it was at an instant: of the last answer, or from when it comes back or has been 1.

    `halvings` are those that are not forgotten yet. `refusals` are those just before the end of a slice:
    a destination that asks for long waits after each of them would else never refuse several at once.
    """

    size: float = 1.0
    at: datetime = _LONG_AGO
    halvings: int = 0
    refusals: int = 0

    def size_at(self, now: datetime) -> float:
        """Return the size after a silence: LEAST to 1."""
        silence = max(self._age(now) - _SENDING, 0.0)
        return min(self.size + silence / (_FORGOTTEN - _SENDING), 1.0)

    def answered(self, now: datetime) -> "Share":
        """Return the share after an answer."""
        age = self._age(now)
        if age >= _FORGOTTEN:
            return Share(at=now)
        if self.size == 1:
            return self
        way_back = _WAY_BACK * _LONGER ** max(self.halvings - 1, 0)
        size = self.size_at(now) + min(age, _SENDING) / way_back
        return Share(min(size, 1.0), max(now, self.at), self.halvings)

    def halved(self, now: datetime) -> "Share":
        """Return half the share."""
        remembered = self.halvings if self._age(now) < _FORGOTTEN else 0
        size = max(self.size_at(now) / 2, LEAST)
        return Share(size, now + _PAUSE, min(remembered + 1, MOST_HALVINGS))

    def _age(self, now: datetime) -> float:
        return max((now - self.at).total_seconds(), 0.0)
