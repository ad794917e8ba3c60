"""Who may call what: the one table of it. A route without lines here fails a test."""

from dataclasses import dataclass
from typing import Any

from shared.domain.connection import TERMS_VERSION
from tests.api.office import choices

CONNECTION = {"destination": "mailchimp", "display_name": "Another"}
CONSENT = {"accepted": True, "terms_version": TERMS_VERSION}
NAME = {"name": "Renamed"}
DISPLAY_NAME = {"display_name": "Renamed"}
TO_SHARED = {"connection_id": "SHARED", "list_id": "a2"}
TO_PRIVATE = {"connection_id": "PRIVATE", "list_id": "a2"}
OFF = {"follows": "off"}
READING = {"delimiter": ","}
DAILY = {"times": ["06:30"], "time_zone": "Europe/Paris"}


@dataclass(frozen=True)
class Row:
    """A request, and the status that a viewer, a contributor, an administrator and nobody get.

    In paths and bodies, words such as SHARED and ON_SHARED stand for what a `Furnished` office has.
    Paths are below /api/v1.
    """

    request: str
    viewer: int
    contributor: int
    administrator: int
    body: Any = None
    nobody: int = 401

    def filled(self, names: dict[str, str]) -> tuple[str, str, Any]:
        """Return the method, the path and the body, with what the words stand for."""
        method, path = _filled(self.request, names).split()
        return (
            method,
            path if path.startswith("/api/") else f"/api/v1{path}",
            _filled(self.body, names),
        )


def _filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, names) for key, each in value.items()}
    if isinstance(value, str):
        for name, key in names.items():
            value = value.replace(name, key)
    return value


def _open(request: str, status: int, body: Any = None) -> Row:
    return Row(request, status, status, status, body, nobody=status)


