"""Requests that nobody sends by mistake: they are refused, change nothing and are never repeated."""

import json
import logging
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from shared.api.middleware.limits import MAX_HEADERS, MAX_QUERY
from shared.domain.connection import Connection
from shared.storage.entries import ALL
from shared.storage.ports import Unavailable
from shared.telemetry.logs import one_line
from tests.api.office import Office, choices, pointers
from tests.fakes.storage import MemoryRecords

PLANTED = "planted-value"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


def bearer(office: Office, role: str = "administrator") -> dict[str, str]:
    return {"Authorization": f"Bearer {office.issuer.token(role)}"}


async def paths(office: Office) -> list[str]:
    document = (await office.http.get("/api/openapi.json")).json()
    return list(document["paths"])


async def kept(office: Office) -> list[Any]:
    storage = office.services.storage
    ports = (storage.connections, storage.exports, storage.schedules, storage.bookmarks)
    return [await port.page(ALL) for port in ports]


STRANGE = [
    "%00",
    "a%00b",
    "%0a",
    "a%0d%0aSet-Cookie:%20a=b",
    "%2F",
    "%2e%2e",
    "%2e%2e%2f",
    "..%2f..%2fexports",
    "..%5c",
    "%5c",
    "%3F",
    "%23",
    "%25",
    "%",
    "%zz",
    "%C0%80",
    "%ED%A0%80",
    "%FF",
    "%20",
    "*",
    "~",
    "'",
    "x'%20or%20PartitionKey%20ne%20'",
    "all",
    "refresh",
    "a.b",
    "0",
    "-1",
    "null",
    "%F0%9F%99%82",
    "x" * 600,
    "%61" * 600,
]


@pytest.mark.parametrize("strange", STRANGE, ids=lambda each: each[:20])
async def test_a_strange_id_is_nobodys_whatever_is_done_to_it(office: Office, strange: str) -> None:
    await office.export(await office.ready())
    await office.done("PUT", "/refresh-schedule", {"times": ["06:30"]})
    before = await kept(office)
    for path in await paths(office):
        if "{" not in path:
            continue
        for method in METHODS:
            url = re.sub(r"\{[^}]+\}", strange.replace("\\", r"\\"), path)
            body = b"{}" if method in ("POST", "PUT", "PATCH") else None
            answer = await office.http.request(method, url, headers=bearer(office), content=body)
            # How a segment is read may be said before it has a file, whatever it will be called.
            least = 200 if path.endswith("/reading") else 400
            assert least <= answer.status_code < 500, (method, url, answer.status_code)
            assert "Set-Cookie" not in answer.headers
    for report in (f"{strange}/x/0", f"x.y/{strange}/0", f"x.y/x/{strange}"):
        answer = await office.http.post(f"/api/v1/reports/{report}", content=b"x")
        assert 400 <= answer.status_code < 500, report
    assert await kept(office) == before


@pytest.mark.parametrize("strange", STRANGE, ids=lambda each: each[:20])
async def test_an_encoded_id_is_the_id_and_only_that(office: Office, strange: str) -> None:
    key = await office.ready()
    for path in (f"/connections/{key}{strange}", f"/connections/{strange}{key}"):
        answer = await office.http.get(f"/api/v1{path}", headers=bearer(office))
        assert answer.status_code == 404
    encoded = "".join(f"%{ord(each):02x}" for each in key)
    answer = await office.http.get(f"/api/v1/connections/{encoded}", headers=bearer(office))
    assert answer.json()["id"] == key


@pytest.mark.parametrize("strange", STRANGE, ids=lambda each: each[:20])
async def test_a_sign_in_that_comes_back_with_anything_strange_is_refused(
    office: Office, strange: str
) -> None:
    for query in (f"state={strange}&code={strange}", f"state={strange}&error={strange}&state=x"):
        answer = await office.http.get(f"/api/v1/oauth/callback?{query}")
        assert answer.status_code == 400
        assert "Location" not in answer.headers


