"""Words the vendor's errors: arrays for most, an object where somebody may not come in."""

from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from local.sandbox.kit.api import Problem

QUEUE_FULL = "You exceeded 1,000 queued activities"


@dataclass
class ProblemError(Problem):
    """An answer other than success."""

    status: int
    key: str
    message: str

    def answer(self) -> Response:
        """Return it as the API gives it."""
        said = {"error_key": self.key, "error_message": self.message}
        # An unauthorized request is answered with an object, every other one with an array.
        return JSONResponse(said if self.status == 401 else [said], self.status)


UNAUTHORIZED = ProblemError(401, "unauthorized", "Unauthorized")
FORBIDDEN = ProblemError(403, "forbidden", "Forbidden")
THROTTLED = ProblemError(429, "throttled", "Too Many Requests")
SPENT = ProblemError(429, "quota_exceeded", "Limit Exceeded")
FULL = ProblemError(429, "contacts.api.too_many_activities", QUEUE_FULL)
INTERNAL = ProblemError(500, "contacts.api.internal_error", "Internal server error.")
UNAVAILABLE = ProblemError(503, "contacts.api.unavailable", "The service is unavailable.")


def not_found() -> ProblemError:
    """There is no such thing."""
    return ProblemError(404, "contacts.api.not_found", "The resource was not found.")


def invalid(message: str) -> ProblemError:
    """The request does not fit the description."""
    return ProblemError(400, "contacts.api.validation.error", message)
