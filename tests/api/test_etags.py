"""Two people at once: whoever changes what they did not read as it is now is told, and changes nothing."""

import re
from typing import Any

import pytest

from shared.domain.connection import TERMS_VERSION
from shared.storage.entries import ALL, SettingsTable
from tests.api.office import Office, contract

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


READS = [
    name
    for name, each in contract().operations.items()
    if name.startswith("GET") and "ETag" in each["responses"].get("200", {}).get("headers", {})
]


async def readable(office: Office) -> dict[str, str]:
    """Return an address for each operation that reads something with an ETag."""
    connection = await office.ready()
    keys = {"connections": connection, "exports": await office.export(connection)}
    return {
        read: read.removeprefix("GET ")
        .replace("{name}", "Customers")
        .replace("{key}", keys.get(word, ""))
        for read in READS
        for word in [read.split("/")[3]]
    }


async def test_whoever_has_an_answer_is_told_so(office: Office) -> None:
    there = await readable(office)
    assert len(there) == 4
    for path in there.values():
        first = await office.ask("GET", path)
        tag = first.headers["ETag"]
        for known in (tag, f"W/{tag}", f'"x", {tag}', f'{tag},"x"', "*"):
            again = await office.ask("GET", path, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b""), (path, known)
            assert again.headers["ETag"] == tag
            assert again.headers["Cache-Control"] == "no-store"
        for other in (
            '"x"',
            "x",
            "",
            tag.strip('"'),
            tag.replace(".", "-"),
            tag.split(".")[0] + '"',
        ):
            whole = await office.ask("GET", path, headers={"If-None-Match": other})
            assert (whole.status_code, whole.json()) == (200, first.json()), (path, other)


async def test_an_etag_is_strong_and_says_nothing_of_storage(office: Office) -> None:
    for path in (await readable(office)).values():
        tag = (await office.ask("GET", path)).headers["ETag"]
        assert re.fullmatch(r'"[0-9a-f]{16}\.[0-9a-f]{16}"', tag)


async def test_another_answer_of_the_same_version_is_new_to_who_read_and_right_to_who_changes(
    office: Office,
) -> None:
    """An export says what its reader may do, so that its answer changes while it does not."""
    connection = await office.ready()
    path = f"/exports/{await office.export(connection)}"
    ours = (await office.ask("GET", path)).headers["ETag"]
    theirs = await office.ask("GET", path, role="viewer", headers={"If-None-Match": ours})
    assert theirs.status_code == 200
    assert theirs.headers["ETag"] != ours
    assert theirs.headers["ETag"].partition(".")[0] == ours.partition(".")[0]
    given = {"If-Match": theirs.headers["ETag"]}
    assert (await office.ask("PATCH", path, {"name": "New"}, headers=given)).status_code == 200


async def test_a_list_of_etags_is_right_if_one_of_them_is(office: Office) -> None:
    path = f"/exports/{await office.export(await office.ready())}"

    async def change(if_match: str) -> int:
        answer = await office.ask("PATCH", path, {"name": "New"}, headers={"If-Match": if_match})
        return answer.status_code

    tag = (await office.ask("GET", path)).headers["ETag"]
    assert await change('"a", "b"') == 412
    assert await change("") == await change(",") == await change("a, *") == 412
    assert await change(f"W/{tag}") == 412
    assert await change(tag.strip('"')) == 412
    for known in ('"a", TAG', ' TAG ,"b"', "VERSION", "*", " * "):
        tag = (await office.ask("GET", path)).headers["ETag"]
        version = tag.partition(".")[0] + '"'
        assert await change(known.replace("TAG", tag).replace("VERSION", version)) == 200, known


async def test_a_change_answers_with_the_version_that_it_made(office: Office) -> None:
    path = f"/connections/{await office.draft()}"
    changed = await office.ask(
        "PATCH", path, {"display_name": "New"}, headers={"If-None-Match": "*"}
    )
    read = await office.ask("GET", path)
    assert changed.status_code == 200
    assert changed.headers["ETag"].partition(".")[0] == read.headers["ETag"].partition(".")[0]