async def test_a_path_is_not_found_with_a_slash_more_or_other_letters(office: Office) -> None:
    key = await office.ready()
    for path in (
        "/api/v1/me/",
        "/api/v1//me",
        "/api/v1/connections/",
        f"/api/v1/connections/{key}/",
        f"/api/v1/connections//{key}",
        f"/api/v1/Connections/{key}",
        f"/api/v1/connections/{key.upper()}x",
        "/api/v1/me;a=b",
        "/api/V1/me",
    ):
        answer = await office.http.get(path, headers=bearer(office))
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "disguise",
    [
        {"X-HTTP-Method-Override": "DELETE"},
        {"X-HTTP-Method": "DELETE"},
        {"X-Method-Override": "DELETE"},
    ],
)
async def test_a_method_is_what_it_is(office: Office, disguise: dict[str, str]) -> None:
    key = await office.ready()
    for method in ("GET", "POST"):
        for query, least in (("", 200), ("?_method=DELETE", 422)):
            path = f"/connections/{key}{query}"
            answer = await office.ask(method, path, headers=disguise)
            assert answer.status_code == (least if method == "GET" else 405)
    assert (await office.ask("GET", f"/connections/{key}")).status_code == 200


async def test_other_methods_are_refused_on_every_path(office: Office) -> None:
    document = (await office.http.get("/api/openapi.json")).json()
    for path, operations in document["paths"].items():
        url = re.sub(r"\{[^}]+\}", "0", path)
        for method in METHODS:
            if method.lower() in operations or (method == "HEAD" and "get" in operations):
                continue
            answer = await office.http.request(method, url, headers=bearer(office))
            # The id of an export could be the name of what stands beside it.
            refused = (404, 405, 422) if url.startswith("/api/v1/exports/") else (404, 405)
            assert answer.status_code in refused, (method, url)


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST"])
async def test_no_other_site_is_let_in(office: Office, method: str) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization",
    }
    for path in ("/me", "/connections", "/nothing"):
        answer = await office.ask(method, path, headers=headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


HOSTILE: dict[str, bytes] = {
    "a deep list": b"[" * 200_000 + b"]" * 200_000,
    "a deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a deep member": b'{"name": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "not so deep": b"[" * 900 + b"]" * 900,
    "half of it": b"[" * 400_000,
    "a long number": b'{"name": ' + b"1" * 5_000 + b"}",
    "no number": b'{"name": NaN}',
    "an endless number": b'{"name": 1e999}',
    "half a pair": b'{"name": "\\ud800"}',
    "no UTF-8": b'{"name": "\xe9\xff"}',
    "a NUL": b'{"name": "a\x00b"}',
    "the same member twice": b'{"name": 1, "name": 2}',
    "a prototype": b'{"__proto__": {"role": "administrator"}, "__class__": 1}',
    "nothing": b"",
    "a word": b"null",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_body_is_refused_and_changes_nothing(office: Office, body: bytes) -> None:
    connection = await office.ready()
    export = await office.export(connection)
    before = await kept(office)
    headers = bearer(office) | {"Content-Type": "application/json"}
    for method, path in (
        ("POST", "/connections"),
        ("PATCH", f"/connections/{connection}"),
        ("POST", f"/connections/{connection}/consent"),
        ("POST", "/exports"),
        ("PATCH", f"/exports/{export}"),
        ("PUT", "/refresh-schedule"),
    ):
        answer = await office.http.request(method, f"/api/v1{path}", content=body, headers=headers)
        assert answer.status_code in (400, 422), (path, answer.status_code)
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert await kept(office) == before


async def test_a_query_or_headers_that_are_too_long_are_refused(office: Office) -> None:
    long = await office.ask("GET", f"/connections?after={'a' * MAX_QUERY}")
    assert (long.status_code, long.json()["type"]) == (414, "/api/problems/query-too-long")
    many = {f"X-{number}": "a" * 1_000 for number in range(MAX_HEADERS // 1_000 + 1)}
    large = await office.ask("GET", "/me", headers=many)
    assert (large.status_code, large.json()["type"]) == (431, "/api/problems/headers-too-large")
    assert (await office.ask("GET", "/me", headers={"X-A": "a" * 8_000})).status_code == 200


@pytest.mark.parametrize(("header", "longest"), [("If-Match", 1_000), ("Idempotency-Key", 200)])
async def test_a_header_value_that_is_too_long_is_named(
    office: Office, header: str, longest: int
) -> None:
    export = await office.export(await office.ready())
    method, path = ("PATCH", "") if header == "If-Match" else ("POST", "/run")
    answer = await office.ask(
        method, f"/exports/{export}{path}", {}, headers={header: "a" * (longest + 1)}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"].lower() == header.lower()


async def test_a_body_of_another_kind_is_refused(office: Office) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = bearer(office) | {"Content-Type": kind}
        body = json.dumps({"destination": "mailchimp", "display_name": "x"})
        answer = await office.http.post("/api/v1/connections", content=body, headers=headers)
        assert answer.status_code == 422, kind


UNSEEN = ["\u202eexe.fdp", "a\u2066b", "\x85", "a\x7f", "\u200b\u2060", "\ufeff", "a\tb"]


@pytest.mark.parametrize("name", UNSEEN, ids=ascii)
async def test_a_name_that_people_cannot_see_as_it_is_is_refused(office: Office, name: str) -> None:
    connection = await office.ready()
    export = await office.export(connection)
    await office.drop(name)
    before = await kept(office)
    for method, path, body, pointer in (
        (
            "POST",
            "/connections",
            {"destination": "mailchimp", "display_name": name},
            "/display_name",
        ),
        ("PATCH", f"/connections/{connection}", {"display_name": name}, "/display_name"),
        ("POST", "/exports", choices(connection, name=name), "/name"),
        ("PATCH", f"/exports/{export}", {"name": name}, "/name"),
        ("POST", f"/exports/{export}/duplicate", {"name": name}, "/name"),
        ("POST", "/exports", choices(connection, segments=[name]), "/segments/0"),
        ("PATCH", f"/exports/{export}", {"segments": ["Customers", name]}, "/segments/1"),
    ):
        assert pointers(await office.ask(method, path, body)) == [pointer], path
    at = f"/segments/{quote(name)}"
    assert (await office.ask("GET", at)).status_code == 404
    for method, path, reading in (
        ("GET", f"{at}/reading", None),
        ("PUT", f"{at}/reading", {"decimal": ","}),
        ("DELETE", f"{at}/reading", None),
        ("POST", f"{at}/reading/try", {}),
    ):
        answer = await office.ask(method, path, reading)
        assert answer.status_code == 422, (method, path)
        assert [each["parameter"] for each in answer.json()["errors"]] == ["name"]
    there = await office.done("GET", "/segments")
    assert [each["name"] for each in there["items"]] == ["Customers"]
    assert await kept(office) == before


def said_with(value: str) -> list[tuple[str, str, Any]]:
    """Return requests that hold a value where it is wrong."""
    export = {"name": value * 20, "connection_id": value, "on_arrival": value, value: value}
    return [
        ("POST", "/connections", {"destination": value, "display_name": "x"}),
        ("POST", "/connections", {"destination": "mailchimp", "display_name": value * 20}),
        ("POST", "/connections", {"destination": "mailchimp", "display_name": [value]}),
        ("PATCH", "/connections/CONNECTION", {"shared_with": value}),
        ("PATCH", f"/connections/{value}", {"display_name": "x"}),
        ("POST", "/connections/CONNECTION/consent", {"accepted": value, "terms_version": "x"}),
        ("POST", "/connections/CONNECTION/consent", {"accepted": True, "terms_version": value}),
        ("POST", "/connections/CONNECTION/connect", {"host": value, "api_key": value}),
        ("POST", "/connections/CONNECTION/connect", {"secret_name": value + "/"}),
        *(
            ("POST", "/exports", choices("CONNECTION", **{key: export[key]}))
            for key in ("name", "connection_id", "on_arrival")
        ),
        ("POST", "/exports", choices("CONNECTION", segments=[value])),
        ("POST", "/exports", choices("CONNECTION", options=[value])),
        ("POST", "/exports", choices("CONNECTION", clear_when_empty=[value])),
        ("PATCH", f"/exports/{value}", {"name": "x"}),
        ("POST", "/exports/EXPORT/run", {"mode": value}),
        ("PUT", "/refresh-schedule", {"times": [value], "days": [value], "time_zone": value}),
        ("GET", f"/exports?limit={value}", None),
        ("GET", f"/audit?from={value}", None),
        ("GET", f"/segments/{value}", None),
        ("PUT", f"/segments/{value}/reading", {"delimiter": value, "encoding": value}),
        ("PUT", "/segments/Customers/reading", {"dates": {"Born": value}, "nulls": [value * 20]}),
        ("POST", f"/segments/{value}/reading/try", {}),
        ("GET", f"/runs/{value}/rejects.csv", None),
        ("GET", f"/runs/{value}/rejects", None),
        ("POST", f"/runs/{value}/rejects/search", {}),
        ("POST", "/runs/x/rejects/search", {"outcome": value, "limit": value}),
        ("GET", f"/{value}", None),
        ("GET", f"/oauth/callback?state={value}&code={value}&error={value}", None),
    ]


@pytest.mark.parametrize("number", range(len(said_with(""))))
async def test_what_was_sent_is_repeated_neither_to_the_caller_nor_in_a_log(
    office: Office, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    connection = await office.ready()
    names = {"CONNECTION": connection, "EXPORT": await office.export(connection)}
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    method, path, body = said_with(PLANTED)[number]
    for name, key in names.items():
        path = path.replace(name, key)
        body = json.loads(json.dumps(body).replace(name, key))
    answer = await office.ask(method, path, body)
    assert 400 <= answer.status_code < 500, answer.text
    assert PLANTED not in answer.text
    assert PLANTED not in str(answer.headers)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("shared", "functions"))]
    assert ours or method == "GET"  # the page of a sign-in is no problem document
    assert PLANTED not in "".join(ours)


class Down(MemoryRecords[Any]):
    """A table that does not answer, and says so with the key that it was asked for."""

    async def get(self, partition: str, key: str) -> None:
        """Raise Unavailable."""
        raise Unavailable(f"connections/{partition}/{key}: 503")


async def test_nobody_can_write_a_log_line_of_their_own(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    storage = replace(office.services.storage, connections=Down(Connection))
    office.services = replace(office.services, storage=storage)
    caplog.set_level(logging.DEBUG)
    forged = "x%0d%0arequest%20forged:%20200%1b[2J%E2%80%A8line"
    answer = await office.http.get(f"/api/v1/connections/{forged}", headers=bearer(office))
    assert answer.status_code == 503
    assert "forged" not in answer.text
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("shared", "functions"))]
    assert any("forged" in line for line in ours)
    assert all(line.isprintable() for line in ours)


def test_other_words_stay_on_their_line() -> None:
    assert one_line("a\nb\r\nc\x1b[2Jd\u2028e\x85f å李") == "a b  c [2Jd e f å李"


async def test_every_answer_of_every_kind_has_safe_headers(office: Office) -> None:
    connection = await office.ready()
    export = await office.export(connection)
    run = await office.done("POST", f"/exports/{export}/run", {})
    ask = office.ask
    answers: dict[int | str, httpx.Response] = {
        200: await ask("GET", "/me"),
        201: await ask("POST", "/connections", {"destination": "mailchimp", "display_name": "x"}),
        "csv": await ask("GET", f"/runs/{run['id']}/rejects.csv"),
        202: await ask("POST", f"/exports/{export}/run", {}),
        204: await ask("DELETE", f"/exports/{export}"),
        303: await office.sign_in(connection),
        "html": await office.http.get("/api/v1/oauth/done"),
        400: await office.http.get("/api/v1/oauth/callback"),
        401: await ask("GET", "/me", role=None),
        403: await ask("GET", "/audit", role="viewer"),
        404: await ask("GET", "/nothing"),
        405: await ask("POST", "/me"),
        409: await ask("POST", f"/connections/{await office.draft()}/save"),
        412: await ask("PATCH", f"/connections/{connection}", {}, headers={"If-Match": '"old"'}),
        413: await ask("POST", "/connections", "x" * 1_000_001),
        414: await ask("GET", f"/me?{'a' * 9_000}"),
        422: await ask("POST", "/connections", {}),
    }
    office.services = None  # type: ignore[assignment] # makes the next request fail in our code
    answers[500] = await ask("GET", "/exports")
    for status, answer in answers.items():
        assert isinstance(status, str) or answer.status_code == status, answer.text
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", status
        assert headers["Cache-Control"] == "no-store", status
        assert headers["Referrer-Policy"] == "no-referrer", status
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        ), status
        assert "max-age" in headers["Strict-Transport-Security"], status
        assert "Server" not in headers
        assert "Set-Cookie" not in headers
    assert answers["csv"].headers["Content-Disposition"].startswith("attachment;")
    assert answers["csv"].headers["Content-Type"] == "text/csv; charset=utf-8"
