"""Two people at once: whoever changes what they did not read as it is now is told, and changes nothing."""

from typing import Any

import pytest

from shared.domain.connection import TERMS_VERSION
from shared.storage.entries import ALL, SettingsTable
from tests.api.office import Office

CHANGES: dict[str, Any] = {
    "PATCH /connections/{key}": {"display_name": "Second"},
    "DELETE /connections/{key}": None,
    "POST /connections/{key}/consent": {"accepted": True, "terms_version": TERMS_VERSION},
    "POST /connections/{key}/connect": {},
    "PUT /connections/{key}/export-user": None,
    "POST /connections/{key}/save": None,
    "POST /connections/{key}/check": None,
    "PATCH /exports/{key}": {"name": "Second"},
    "DELETE /exports/{key}": None,
    "POST /exports/{key}/detach": None,
    "POST /exports/{key}/attach": {"list_id": "a1"},
    "PUT /exports/{key}/schedule": {"follows": "off"},
    "PUT /refresh-schedule": {"times": ["08:00"]},
    "PUT /segments/{name}/reading": {"decimal": "."},
    "DELETE /segments/{name}/reading": None,
}
"""Every operation that changes something that there is, with a body that it takes."""

OTHERS = {
    "POST /connections",  # these make something
    "POST /exports",
    "POST /exports/{key}/duplicate",
    "POST /exports/{key}/run",  # these begin runs
    "POST /exports/run-all",
    "POST /exports/{key}/preview",  # changes nothing
    "POST /segments/{name}/reading/try",  # likewise
    "POST /runs/{key}/rejects/search",  # reads: an address must not stand in an address
    "POST /runs/{key}/cancel",  # a run has no ETag: nobody changes what it says
    "PUT /exports/schedules",  # many at once
    "PATCH /me",  # nobody else has it
    "POST /reports/{run_id}/{batch}",
    "POST /reports/{run_id}/{token}/{batch}",
}
"""Every other operation that does more than read."""


async def described(office: Office) -> dict[str, Any]:
    """Return every operation that is not a reading, by method and path."""
    document = (await office.http.get("/api/openapi.json")).json()
    return {
        f"{method.upper()} {path.removeprefix('/api/v1')}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method != "get"
    }


async def test_every_operation_that_changes_something_is_here(office: Office) -> None:
    assert set(await described(office)) == set(CHANGES) | OTHERS


async def test_each_of_them_takes_the_etag_that_was_read(office: Office) -> None:
    there = await described(office)
    for change in CHANGES:
        assert "if-match" in [each["name"] for each in there[change].get("parameters", [])], change


async def kept(office: Office) -> list[Any]:
    """Return all that the changes could touch, with its ETags."""
    storage = office.services.storage
    ports = (storage.connections, storage.exports, storage.schedules, storage.oauth_states)
    readings = await storage.readings.page(SettingsTable.READINGS)
    return [readings, *[await port.page(ALL) for port in ports]]


@pytest.mark.parametrize("change", CHANGES)
async def test_the_second_of_two_people_is_told_and_nothing_is_changed(
    office: Office, change: str
) -> None:
    method, path = change.split()
    connection = await office.ready()
    first: dict[str, Any]
    if path.startswith("/exports"):
        key = await office.export(connection)
        other, first = f"/exports/{key}", {"name": "First"}
        if path.endswith("/attach"):
            await office.done("POST", f"{other}/detach")
    elif path.startswith("/connections"):
        key = connection
        other, first = f"/connections/{key}", {"display_name": "First"}
    elif path.startswith("/segments"):
        key, path = "", path.replace("{name}", "Customers")
        other, first = path, {"decimal": ","}
    else:
        key, other, first = "", path, {"times": ["07:00"]}
    read = (await office.ask("GET", other)).headers["ETag"]
    await office.done("PATCH" if key else "PUT", other, first)
    before = await kept(office)

    path = path.replace("{key}", key)
    body = CHANGES[change]
    if path.endswith("/attach"):
        body = {"connection_id": connection, **body}
    second = await office.ask(method, path, body, headers={"If-Match": read})

    assert second.status_code == 412
    assert second.json()["type"] == "/api/problems/outdated"
    assert "Read it again" in second.json()["detail"]
    assert await kept(office) == before
    fresh = (await office.ask("GET", other)).headers["ETag"]
    again = await office.ask(method, path, body, headers={"If-Match": fresh})
    assert again.is_success, again.text
