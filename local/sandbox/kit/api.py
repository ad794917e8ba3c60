"""Leads calls to a vendor's operations, and turns what they raise into its answers."""

from collections.abc import Awaitable, Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

type Operation = tuple[str, str, Callable[[Request], Awaitable[Response]]]
"""Method, path, and what answers."""


class Problem(Exception):
    """An answer other than success; each vendor has its own shape of it."""

    def answer(self) -> Response:
        """Return it as the API gives it."""
        raise NotImplementedError


def create_api(
    operations: Iterable[Operation], *, unknown: Problem, not_allowed: Problem | None = None
) -> Starlette:
    """Return the API as an application that expects `scope["account"]`.

    Paths that it does not have are answered as `unknown`, as are methods that a path does not have
    where `not_allowed` says nothing else.
    """

    async def problem(_: Request, error: Exception) -> Response:
        if not isinstance(error, Problem):
            raise error
        return error.answer()

    async def nothing_there(_: Request, error: Exception) -> Response:
        if not_allowed and isinstance(error, HTTPException) and error.status_code == 405:
            return not_allowed.answer()
        return unknown.answer()

    return Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in operations],
        exception_handlers={Problem: problem, HTTPException: nothing_there},
    )


def account_of[A](request: Request, kind: type[A]) -> A:
    """Return the account in whose name a call came in."""
    account = request.scope["account"]
    if not isinstance(account, kind):
        raise TypeError("the gate puts the caller's account into the scope")
    return account


def natural(request: Request, name: str, default: int) -> int | None:
    """Return a number of the query, from 0 on; None if it is none."""
    text = request.query_params.get(name, str(default))
    return int(text) if text.isdecimal() else None
