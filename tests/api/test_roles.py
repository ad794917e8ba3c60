"""Who may call what: every route, as everybody."""

from dataclasses import dataclass
from typing import Any

import pytest

from shared.domain.connection import TERMS_VERSION
from tests.api.office import Office, choices

CONNECTION = {"destination": "mailchimp", "display_name": "Another"}
CONSENT = {"accepted": True, "terms_version": TERMS_VERSION}

TO_SHARED = {"connection_id": "SHARED", "list_id": "a2"}
TO_PRIVATE = {"connection_id": "PRIVATE", "list_id": "a2"}


@dataclass(frozen=True)
class Row:
    """A request, and the status that a viewer, a contributor and an administrator get, in this order.

    In paths and bodies, SHARED and PRIVATE stand for a connection's id, and ON_SHARED and
    ON_PRIVATE for an export on it, IDLE_ON_PRIVATE for one that never ran and DETACHED for one without
    a connection, DRAFT for a connection that is still being set up, RUN for a run of ON_PRIVATE and
    RUN_ON_SHARED for one on SHARED.
    """

    request: str
    viewer: int
    contributor: int
    administrator: int
    body: Any = None


TABLE = [
    Row("GET /me", 200, 200, 200),
    Row("PATCH /me", 200, 200, 200, {"language": "sv"}),
    Row("GET /destinations", 200, 200, 200),
    Row("GET /connections", 403, 200, 200),
    Row("POST /connections", 403, 403, 201, CONNECTION),
    Row("GET /connections/SHARED", 403, 200, 200),
    Row("GET /connections/PRIVATE", 403, 404, 200),
    Row("GET /connections/DRAFT", 403, 404, 200),
    Row("GET /connections/unknown", 403, 404, 404),
    Row("PATCH /connections/SHARED", 403, 403, 200, {"display_name": "Renamed"}),
    Row("PATCH /connections/unknown", 403, 403, 404, {"display_name": "Renamed"}),
    Row("DELETE /connections/DRAFT", 403, 403, 204),
    Row("DELETE /connections/unknown", 403, 403, 404),
    Row("POST /connections/SHARED/consent", 403, 403, 200, CONSENT),
    Row("POST /connections/SHARED/connect", 403, 403, 200, {}),
    Row("PUT /connections/SHARED/export-user", 403, 403, 200),
    Row("POST /connections/SHARED/save", 403, 403, 200),
    Row("POST /connections/SHARED/check", 403, 403, 200),
    Row("GET /connections/SHARED/lists", 403, 200, 200),
    Row("GET /connections/PRIVATE/lists", 403, 404, 200),
    Row("GET /connections/SHARED/fields?list_id=a1", 403, 200, 200),
    Row("GET /connections/PRIVATE/fields?list_id=a1", 403, 404, 200),
    Row("GET /segments", 200, 200, 200),
    Row("GET /segments/Customers", 200, 200, 200),
    Row("GET /segments/unknown", 404, 404, 404),
    Row("GET /exports", 200, 200, 200),
    Row("POST /exports", 403, 201, 201, choices("SHARED")),
    Row("POST /exports", 403, 422, 201, choices("PRIVATE")),
    Row("GET /exports/ON_SHARED", 200, 200, 200),
    Row("GET /exports/ON_PRIVATE", 200, 200, 200),
    Row("GET /exports/unknown", 404, 404, 404),
    Row("PATCH /exports/ON_SHARED", 403, 200, 200, {"name": "Renamed"}),
    Row("PATCH /exports/ON_PRIVATE", 403, 403, 200, {"name": "Renamed"}),
    Row("PATCH /exports/unknown", 403, 404, 404, {"name": "Renamed"}),
    Row("DELETE /exports/ON_SHARED", 403, 204, 404),
    Row("DELETE /exports/ON_PRIVATE", 403, 403, 204),
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
    Row("POST /exports/ON_SHARED/detach", 403, 200, 409),
    Row("POST /exports/IDLE_ON_PRIVATE/detach", 403, 403, 200),
    Row("POST /exports/unknown/detach", 403, 404, 404),
    Row("POST /exports/DETACHED/attach", 403, 200, 409, TO_SHARED),
    Row("POST /exports/DETACHED/attach", 403, 422, 200, TO_PRIVATE),
    Row("POST /exports/IDLE_ON_PRIVATE/attach", 403, 403, 409, TO_PRIVATE),
    Row("POST /exports/unknown/attach", 403, 404, 404, TO_PRIVATE),
    Row("GET /exports/DETACHED", 200, 200, 200),
    Row("PATCH /exports/DETACHED", 403, 200, 200, {"name": "Renamed"}),
    Row("POST /exports/DETACHED/run", 403, 409, 409),
    Row("DELETE /exports/DETACHED", 403, 204, 404),
    Row("PUT /exports/ON_SHARED/schedule", 403, 200, 200, {"follows": "off"}),
    Row("PUT /exports/ON_PRIVATE/schedule", 403, 403, 200, {"follows": "off"}),
    Row("PUT /exports/DETACHED/schedule", 403, 200, 200, {"follows": "off"}),
    Row("PUT /exports/unknown/schedule", 403, 404, 404, {"follows": "off"}),
    Row("PUT /exports/schedules", 403, 200, 200, {"schedule": {"follows": "off"}}),
    Row("POST /exports/run-all", 403, 202, 202, {"mode": "everything"}),
    Row("GET /exports/ON_SHARED/runs", 200, 200, 200),
    Row("GET /exports/unknown/runs", 404, 404, 404),
    Row("GET /runs", 200, 200, 200),
    Row("GET /runs/RUN", 200, 200, 200),
    Row("GET /runs/unknown", 404, 404, 404),
    Row("GET /runs/ON_SHARED.unknown", 404, 404, 404),
    Row("POST /runs/RUN/cancel", 403, 403, 202),
    Row("POST /runs/RUN_ON_SHARED/cancel", 403, 202, 409),
    Row("POST /runs/unknown/cancel", 403, 404, 404),
    Row("GET /runs/RUN/rejects", 200, 200, 200),
    Row("GET /runs/unknown/rejects", 404, 404, 404),
    Row("GET /audit", 403, 403, 200),
    Row("GET /audit?object=ON_SHARED", 403, 403, 200),
    Row("GET /refresh-schedule", 403, 403, 200),
    Row("PUT /refresh-schedule", 403, 403, 200, {"times": ["06:30"], "time_zone": "Europe/Paris"}),
]
REPORTS = "/api/v1/reports/{run_id}/{token}/{batch}"
"""Open in the same way as a sign-in's callback: who knows the address may post there."""
OPEN = {
    "/api/health",
    "/api/problems/{slug}",
    "/api/v1/oauth/callback",
    "/api/v1/oauth/done",
    REPORTS,
}


