"""Requests that would be passed over in part: parameters that nothing reads, and a body that was lost."""

import base64
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.office import Office, choices, contract, pointers


def operations(signed_in: bool) -> list[str]:
    return [
        name for name, each in contract().operations.items() if bool(each["security"]) == signed_in
    ]


@pytest.mark.parametrize("operation", operations(signed_in=True))
async def test_a_parameter_that_there_is_not_is_named(office: Office, operation: str) -> None:
    method, path = operation.split()
    answer = await office.ask(method, f"{path}?Limit=5&limi=5&after=", {})
    assert answer.status_code == 422
    told = {
        each["parameter"]: each["detail"] for each in answer.json()["errors"] if "parameter" in each
    }
    assert {"Limit", "limi"} <= told.keys()
    assert told["limi"] == "There is no such parameter here."


async def test_of_a_parameter_that_somebody_made_up_no_more_is_said_than_fits(
    office: Office,
) -> None:
    answer = await office.ask("GET", f"/me?{'a' * 3_000}=1&%FF=&%00=&%ED%A0%80")
    named = [each["parameter"] for each in answer.json()["errors"]]
    assert (answer.status_code, len(named)) == (422, 4)
    assert max(map(len, named)) == 100


@pytest.mark.parametrize("operation", operations(signed_in=False))
async def test_whoever_has_no_token_of_ours_may_send_more(office: Office, operation: str) -> None:
    method, path = operation.split()
    url = path.replace("{batch}", "1").replace("{slug}", "conflict")
    plain = await office.http.request(method, url, content=b"")
    more = await office.http.request(
        method, f"{url}?utm_source=x&token=&session_state=1", content=b""
    )
    assert more.status_code == plain.status_code != 422


async def in_pieces() -> AsyncIterator[bytes]:
    yield b'{"language": "sv"}'


async def lost(office: Office, method: str, path: str) -> httpx.Response:
    """Send a request as it arrives here when its body came in pieces: without any of it."""
    headers = {"Authorization": f"Bearer {office.issuer.token('administrator')}"}
    request = office.http.build_request(method, f"/api/v1{path}", headers=headers)
    del request.headers["Content-Length"]
    request.headers["Transfer-Encoding"] = "chunked"
    return await office.http.send(request)


NEEDS_A_BODY = [
    name for name in operations(signed_in=True) if "requestBody" in contract().operations[name]
]


@pytest.mark.parametrize("operation", NEEDS_A_BODY)
async def test_a_body_that_was_lost_on_the_way_is_missed(office: Office, operation: str) -> None:
    method, path = operation.split()
    answer = await lost(office, method, path.removeprefix("/api/v1"))
    assert (answer.status_code, answer.json()["type"]) == (411, "/api/problems/length-required")
    assert "Content-Length" in answer.json()["detail"]


async def test_a_body_that_may_be_left_out_is_not_missed(office: Office) -> None:
    export = await office.export(await office.ready())
    headers = {"Authorization": f"Bearer {office.issuer.token('administrator')}"}
    request = office.http.build_request("POST", f"/api/v1/exports/{export}/run", headers=headers)
    del request.headers["Content-Length"]
    assert (await office.http.send(request)).status_code == 202


async def test_a_body_that_has_come_whole_needs_no_length(office: Office) -> None:
    headers = {"Authorization": f"Bearer {office.issuer.token('administrator')}"}
    headers["Content-Type"] = "application/json"
    answer = await office.http.patch("/api/v1/me", content=in_pieces(), headers=headers)
    assert answer.status_code == 200


CURSORS = [
    "\x00",
    "\ud800",
    "a\ud800",
    '["\ud800", "x"]',
    '["", "\ud800"]',
    '["", "\\ud800"]',
    '["\\ud800", "a"]',
    '["", "\\u0000"]',
    '["", "' + "x" * 600 + '"]',
    "\uffff",
    "x" * 1_200,
    "9" * 600,
    "1:-1",
    "999999999:999999999",
    "٣:٤",
    "[" * 1_000,
]
PAGES = [
    "/connections",
    "/exports",
    "/exports?sort=name",
    "/exports?sort=-created_at",
    "/exports/EXPORT/runs",
    "/runs",
    "/runs/RUN/rejects.csv",
    "/segments",
    "/audit",
    "/connections/CONNECTION/lists",
]


