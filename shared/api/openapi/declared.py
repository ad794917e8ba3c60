"""Keeps what a route declares for the OpenAPI document beyond its types and what it depends on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Declared:
    """What an operation may answer besides its body."""

    refusals: tuple[type[Exception], ...] = ()  # those of its use case
    etag: bool = False
    location: str | None = None  # the path of what it made, with {key} for the id


_DECLARED: dict[object, Declared] = {}


def documented[F: Callable[..., object]](
    *refusals: type[Exception], etag: bool = False, location: str | None = None
) -> Callable[[F], F]:
    """Declare what the decorated route may answer.

    `refusals` are exceptions that `problems.answer` explains. What every route refuses that has a
    body, a role or an ETag is not repeated: it follows from what the route depends on.
    """

    def declare(route: F) -> F:
        _DECLARED[route] = Declared(refusals, etag, location)
        return route

    return declare


def declared_by(route: object) -> Declared:
    """Return what a route declared of itself; nothing if it is not decorated."""
    return _DECLARED.get(route, Declared())
