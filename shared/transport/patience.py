"""How patient a slice is with a destination: what it tries again itself, and what ends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from shared.destinations.contract import Read
from shared.domain.clock import Clock
from shared.domain.errors import DailyQuotaExhausted, RateLimited, TryLater
from shared.transport.client import Begin

LONGEST_WAIT = 2.0  # seconds; a longer wait ends the slice, because execution time is paid for

_TRIES = 3  # of one request within a slice
_QUICK_FAILURE = 10.0  # seconds; one that took longer to come is not tried again in the slice
_FIRST_WAIT = 0.5  # seconds; doubled for the next try
_REFUSED_WAIT = 1.0  # seconds after each refusal for too many requests


def wait_after(error: TryLater, attempt: int, seconds: float) -> float | None:
    """Return in how many seconds a slice tries a request again; None if that is left to a later slice.

    `attempt` is the number of the try that failed, from 1, and `seconds` is how long that took once it
    was its turn.
    """
    own = _REFUSED_WAIT if isinstance(error, RateLimited) else _FIRST_WAIT * 2 ** (attempt - 1)
    wait = own if error.after is None else error.after
    lasts = isinstance(error, DailyQuotaExhausted) or wait > LONGEST_WAIT
    return None if lasts or attempt == _TRIES or seconds > _QUICK_FAILURE else wait


class AskedInTurn(Protocol):
    """An account, as `Api` has it. `begin` is called when it is a request's turn to be sent."""

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, begin: Begin | None = None
    ) -> Any:
        """Return the JSON of an answer."""

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        """Send a JSON body and return the JSON of the answer."""


@dataclass(slots=True)
class _Since:
    """When the request began that is under way; waiting for its turn does not count."""

    clock: Clock
    at: float  # on the monotonic clock

    async def begin(self) -> None:
        self.at = self.clock.monotonic()


@dataclass(frozen=True, slots=True)
class PatientReads:
    """An account of which a slice reads: what passes quickly does not end the slice."""

    api: AskedInTurn
    clock: Clock

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON of an answer, and ask again after a short wait while there is none."""
        attempt = 0
        while True:
            attempt += 1
            since = _Since(self.clock, self.clock.monotonic())
            try:
                return await self.api.get(path, params, since.begin)
            except TryLater as error:
                wait = wait_after(error, attempt, self.clock.monotonic() - since.at)
                if wait is None:
                    raise
            await self.clock.sleep(wait)

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        """Send a JSON body once: whoever sends it knows best what to do before the next try."""
        return await self.api.post(path, content, params, weight, read)