@pytest.mark.parametrize("page", PAGES)
async def test_a_cursor_that_nobody_was_given_is_a_page_or_refused(
    office: Office, page: str
) -> None:
    connection = await office.ready()
    export = await office.export(connection)
    run = await office.done("POST", f"/exports/{export}/run", {})
    for word, key in (("EXPORT", export), ("RUN", run["id"]), ("CONNECTION", connection)):
        page = page.replace(word, key)
    for odd in CURSORS:
        cursor = base64.urlsafe_b64encode(odd.encode(errors="surrogatepass")).decode()
        answer = await office.ask("GET", page, params={"after": cursor})
        assert answer.status_code in (200, 422), (odd, answer.text)
    for raw in ("%ED%A0%80", "%FF", "%00", "=", "%25", "a", "\u00e9"):
        joint = "&" if "?" in page else "?"
        answer = await office.ask("GET", f"{page}{joint}after={raw}")
        assert answer.status_code in (200, 422), (raw, answer.text)


HALVES = ["\\ud800", "a\\udfff", "\\u0000", "\\uffff", "\\u202e"]


@pytest.mark.parametrize("half", HALVES)
async def test_half_a_pair_in_a_body_is_refused_or_is_a_text_like_any(
    office: Office, half: str
) -> None:
    connection = await office.ready()
    export = await office.export(connection)
    run = await office.done("POST", f"/exports/{export}/run", {})
    headers = {"Authorization": f"Bearer {office.issuer.token('administrator')}"}
    headers["Content-Type"] = "application/json"
    for method, path, body in (
        ("POST", f"/runs/{run['id']}/rejects/search", '{"after": "HALF"}'),
        ("POST", f"/runs/{run['id']}/rejects/search", '{"address": "HALF", "code": "HALF"}'),
        ("POST", f"/runs/{run['id']}/rejects/search", '{"HALF": 1}'),
        ("PATCH", f"/exports/{export}", '{"segments": ["HALF"]}'),
        ("PATCH", f"/exports/{export}", '{"list_id": "HALF"}'),
        ("PATCH", f"/exports/{export}", '{"fields": {"HALF": "HALF"}}'),
        ("PATCH", f"/exports/{export}", '{"connection_id": "HALF"}'),
        ("PUT", "/segments/Customers/reading", '{"dates": {"HALF": "dmy"}, "nulls": ["HALF"]}'),
        ("PUT", "/segments/Customers/reading", '{"encoding": "HALF"}'),
        ("PUT", "/exports/schedules", '{"exports": ["HALF"], "schedule": {"follows": "off"}}'),
        ("PUT", "/refresh-schedule", '{"time_zone": "HALF", "times": ["HALF"]}'),
        ("POST", f"/connections/{connection}/connect", '{"host": "HALF", "api_key": "HALF"}'),
        ("POST", "/connections", '{"destination": "HALF", "display_name": "x"}'),
        ("PATCH", "/me", '{"language": "HALF"}'),
    ):
        content = body.replace("HALF", half).encode()
        answer = await office.http.request(
            method, f"/api/v1{path}", content=content, headers=headers
        )
        assert answer.status_code < 500, (path, body, answer.text)


async def test_a_segment_of_any_name_is_there_or_not_at_once(office: Office) -> None:
    for odd in (
        "%00",
        "%0b",
        "a%ED%A0%80",
        "%EF%BF%BF",
        "%2e",
        "%2e%2e",
        "%EF%BB%BF",
        "%",
        "x" * 1_025,
    ):
        for rest in ("", "/reading"):
            answer = await office.ask("GET", f"/segments/{odd}{rest}")
            assert answer.status_code in (200, 404, 422), (odd, answer.status_code)


async def test_there_is_no_segment_that_no_blob_can_be(office: Office) -> None:
    answer = await office.ask(
        "POST", "/exports", choices(await office.ready(), segments=["a\uffff"])
    )
    assert pointers(answer) == ["/segments/0"]
