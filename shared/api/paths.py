"""Names the paths of the API that several modules need, and the whole addresses that others are given.

Bootstrap reads it also where no API is, so nothing of FastAPI may be imported here.
"""

from shared.services import PublicAddresses

V1 = "/api/v1"
CONNECTIONS = f"{V1}/connections"
EXPORTS = f"{V1}/exports"
RUNS = f"{V1}/runs"

CALLBACK = f"{V1}/oauth/callback"
"""Where a destination's sign-in page sends the browser; registered with every destination."""

DONE = f"{V1}/oauth/done"
"""The last page of a sign-in."""

REPORTS = f"{V1}/reports"
REPORT = REPORTS + "/{run}/{batch}?token={token}"
"""Where destinations report on jobs."""

HEALTH = "/api/health"
DOCS = "/api/docs"
DOCS_SCRIPT = f"{DOCS}/swagger-ui-bundle.js"
DOCS_STYLE = f"{DOCS}/swagger-ui.css"
OPENAPI = "/api/openapi.json"
PROBLEMS = "/api/problems"


def addresses_at(base_url: str) -> PublicAddresses:
    """Return the addresses of an app that is reached at `base_url`."""
    base = base_url.rstrip("/")
    return PublicAddresses(callback=base + CALLBACK, done=base + DONE, reports=base + REPORT)