TABLE = [
    _open("GET /api/health", 200),
    _open("GET /api/problems/conflict", 200),
    _open("GET /api/problems/unknown", 404),
    _open("GET /oauth/callback", 400),
    _open("GET /oauth/done", 200),
    _open("POST /reports/RUN/0?token=REPORT_TOKEN", 204, {}),
    _open("POST /reports/RUN/REPORT_TOKEN/0", 204, {}),
    _open("POST /reports/RUN/0?token=unknown", 404, {}),
    _open("POST /reports/RUN/unknown/0", 404, {}),
    Row("GET /me", 200, 200, 200),
    Row("PATCH /me", 200, 200, 200, {"language": "sv"}),
    Row("GET /destinations", 200, 200, 200),
    Row("GET /connections", 403, 200, 200),
    Row("POST /connections", 403, 403, 201, CONNECTION),
    Row("GET /connections/SHARED", 403, 200, 200),
    Row("GET /connections/PRIVATE", 403, 404, 200),
    Row("GET /connections/DRAFT", 403, 404, 200),
    Row("GET /connections/unknown", 403, 404, 404),
    Row("PATCH /connections/SHARED", 403, 403, 200, DISPLAY_NAME),
    Row("PATCH /connections/PRIVATE", 403, 403, 200, DISPLAY_NAME),
    Row("PATCH /connections/unknown", 403, 403, 404, DISPLAY_NAME),
    Row("DELETE /connections/SHARED", 403, 403, 409),
    Row("DELETE /connections/PRIVATE", 403, 403, 409),
    Row("DELETE /connections/DRAFT", 403, 403, 204),
    Row("DELETE /connections/unknown", 403, 403, 404),
    Row("POST /connections/SHARED/consent", 403, 403, 200, CONSENT),
    Row("POST /connections/PRIVATE/consent", 403, 403, 200, CONSENT),
    Row("POST /connections/SHARED/connect", 403, 403, 200, {}),
    Row("POST /connections/PRIVATE/connect", 403, 403, 200, {}),
    Row("PUT /connections/SHARED/export-user", 403, 403, 200),
    Row("PUT /connections/PRIVATE/export-user", 403, 403, 200),
    Row("POST /connections/SHARED/save", 403, 403, 200),
    Row("POST /connections/PRIVATE/save", 403, 403, 200),
    Row("POST /connections/SHARED/check", 403, 403, 200),
    Row("POST /connections/PRIVATE/check", 403, 403, 200),
    Row("GET /connections/SHARED/lists", 403, 200, 200),
    Row("GET /connections/PRIVATE/lists", 403, 404, 200),
    Row("GET /connections/SHARED/fields?list_id=a1", 403, 200, 200),
    Row("GET /connections/PRIVATE/fields?list_id=a1", 403, 404, 200),
    Row("GET /segments", 200, 200, 200),
    Row("GET /segments/Customers", 200, 200, 200),
    Row("GET /segments/unknown", 404, 404, 404),
    Row("GET /segments/SHARED_SEGMENT/reading", 403, 200, 200),
    Row("GET /segments/Customers/reading", 403, 403, 200),
    Row("GET /segments/unknown/reading", 403, 403, 200),
    Row("PUT /segments/SHARED_SEGMENT/reading", 403, 200, 200, READING),
    Row("PUT /segments/Customers/reading", 403, 403, 200, READING),
    Row("PUT /segments/unknown/reading", 403, 403, 200, READING),
    Row("DELETE /segments/SHARED_SEGMENT/reading", 403, 204, 204),
    Row("DELETE /segments/Customers/reading", 403, 403, 204),
    Row("DELETE /segments/unknown/reading", 403, 403, 204),
    Row("POST /segments/SHARED_SEGMENT/reading/try", 403, 200, 200, READING),
    Row("POST /segments/Customers/reading/try", 403, 403, 200, READING),
    Row("POST /segments/unknown/reading/try", 403, 403, 404, READING),
    Row("GET /exports", 200, 200, 200),
    Row("POST /exports", 403, 201, 201, choices("SHARED")),
    Row("POST /exports", 403, 422, 201, choices("PRIVATE")),
    Row("GET /exports/ON_SHARED", 200, 200, 200),
    Row("GET /exports/ON_PRIVATE", 200, 200, 200),
    Row("GET /exports/unknown", 404, 404, 404),
    Row("PATCH /exports/ON_SHARED", 403, 200, 200, NAME),
    Row("PATCH /exports/ON_PRIVATE", 403, 403, 200, NAME),
    Row("PATCH /exports/unknown", 403, 404, 404, NAME),
    Row("DELETE /exports/ON_SHARED", 403, 204, 204),
    Row("DELETE /exports/ON_PRIVATE", 403, 403, 204),
    Row("DELETE /exports/unknown", 403, 404, 404),
    Row("POST /exports/ON_SHARED/run", 403, 202, 202, {"mode": "everything"}),
    Row("POST /exports/ON_PRIVATE/run", 403, 403, 202, {}),
    Row("POST /exports/unknown/run", 403, 404, 404, {}),
    Row("POST /exports/ON_SHARED/preview", 403, 200, 200, {"mode": "everything"}),
    Row("POST /exports/ON_PRIVATE/preview", 403, 403, 200),
    Row("POST /exports/DETACHED/preview", 403, 409, 409),
    Row("POST /exports/unknown/preview", 403, 404, 404),
    Row("POST /exports/ON_SHARED/duplicate", 403, 201, 201),
    Row("POST /exports/ON_PRIVATE/duplicate", 403, 403, 201, {"name": "Another"}),
    Row("POST /exports/unknown/duplicate", 403, 404, 404),
    Row("POST /exports/ON_SHARED/detach", 403, 200, 200),
    Row("POST /exports/ON_PRIVATE/detach", 403, 403, 409),
    Row("POST /exports/IDLE_ON_PRIVATE/detach", 403, 403, 200),
    Row("POST /exports/unknown/detach", 403, 404, 404),
    Row("POST /exports/DETACHED/attach", 403, 200, 200, TO_SHARED),
    Row("POST /exports/DETACHED/attach", 403, 422, 200, TO_PRIVATE),
    Row("POST /exports/ON_SHARED/attach", 403, 409, 409, TO_SHARED),
    Row("POST /exports/ON_PRIVATE/attach", 403, 403, 409, TO_PRIVATE),
    Row("POST /exports/unknown/attach", 403, 404, 404, TO_PRIVATE),
    Row("GET /exports/DETACHED", 200, 200, 200),
    Row("PATCH /exports/DETACHED", 403, 200, 200, NAME),
    Row("POST /exports/DETACHED/run", 403, 409, 409),
    Row("DELETE /exports/DETACHED", 403, 204, 204),
    Row("PUT /exports/ON_SHARED/schedule", 403, 200, 200, OFF),
    Row("PUT /exports/ON_PRIVATE/schedule", 403, 403, 200, OFF),
    Row("PUT /exports/DETACHED/schedule", 403, 200, 200, OFF),
    Row("PUT /exports/unknown/schedule", 403, 404, 404, OFF),
    Row("PUT /exports/schedules", 403, 200, 200, {"schedule": OFF}),
    Row("POST /exports/run-all", 403, 202, 202, {"mode": "everything"}),
    Row("GET /exports/ON_SHARED/runs", 200, 200, 200),
    Row("GET /exports/ON_PRIVATE/runs", 200, 200, 200),
    Row("GET /exports/unknown/runs", 404, 404, 404),
    Row("GET /runs", 200, 200, 200),
    Row("GET /runs/RUN", 200, 200, 200),
    Row("GET /runs/unknown", 404, 404, 404),
    Row("POST /runs/RUN/cancel", 403, 403, 202),
    Row("POST /runs/RUN_ON_SHARED/cancel", 403, 202, 202),
    Row("POST /runs/unknown/cancel", 403, 404, 404),
    Row("GET /runs/ON_SHARED.unknown", 404, 404, 404),
    Row("GET /runs/RUN/rejects.csv", 403, 403, 200),
    Row("GET /runs/RUN_ON_SHARED/rejects.csv", 403, 200, 200),
    Row("GET /runs/unknown/rejects.csv", 403, 404, 404),
    Row("POST /runs/RUN/rejects/search", 403, 403, 200, {}),
    Row("POST /runs/RUN_ON_SHARED/rejects/search", 403, 200, 200, {}),
    Row("POST /runs/unknown/rejects/search", 403, 404, 404, {}),
    Row("GET /audit", 403, 403, 200),
    Row("GET /audit?object=ON_SHARED", 403, 403, 200),
    Row("GET /refresh-schedule", 403, 403, 200),
    Row("PUT /refresh-schedule", 403, 403, 200, DAILY),
]
