"""What lets us into an account of a destination: the headers of its requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


class Authorisation(Protocol):
    """What lets us into one account."""

    async def headers(self) -> Mapping[str, str]:
        """Return the headers that authorise a request now; raise DestinationError where there are none."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace headers that were refused with a 401; False when that cannot be done."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Headers that last until somebody takes the credentials back."""

    fixed: Mapping[str, str] = field(repr=False)

    async def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        return self.fixed

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Say that there are no others."""
        return False
