"""The check of requests finds what is wrong with them, and forgives only what is listed."""

import json
from pathlib import Path

import httpx
import orjson
import pytest

from tests.contract.wire import GAPS, Sent, Wire, needs_specs, violations, violations_of_log

MEMBER = {"email_address": "ann@example.com", "status_if_new": "subscribed", "merge_fields": {}}


def bulk(
    body: object, query: tuple[tuple[str, str], ...] = (), path: str = "/us1/3.0/lists/a1"
) -> Sent:
    return Sent("POST", path, query, orjson.dumps(body))


GOOD = bulk({"members": [MEMBER], "update_existing": True}, (("skip_merge_validation", "true"),))


@needs_specs
def test_a_good_request_is_let_through() -> None:
    assert violations("mailchimp", [GOOD]) == []


@needs_specs
@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (bulk({}, path="/3.0/nowhere"), "POST /nowhere: unknown operation"),
        (Sent("PATCH", "/3.0/ping", (), b""), "PATCH /ping: unknown operation"),
        (
            bulk({"members": []}, (("speed", "9"),)),
            "POST /lists/{list_id}: unknown parameter speed",
        ),
        (
            Sent("GET", "/3.0/lists", (("count", "many"),), b""),
            "GET /lists: parameter count: 'many' is not of type 'integer'",
        ),
        (bulk({"update_existing": True}), "POST /lists/{list_id}: : required ['members']"),
        (
            bulk({"members": [{**MEMBER, "nickname": "A"}]}),
            "POST /lists/{list_id}: unknown key members[].nickname",
        ),
        (
            bulk({"members": [{**MEMBER, "email_address": 7}]}),
            "POST /lists/{list_id}: members[].email_address is not of type 'string'",
        ),
        (Sent("GET", "/3.0/ping", (), b"{}"), "GET /ping: a body that is not described"),
        (Sent("POST", "/3.0/lists/a1", (), b"{"), "POST /lists/{list_id}: the body is no JSON"),
    ],
)
def test_what_is_wrong_is_found(request_: Sent, problem: str) -> None:
    assert violations("mailchimp", [request_]) == [problem]


@needs_specs
def test_too_long_a_name_for_constant_contact_is_found() -> None:
    body = {
        "list_ids": ["06526938-56dd-11e9-932a-fa163ea075fa"],
        "import_data": [{"email": "ann@example.com", "first_name": "x" * 51, "cf:size": "9"}],
    }
    request = bulk(body, path="/v3/activities/contacts_json_import")
    [problem] = violations("constant_contact", [request])
    assert problem.endswith("import_data[].first_name: maxLength 50")


@needs_specs
def test_activecampaign_is_understood_too() -> None:
    contact = {"email": "ann@example.com", "subscribe": [{"listid": 2}], "sex": "f"}
    request = bulk({"contacts": [contact]}, path="/acme.api-us1.com/api/3/import/bulk_import")
    [problem] = violations("activecampaign", [request])
    assert problem.endswith("unknown key contacts[].sex")


def test_every_gap_has_a_reason() -> None:
    assert all(len(gap.because) > 5 for gap in GAPS)


async def test_a_wire_passes_requests_on_and_keeps_no_authorisation() -> None:
    wire = Wire(httpx.MockTransport(lambda _: httpx.Response(200, json={"ok": True})))
    async with httpx.AsyncClient(transport=wire) as http:
        answer = await http.post(
            "https://a.test/x?y=1", json={"z": 1}, headers={"Authorization": "planted"}
        )
    assert answer.json() == {"ok": True}
    assert wire.requests == [Sent("POST", "/x", [("y", "1")], b'{"z":1}')]
    assert "planted" not in repr(wire.requests)


@needs_specs
def test_what_a_sandbox_recorded_is_checked_in_the_same_way(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    lines = [
        {"method": "GET", "path": "/us1/3.0/ping", "query": "", "body": ""},
        {"method": "GET", "path": "/us1/3.0/pong", "query": "", "body": ""},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    assert violations_of_log("mailchimp", file) == ["GET /pong: unknown operation"]
