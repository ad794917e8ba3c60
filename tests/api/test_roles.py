"""Every operation of the OpenAPI document answers everybody as the table says."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.identity import SigningKey
from tests.api.access import TABLE, Row
from tests.api.furnished import Furnished
from tests.api.office import Office, contract

OPERATIONS = contract().operations
# One of each pair stands for what is shared with contributors, the other for what is not.
PAIRS = {
    "/api/v1/connections/{key}": ("/connections/SHARED", "/connections/PRIVATE"),
    "/api/v1/exports/{key}": ("/exports/ON_SHARED", "/exports/ON_PRIVATE"),
}


@pytest.fixture(scope="module")
async def made(signing_key: SigningKey) -> Furnished:
    return await Furnished.make(signing_key)


@pytest.fixture
def furnished(made: Furnished) -> Iterator[Furnished]:
    with made.undone():
        yield made


async def status(furnished: Furnished, row: Row, role: str | None) -> int:
    """Return how the request of a row is answered, and undo it."""
    method, path, body = row.filled(furnished.names)
    with furnished.undone():
        return (await furnished.office.ask(method, path, body, role=role)).status_code


def operation_of(row: Row) -> str | None:
    """Return the operation of the document that a row is about."""
    words = {word: word.lower() for word in ("ON_SHARED", "RUN")}
    method, path, _ = row.filled(words)
    return contract().operation_of(method, path.partition("?")[0])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.request)
async def test_an_operation_answers_everybody_as_the_table_says(
    furnished: Furnished, row: Row
) -> None:
    roles = ("viewer", "contributor", "administrator", None)
    found = [await status(furnished, row, role) for role in roles]
    assert found == [row.viewer, row.contributor, row.administrator, row.nobody]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_table_has_a_line_for_every_operation(operation: str) -> None:
    lines = [row for row in TABLE if operation_of(row) == operation]
    assert lines
    assert {row.nobody == 401 for row in lines} == {bool(OPERATIONS[operation]["security"])}
    _, path = operation.split()
    for prefix, pair in PAIRS.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            for either in pair:
                assert [row for row in lines if either in row.request], either


def test_the_table_has_no_line_for_what_is_no_operation() -> None:
    assert [row.request for row in TABLE if operation_of(row) is None] == []


@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
async def test_the_documentation_asks_for_no_token(office: Office, path: str) -> None:
    assert (await office.http.get(path)).status_code == 200


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
    by_query = await office.ask(method, f"{path}?role={needed}&roles={needed}", body, role=role)
    assert by_query.status_code == 422  # there are no such parameters
    answer = await office.ask(method, path, body, role=role, headers=raised)
    assert answer.status_code == 403
    assert answer.json()["detail"] == (
        f"This needs the role {needed}. Ask whoever administers Segment Exports."
    )


async def test_contributors_see_only_what_tells_a_shared_connection_from_others(
    furnished: Furnished,
) -> None:
    office, names = furnished.office, furnished.names
    listed = await office.done("GET", "/connections", role="contributor")
    one = await office.done("GET", f"/connections/{names['SHARED']}", role="contributor")
    assert listed["items"] == [one]
    assert one == {
        "id": names["SHARED"],
        "destination": "mailchimp",
        "display_name": "Our Mailchimp",
    }


@pytest.mark.parametrize(
    ("run", "roles"),
    [("RUN", ["administrator"]), ("RUN_ON_SHARED", ["contributor", "administrator"])],
)
async def test_a_run_says_who_may_see_its_rejects(
    furnished: Furnished, run: str, roles: list[str]
) -> None:
    office, names = furnished.office, furnished.names
    key = names[run]
    paths = [f"/runs/{key}", "/runs", f"/exports/{key.partition('.')[0]}/runs"]
    for role in ("viewer", "contributor", "administrator"):
        for path in paths:
            found = await office.done("GET", path, role=role)
            [item] = [each for each in found.get("items", [found]) if each["id"] == key]
            assert item["can"] == {"see_rejects": role in roles}, path


async def test_an_export_says_what_its_reader_may_do(furnished: Furnished) -> None:
    async def can(role: str, name: str) -> Any:
        path = f"/exports/{furnished.names[name]}"
        return (await furnished.office.done("GET", path, role=role))["can"]

    assert await can("viewer", "ON_SHARED") == {"edit": False, "run": False, "view": True}
    assert await can("contributor", "ON_SHARED") == {"edit": True, "run": True, "view": True}
    assert await can("contributor", "ON_PRIVATE") == {"edit": False, "run": False, "view": True}
    assert await can("administrator", "ON_PRIVATE") == {"edit": True, "run": True, "view": True}
