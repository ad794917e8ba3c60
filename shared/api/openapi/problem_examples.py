"""Holds one example of every type of problem, for the OpenAPI document."""

from typing import Any

from shared.api.paths import PROBLEMS
from shared.api.problems import ProblemType

_DETAILS = {
    "not-signed-in": "Send a bearer token in the Authorization header.",
    "too-many-requests": "You may send 600 requests a minute. Wait a minute.",
    "not-allowed": "This needs the role administrator. Ask whoever administers Segment Exports.",
    "not-found": "There is no such export.",
    "conflict": "Accept the data-privacy terms first: POST …/consent.",
    "needs-attention": "Mailchimp has no such list.",
    "bad-segment": "Customers.csv has no header.",
    "gone": "Rejects come in pages.",
    "outdated": "Somebody changed the export since you read it. Read it again.",
    "query-too-long": "The query of the address may have 8000 bytes.",
    "headers-too-large": "The headers may have 32000 bytes.",
    "length-required": "Send the body with a Content-Length. One that comes in chunks is lost on the way "
    "to us.",
    "too-large": "The body may have 1000000 bytes.",
    "invalid": "See errors for what is wrong.",
    "unexpected": "The request was not done, or not wholly. Try again, or report the id.",
    "destination-refused": "Mailchimp refused the request.",
    "try-later": "Mailchimp is busy. Try again later.",
}


def problem_example(problem_type: ProblemType) -> dict[str, Any]:
    """Return a problem of this type as the API answers it."""
    example = {
        "type": f"{PROBLEMS}/{problem_type.slug}",
        "title": str(problem_type.title),
        "status": problem_type.status,
        "detail": _DETAILS[problem_type.slug],
        "id": "0f8fad5bd9cb469fa16570867728950e",
        "errors": [],
    }
    if problem_type.slug == "invalid":
        example["errors"] = [
            {"pointer": "/fields/email", "detail": "Say which column holds the Email."}
        ]
    return example