@pytest.fixture
async def names(office: Office) -> dict[str, str]:
    shared = await office.ready(shared_with="contributors")
    private = await office.ready()
    on_private = await office.export(private)
    run = await office.done("POST", f"/exports/{on_private}/run", {})
    on_shared = await office.export(shared)
    run_on_shared = await office.done("POST", f"/exports/{await office.export(shared)}/run", {})
    detached = await office.export(private)
    await office.done("POST", f"/exports/{detached}/detach")
    return {
        "RUN_ON_SHARED": str(run_on_shared["id"]),
        "ON_SHARED": on_shared,
        "IDLE_ON_PRIVATE": await office.export(private),
        "DETACHED": detached,
        "ON_PRIVATE": on_private,
        "SHARED": shared,
        "PRIVATE": private,
        "DRAFT": await office.draft(shared_with="contributors"),
        "RUN": str(run["id"]),
    }


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(each, names) for key, each in value.items()}
    if isinstance(value, str):
        for name, key in names.items():
            value = value.replace(name, key)
    return value


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.request)
async def test_a_route_answers_each_role_as_the_table_says(
    office: Office, names: dict[str, str], row: Row
) -> None:
    method, path = filled(row.request, names).split()
    statuses = [
        (await office.ask(method, path, filled(row.body, names), role=role)).status_code
        for role in (None, "viewer", "contributor", "administrator")
    ]
    assert statuses == [401, row.viewer, row.contributor, row.administrator]


async def test_the_table_leaves_no_route_out(office: Office) -> None:
    document = (await office.http.get("/api/openapi.json")).json()
    there = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in document["paths"].items()
        if path not in OPEN
        for method in operations
    }
    words = {
        "ON_SHARED": "{key}",
        "DETACHED": "{key}",
        "SHARED": "{key}",
        "RUN": "{key}",
        "DRAFT": "{key}",
    }
    paths = (filled(row.request, words).partition("?")[0] for row in TABLE)
    tested = {path.replace("Customers", "{name}") for path in paths}
    assert there <= tested


@pytest.mark.parametrize("path", sorted((OPEN - {REPORTS}) | {"/api/docs", "/api/openapi.json"}))
async def test_what_is_open_asks_for_no_token(office: Office, path: str) -> None:
    answer = await office.http.get(path.replace("{slug}", "conflict"))
    assert answer.status_code != 401


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/docs/",
        "/api/health/../v1/me",
        "/api/v1/oauth/callback/",
        "//api/v1/me",
    ],
)
async def test_everything_else_does(office: Office, path: str) -> None:
    assert (await office.http.get(path)).status_code == 401


@pytest.mark.parametrize(
    ("role", "request_line", "needed"),
    [
        ("viewer", "GET /connections", "contributor"),
        ("viewer", "POST /exports", "contributor"),
        ("viewer", "GET /audit", "administrator"),
        ("contributor", "POST /connections", "administrator"),
        ("contributor", "PUT /refresh-schedule", "administrator"),
    ],
)
async def test_who_lacks_a_role_learns_which_one_and_whom_to_ask(
    office: Office, role: str, request_line: str, needed: str
) -> None:
    method, path = request_line.split()
    body: Any = None if method == "GET" else {}
    raised = {"X-MS-CLIENT-PRINCIPAL-ROLE": needed, "roles": needed, "X-Role": needed}
    answer = await office.ask(
        method, f"{path}?role={needed}&roles={needed}", body, role=role, headers=raised
    )
    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        f"This needs the role {needed}. Ask whoever administers Segment Exports."
    )


async def test_contributors_see_only_what_tells_a_shared_connection_from_others(
    office: Office, names: dict[str, str]
) -> None:
    listed = await office.done("GET", "/connections", role="contributor")
    one = await office.done("GET", f"/connections/{names['SHARED']}", role="contributor")
    assert listed["items"] == [one]
    assert one == {
        "id": names["SHARED"],
        "destination": "mailchimp",
        "display_name": "Our Mailchimp",
    }


async def test_an_export_says_what_its_reader_may_do(office: Office, names: dict[str, str]) -> None:
    async def can(role: str, name: str) -> Any:
        return (await office.done("GET", f"/exports/{names[name]}", role=role))["can"]

    assert await can("viewer", "ON_SHARED") == {"edit": False, "run": False, "view": True}
    assert await can("contributor", "ON_SHARED") == {"edit": True, "run": True, "view": True}
    assert await can("contributor", "ON_PRIVATE") == {"edit": False, "run": False, "view": True}
    assert await can("administrator", "ON_PRIVATE") == {"edit": True, "run": True, "view": True}
