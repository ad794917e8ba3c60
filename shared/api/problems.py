"""How refusals and failures are answered: problem details (RFC 9457).

A problem's `type` is `/api/problems/<slug>`, which this API also answers, so it can be looked up
wherever the product runs; the slugs never change. `id` finds the request in the logs. What a caller
sent is never repeated: it may be personal, or a secret.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from shared.api.tokens import NotSignedIn
from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Conflict,
    Invalid,
    NeedsAttention,
    NotAllowed,
    NotFound,
    Outdated,
    TryLater,
)
from shared.exports.check_export import escaped
from shared.storage.ports import Stale, Unavailable

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    """One member of the request that is wrong."""

    pointer: str | None = Field(None, description="JSON pointer into the body.")
    parameter: str | None = Field(None, description="Or the name of a query or header parameter.")
    detail: str


class Problem(BaseModel):
    """Why a request was not done."""

    type: str
    title: str
    status: int
    detail: str
    id: str = Field(description="Finds this request in the logs.")
    errors: list[FieldProblem] = []


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; `slug` is what its type ends in."""

    slug: str
    status: int
    title: str


NOT_SIGNED_IN = Kind("not-signed-in", 401, "A valid bearer token is needed")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
INVALID = Kind("invalid", 422, "Something in the request is wrong")
UNEXPECTED = Kind("unexpected", 500, "Something went wrong on our side")
_REFUSED = Kind("refused", 400, "The request cannot be handled")

_KINDS: dict[type[Exception], Kind] = {
    NotSignedIn: NOT_SIGNED_IN,
    NotAllowed: Kind("not-allowed", 403, "You may not do this"),
    NotFound: Kind("not-found", 404, "There is no such thing"),
    Conflict: Kind("conflict", 409, "Not now"),
    NeedsAttention: Kind("needs-attention", 409, "Somebody must act at the destination"),
    BadSegment: Kind("bad-segment", 409, "The segment cannot be read"),
    Outdated: Kind("outdated", 412, "It was changed since you read it"),
    Stale: Kind("outdated", 412, "It was changed since you read it"),
    Invalid: INVALID,
    RequestValidationError: INVALID,
    BatchRefused: Kind("destination-refused", 502, "The destination refused the request"),
    TryLater: Kind("try-later", 503, "Try again later"),
    Unavailable: Kind("try-later", 503, "Try again later"),
}
HANDLED = (*_KINDS, HTTPException)
"""The exceptions that `answer` explains; every other one is a fault of ours."""

KINDS = {kind.slug: kind for kind in (*_KINDS.values(), TOO_LARGE, UNEXPECTED, _REFUSED)}
"""Every kind, by slug."""

_BY_STATUS = {
    400: INVALID,  # FastAPI's word for a body that it cannot even read, such as bytes that are no text
    404: _KINDS[NotFound],
    405: Kind("method-not-allowed", 405, "The path does not take this method"),
}
KINDS["method-not-allowed"] = _BY_STATUS[405]


def correlation_id(scope: Scope) -> str:
    """Return the id of this request: the Functions invocation's where there is one."""
    state = scope.setdefault("state", {})
    invocation = scope.get("azure_functions.invocation_id")
    found: str = state.setdefault("correlation_id", invocation or uuid4().hex)
    return found


def problem(
    scope: Scope,
    kind: Kind,
    detail: str,
    errors: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem as a response, and log that it was given."""
    body = Problem(
        type=f"/api/problems/{kind.slug}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        id=correlation_id(scope),
        errors=list(errors),
    )
    _log.info("request %s: %d %s", body.id, kind.status, kind.slug)
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=kind.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def answer(request: Request, error: Exception) -> Response:
    """Return the problem that an exception of `HANDLED` means."""
    if isinstance(error, HTTPException):
        kind = _BY_STATUS.get(error.status_code, _REFUSED)
        return problem(request.scope, kind, f"{kind.title}.", headers=_headers(error))
    kind = kind_of(type(error))
    if kind.status == 503:  # the texts of both kinds name a record, a blob or a vendor, no values
        _log.warning("request %s: %s", correlation_id(request.scope), error)
    return problem(request.scope, kind, _detail(error), _errors(error), _headers(error))


def kind_of(error: type[Exception]) -> Kind:
    """Return the kind of problem that an exception of `HANDLED` means."""
    return next(kind for known, kind in _KINDS.items() if issubclass(error, known))


def _detail(error: Exception) -> str:
    if isinstance(error, RequestValidationError):
        return "See errors for what is wrong."
    if isinstance(error, Unavailable | Stale):  # their texts name what is stored, not what to do
        return "Storage is busy or changed under this request. Try it again."
    return str(error)


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, HTTPException):
        return dict(error.headers or {})
    if isinstance(error, NotSignedIn):
        # RFC 6750: without a token there is nothing to complain of.
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if error.given else "Bearer"}
    if isinstance(error, TryLater) and error.after is not None:
        return {"Retry-After": str(math.ceil(error.after))}
    return {}


def _errors(error: Exception) -> list[FieldProblem]:
    if isinstance(error, Invalid):
        return [FieldProblem(pointer=error.pointer, detail=error.reason)]
    if isinstance(error, RequestValidationError):
        return [_field_problem(each) for each in error.errors()]
    return []


def _field_problem(error: dict[str, Any]) -> FieldProblem:
    """Say what pydantic found. Its texts tell what is expected; `input` and `ctx` are left out."""
    where, *path = error["loc"]
    if error["type"] == "json_invalid":
        return FieldProblem(pointer="", detail="The body is not JSON.")
    detail = str(error["msg"]).removeprefix("Value error, ")
    if where == "body":
        pointer = "".join(f"/{escaped(str(step))[:100]}" for step in path)
        return FieldProblem(pointer=pointer, detail=detail)
    return FieldProblem(parameter=str(path[0]), detail=detail)
