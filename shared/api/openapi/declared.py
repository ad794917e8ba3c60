"""What a route tells the OpenAPI document of itself beyond its types and what it depends on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """What an operation may answer besides its body."""

    refusals: tuple[type[Exception], ...] = ()  # those of its use case
    etag: bool = False
    location: str | None = None  # the path of what it made, with {key} for the id


_TOLD: dict[object, Told] = {}


def documented[F: Callable[..., object]](
    *refusals: type[Exception], etag: bool = False, location: str | None = None
) -> Callable[[F], F]:
    """Tell what the decorated route may answer.

    `refusals` are exceptions that `problems.answer` explains. What every route refuses that has a
    body, a role or an ETag is not repeated: it follows from what the route depends on.
    """

    def told(route: F) -> F:
        _TOLD[route] = Told(refusals, etag, location)
        return route

    return told


def told_by(route: object) -> Told:
    """Return what a route tells of itself; nothing if it is not decorated."""
    return _TOLD.get(route, Told())
