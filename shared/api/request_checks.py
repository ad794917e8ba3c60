"""Refuses what a route would pass over: parameters that it does not have, and a body that was lost.

These are dependencies of every route that needs a token. Callbacks and reports come from others, who may
add parameters of their own.
"""

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

UNKNOWN_PARAMETER = "unknown_parameter"
"""What an error of pydantic's is called that is none of pydantic's: the query has such a parameter."""


class LengthRequired(Exception):
    """The body has no Content-Length, so the Functions host has lost it on the way."""


async def known_parameters(request: Request) -> None:
    """Raise RequestValidationError for every parameter of the query that the route does not have."""
    route: APIRoute = request.scope["route"]
    if not route.include_in_schema:
        return  # it only says what there is instead, to whoever still calls it as it was
    if unknown := request.query_params.keys() - set(_parameters(route.dependant)):
        raise RequestValidationError(
            [{"type": UNKNOWN_PARAMETER, "loc": ("query", name)} for name in sorted(unknown)]
        )


async def whole_body(request: Request) -> None:
    """Raise LengthRequired where a body belongs and none has come, and nothing says how long it was.

    A body that may be left out is missed only if the request says that it has one.
    """
    route: APIRoute = request.scope["route"]
    if route.body_field is None or "content-length" in request.headers or await request.body():
        return
    if route.body_field.field_info.is_required() or "transfer-encoding" in request.headers:
        raise LengthRequired


def _parameters(dependant: Dependant) -> Iterator[str]:
    yield from (each.alias for each in dependant.query_params)
    for below in dependant.dependencies:
        yield from _parameters(below)
