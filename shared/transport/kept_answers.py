"""What was read at destinations, kept for a short while: many who ask for the same cost one request."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from operator import attrgetter
from weakref import WeakValueDictionary

from cachetools import LRUCache

from shared.domain.clock import Clock

_SECONDS = 120.0  # that what was read is good for
_CHARACTERS = 8 * 1024 * 1024  # of all that is kept, written out


@dataclass(frozen=True, slots=True)
class _Answer[V]:
    value: V
    size: int  # characters
    reading: int  # its number among all readings
    good_until: float  # by the monotonic clock


class KeptAnswers[V]:
    """What was read in the last two minutes, by key; if it is too much, what nobody asks for goes first."""

    def __init__(self) -> None:
        self._answers: LRUCache[Hashable, _Answer[V]] = LRUCache(_CHARACTERS, attrgetter("size"))
        self._readings = 0
        self._turns: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    @property
    def readings(self) -> int:
        """How many readings have begun: what was read `after` so many was not kept before."""
        return self._readings

    async def read(
        self,
        clock: Clock,
        key: Hashable,
        look: Callable[[], Awaitable[V]],
        after: int | None = None,
    ) -> V:
        """Return what is kept under a key, or what `look` returns; raise what that raises.

        With `after`, what an earlier reading has found is read anew. Of several who ask for the same at
        once, one reads.
        """
        if answer := self._good(clock, key, after):
            return answer.value
        turn = self._turns.setdefault(key, asyncio.Lock())
        async with turn:
            if answer := self._good(clock, key, after):
                return answer.value
            self._readings += 1
            reading, good_until = self._readings, clock.monotonic() + _SECONDS
            value = await look()
            answer = _Answer(value, len(repr((key, value))), reading, good_until)
            self._answers.pop(key, None)
            if answer.size <= _CHARACTERS:
                self._answers[key] = answer
            return value

    def _good(self, clock: Clock, key: Hashable, after: int | None) -> _Answer[V] | None:
        answer = self._answers.get(key)
        if answer is None or clock.monotonic() >= answer.good_until:
            return None
        return answer if after is None or answer.reading > after else None
