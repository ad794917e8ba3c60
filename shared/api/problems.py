"""Answers refusals and failures with problem details (RFC 9457).

A problem's `type` is `/api/problems/<slug>`, which this API also answers, so it can be looked up
wherever the product runs; the slugs never change. `id` finds the request in the logs. What a caller
sent is never repeated: it may be personal, or a secret.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from shared.api.allowances import TooMany
from shared.api.field_problems import FieldProblem, field_problem
from shared.api.paths import PROBLEMS
from shared.api.pointer import pointer
from shared.api.request_checks import LengthRequired
from shared.api.tokens import NotSignedIn
from shared.api.wording import Words
from shared.domain.errors import (
    BadSegment,
    BatchRefused,
    Conflict,
    Gone,
    Invalid,
    KeyReused,
    NeedsAttention,
    NotAllowed,
    NotFound,
    Outdated,
    ProductError,
    TryLater,
)
from shared.domain.message import Message, say
from shared.storage.ports import Stale, Unavailable
from shared.telemetry.logs import one_line

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """Why a request was not done."""

    type: str
    title: Words
    status: int
    detail: Words
    id: str = Field(description="Finds this request in the logs.")
    errors: list[FieldProblem] = []


@dataclass(frozen=True, slots=True)
class ProblemType:
    """What a problem can be; `slug` is what its type ends in."""

    slug: str
    status: int
    title: Message


NOT_SIGNED_IN = ProblemType("not-signed-in", 401, say("A valid bearer token is needed"))
NOT_FOUND = ProblemType("not-found", 404, say("There is no such thing"))
LENGTH_REQUIRED = ProblemType("length-required", 411, say("The length of the body is missing"))
TOO_LARGE = ProblemType("too-large", 413, say("The request is too large"))
QUERY_TOO_LONG = ProblemType("query-too-long", 414, say("The query of the address is too long"))
HEADERS_TOO_LARGE = ProblemType("headers-too-large", 431, say("The headers are too large"))
INVALID = ProblemType("invalid", 422, say("Something in the request is wrong"))
UNEXPECTED = ProblemType("unexpected", 500, say("Something went wrong on our side"))
_METHOD = ProblemType("method-not-allowed", 405, say("The path does not take this method"))
_REFUSED = ProblemType("refused", 400, say("The request cannot be handled"))
_CHANGED = ProblemType("outdated", 412, say("It was changed since you read it"))
_LATER = ProblemType("try-later", 503, say("Try again later"))

_TYPES: dict[type[Exception], ProblemType] = {
    NotSignedIn: NOT_SIGNED_IN,
    TooMany: ProblemType("too-many-requests", 429, say("Too many requests within a minute")),
    NotAllowed: ProblemType("not-allowed", 403, say("You may not do this")),
    NotFound: NOT_FOUND,
    Conflict: ProblemType("conflict", 409, say("Not now")),
    Gone: ProblemType("gone", 410, say("There is something else instead")),
    NeedsAttention: ProblemType(
        "needs-attention", 409, say("Somebody must act at the destination")
    ),
    BadSegment: ProblemType("bad-segment", 409, say("The segment cannot be read")),
    Outdated: _CHANGED,
    Stale: _CHANGED,
    LengthRequired: LENGTH_REQUIRED,
    Invalid: INVALID,
    KeyReused: INVALID,
    RequestValidationError: INVALID,
    BatchRefused: ProblemType(
        "destination-refused", 502, say("The destination refused the request")
    ),
    TryLater: _LATER,
    Unavailable: _LATER,
}
HANDLED = (*_TYPES, HTTPException)
"""The exceptions that `answer` explains; every other one is a fault of ours."""

OF_ANY_REQUEST = (TOO_LARGE, QUERY_TOO_LONG, HEADERS_TOO_LARGE, UNEXPECTED)
"""The types that the middleware may answer, whatever is asked for."""

PROBLEM_TYPES = {each.slug: each for each in (*_TYPES.values(), *OF_ANY_REQUEST, _REFUSED, _METHOD)}
"""Every type, by slug."""

_BY_STATUS = {
    # FastAPI's word for a body that it cannot even read, such as bytes that are no text.
    400: (INVALID, say("The body is not JSON.")),
    404: (NOT_FOUND, say("There is nothing at this address.")),
    405: (_METHOD, say("The path takes other methods.")),
}


def correlation_id(scope: Scope) -> str:
    """Return the id of this request: the Functions invocation's where there is one."""
    state = scope.setdefault("state", {})
    invocation = scope.get("azure_functions.invocation_id")
    found: str = state.setdefault("correlation_id", invocation or uuid4().hex)
    return found


def problem(
    scope: Scope,
    problem_type: ProblemType,
    detail: Message,
    errors: Sequence[FieldProblem] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    """Return a problem as a response, and log that it was given."""
    body = Problem(
        type=f"{PROBLEMS}/{problem_type.slug}",
        title=problem_type.title,
        status=problem_type.status,
        detail=detail,
        id=correlation_id(scope),
        errors=list(errors),
    )
    _log.info("request %s: %d %s", body.id, problem_type.status, problem_type.slug)
    return JSONResponse(
        body.model_dump(exclude_none=True),
        status_code=problem_type.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def answer(request: Request, error: Exception) -> Response:
    """Return the problem that an exception of `HANDLED` means."""
    if isinstance(error, HTTPException):
        unknown = (_REFUSED, say("Look at the documentation of the API: /api/docs."))
        problem_type, detail = _BY_STATUS.get(error.status_code, unknown)
        return problem(request.scope, problem_type, detail, headers=_headers(error))
    problem_type = type_of(type(error))
    if problem_type.status == 503:
        # The texts of both exceptions name a record, a blob or a vendor, no values.
        _log.warning("request %s: %s", correlation_id(request.scope), one_line(error))
    return problem(request.scope, problem_type, _detail(error), _errors(error), _headers(error))


def type_of(error: type[Exception]) -> ProblemType:
    """Return the type of problem that an exception of `HANDLED` means."""
    return next(each for known, each in _TYPES.items() if issubclass(error, known))


def _detail(error: Exception) -> Message:
    if isinstance(error, ProductError | NotSignedIn | TooMany):
        return error.reason
    if isinstance(error, RequestValidationError):
        return say("See errors for what is wrong.")
    if isinstance(error, LengthRequired):
        return say(
            "Send the body with a Content-Length. One that comes in chunks is lost on the way to us."
        )
    # Unavailable and Stale, whose texts name what is stored, not what to do.
    return say("Storage is busy or changed under this request. Try it again.")


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, HTTPException):
        return dict(error.headers or {})
    if isinstance(error, NotSignedIn):
        # RFC 6750: without a token there is nothing to complain of.
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if error.given else "Bearer"}
    if isinstance(error, TooMany | TryLater) and error.after is not None:
        return {"Retry-After": str(math.ceil(error.after))}
    return {}


def _errors(error: Exception) -> list[FieldProblem]:
    if isinstance(error, Invalid):
        return [FieldProblem(pointer=pointer(error.members), detail=error.reason)]
    if isinstance(error, KeyReused):
        return [FieldProblem(parameter="Idempotency-Key", detail=error.reason)]
    if isinstance(error, RequestValidationError):
        return [field_problem(each) for each in error.errors()]
    return []
