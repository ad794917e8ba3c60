"""Every operation of the OpenAPI document answers everybody as the table says."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.identity import SigningKey
from shared.exports.reports import report_url
from tests.api.access import TABLE, Row
from tests.api.office import Office, contract

OPERATIONS = contract().operations
# One of each pair stands for what is shared with contributors, the other for what is not.
PAIRS = {
    "/api/v1/connections/{key}": ("/connections/SHARED", "/connections/PRIVATE"),
    "/api/v1/exports/{key}": ("/exports/ON_SHARED", "/exports/ON_PRIVATE"),
}


@dataclass(frozen=True)
class Furnished:
    """An office with connections, exports and a run, as it is before each request."""

    office: Office
    names: dict[str, str]

    async def status(self, row: Row, role: str | None) -> int:
        """Return how the request of a row is answered, and undo it."""
        before = self.office.services
        kept = {id(before.clock): before.clock}
        self.office.services = replace(before, storage=deepcopy(before.storage, kept))
        try:
            method, path, body = row.filled(self.names)
            return (await self.office.ask(method, path, body, role=role)).status_code
        finally:
            self.office.services = before


@pytest.fixture(scope="module")
async def furnished(signing_key: SigningKey) -> Furnished:
    office = Office(signing_key)
    return Furnished(office, await names_of(office))


@pytest.fixture
async def names(office: Office) -> dict[str, str]:
    return await names_of(office)


async def names_of(office: Office) -> dict[str, str]:
    """Furnish an office; return what the words of the table stand for."""
    shared = await office.ready(shared_with="contributors")
    private = await office.ready()
    on_private = await office.export(private)
    run = await office.done("POST", f"/exports/{on_private}/run", {})
    return {
        "ON_SHARED": await office.export(shared),
        "ON_PRIVATE": on_private,
        "SHARED": shared,
        "PRIVATE": private,
        "DRAFT": await office.draft(shared_with="contributors"),
        "RUN": str(run["id"]),
        "REPORTS": urlsplit(await report_url(office.services, str(run["id"]))).path,
    }


def operation_of(row: Row) -> str | None:
    """Return the operation of the document that a row is about."""
    words = {word: word.lower() for word in ("ON_SHARED", "RUN")}
    method, path, _ = row.filled({**words, "REPORTS": "/api/v1/reports/run/token"})
    return contract().operation_of(method, path.partition("?")[0])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.request)
async def test_an_operation_answers_everybody_as_the_table_says(
    furnished: Furnished, row: Row
) -> None:
    found = {
        role: await furnished.status(row, role)
        for role in ("viewer", "contributor", "administrator", None)
    }
    assert list(found.values()) == [row.viewer, row.contributor, row.administrator, row.nobody]


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


async def test_contributors_see_only_what_tells_a_shared_connection_from_others(
    office: Office, names: Mapping[str, str]
) -> None:
    listed = await office.done("GET", "/connections", role="contributor")
    one = await office.done("GET", f"/connections/{names['SHARED']}", role="contributor")
    assert listed["items"] == [one]
    assert one == {
        "id": names["SHARED"],
        "destination": "mailchimp",
        "display_name": "Our Mailchimp",
    }


async def test_an_export_says_what_its_reader_may_do(
    office: Office, names: Mapping[str, str]
) -> None:
    async def can(role: str, name: str) -> Any:
        return (await office.done("GET", f"/exports/{names[name]}", role=role))["can"]

    assert await can("viewer", "ON_SHARED") == {"edit": False, "run": False}
    assert await can("contributor", "ON_SHARED") == {"edit": True, "run": True}
    assert await can("contributor", "ON_PRIVATE") == {"edit": False, "run": False}
    assert await can("administrator", "ON_PRIVATE") == {"edit": True, "run": True}
