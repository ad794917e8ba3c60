"""Words ActiveCampaign's errors, which each endpoint shapes in its own way."""

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from local.sandbox.kit.api import Problem

JSON = "application/json; charset=utf-8"


def json_answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer in JSON."""
    return Response(orjson.dumps(body), status, headers, media_type=JSON)


class ProblemError(Problem):
    """A request is refused with this answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}")
        self.status, self.body = status, body

    def answer(self) -> Response:
        """What the caller gets."""
        return json_answer(self.body, self.status)


def not_found(kind: str, number: str) -> ProblemError:
    """No such list (which the vendor calls `_List`) or contact (`Subscriber`)."""
    return ProblemError(404, {"message": f"No Result found for {kind} with id {number}"})


def no_endpoint() -> ProblemError:
    """Nothing is served there."""
    return ProblemError(404, {"errors": [{"status": 404, "title": "Not Found"}]})


def bad_request() -> ProblemError:
    """A query or body that makes no sense, outside imports."""
    return ProblemError(400, {"errors": [{"status": 400, "title": "Bad Request"}]})


def no_lists() -> ProblemError:
    """The user's group may not see lists."""
    detail = "You do not have permission to view lists."
    return ProblemError(403, {"errors": [{"status": 403, "title": "Forbidden", "detail": detail}]})


def import_refused(message: str, reasons: Sequence[Any] = ()) -> ProblemError:
    """A whole import is refused; the limit of imports is told in the same way, by its words."""
    body: dict[str, Any] = {"success": 0, "message": message}
    if reasons:
        body["failureReasons"] = reasons
    return ProblemError(400, body)


def too_many_imports(limit: int) -> ProblemError:
    """The minute's imports are used up."""
    reason = (
        f"Up to {limit} imports may be requested per minute.Please batch contacts into larger "
        "requests, or retry this request in a minute."
    )
    return import_refused("Rate limit exceeded.", [reason])


def too_many_requests(limit: int, retry_after: int | None) -> Response:
    """The second's requests are used up; the body is published nowhere, so it is our guess."""
    headers = {"RateLimit-Limit": str(limit), "RateLimit-Remaining": "0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return json_answer({"message": "Too Many Requests"}, 429, headers)


def forbidden() -> Response:
    """A key that opens nothing: no body and no type of one, as seen in the wild."""
    return Response(status_code=403)
