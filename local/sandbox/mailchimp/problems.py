"""Words Mailchimp's errors: problem documents with an instance that is also the request's id."""

import uuid
from collections.abc import Sequence

import orjson
from starlette.responses import Response

from local.sandbox.kit.api import Problem

TYPE = "https://mailchimp.com/developer/marketing/docs/errors/"
FieldError = tuple[str, str]


class ProblemError(Problem):
    """A whole request is refused."""

    def __init__(
        self, status: int, title: str, detail: str, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.errors = status, title, detail, errors

    def answer(self) -> Response:
        """The problem document."""
        instance = str(uuid.uuid4())
        body: dict[str, object] = {
            "type": TYPE,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            body["errors"] = [{"field": name, "message": text} for name, text in self.errors]
        return Response(
            orjson.dumps(body),
            self.status,
            headers={"X-Request-Id": instance},
            media_type="application/problem+json; charset=utf-8",
        )


def invalid(*errors: FieldError) -> ProblemError:
    """The body or query does not fit the published schema."""
    detail = (
        "The resource submitted could not be validated. For field-specific details, see the "
        "'errors' array."
    )
    return ProblemError(400, "Invalid Resource", detail, errors)


def not_found() -> ProblemError:
    """No such audience, member or endpoint."""
    return ProblemError(404, "Resource Not Found", "The requested resource could not be found.")


API_KEY_MISSING = ProblemError(401, "API Key Missing", "Your request did not include an API key.")
API_KEY_INVALID = ProblemError(
    401,
    "API Key Invalid",
    "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
)
TOO_MANY_REQUESTS = ProblemError(
    429, "Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."
)
INTERNAL = ProblemError(500, "Internal Server Error", "An unexpected internal error has occurred.")
UNAVAILABLE = ProblemError(
    503, "Service Unavailable", "The service is temporarily unavailable. Please try again later."
)
FORBIDDEN = ProblemError(403, "Forbidden", "You are not permitted to access this resource.")
DISABLED = ProblemError(503, "Compliance Related", "This method has been disabled.")


def wrong_datacenter(right: str) -> ProblemError:
    """The account lives in another data centre."""
    detail = f"The API key provided is linked to datacenter '{right}'"
    return ProblemError(403, "Wrong Datacenter", detail)
