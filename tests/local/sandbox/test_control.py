"""Looking at what arrived."""

import json
from pathlib import Path

import httpx

from local.sandbox.kit.state import PASSWORD
from local.sandbox.mailchimp.state import Sandbox
from tests.local.sandbox.conftest import REDIRECT
from tests.local.servers import command, free_port


def people(*names: str) -> dict[str, object]:
    return {
        "members": [
            {
                "email_address": f"{name}@example.com",
                "status_if_new": "subscribed",
                "merge_fields": {"FNAME": name},
            }
            for name in names
        ],
        "update_existing": True,
    }


async def test_the_dump_has_a_line_for_every_member(
    api: httpx.AsyncClient, newsletter: str, control: str
) -> None:
    await api.post(newsletter, json=people("ann", "bob"))
    await api.post(newsletter, json=people("bob"))
    lines = (await api.get(f"{control}/members.ndjson")).text.splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "email": f"{name}@example.com",
            "status": "subscribed",
            "merge_fields": {"FNAME": name},
            "tags": [],
            "times_written": times,
        }
        for name, times in (("ann", 1), ("bob", 2))
    ]


async def test_stats_count_calls_members_and_repetitions(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    await api.post(newsletter, json=people("ann", "bob", "unsubscribed+1"))
    await api.post(newsletter, json=people("bob", "unsubscribed+1", "cid"))
    [stats, other] = (await api.get("/sandbox/stats")).json()["accounts"]
    assert stats["requests"] == {"POST /3.0/lists/{id} 200": 2}
    assert stats["bulk_calls"] == 2
    assert stats["members_received"] == 6
    assert stats["extra_writes"] == 2
    assert stats["peak_connections"] == 1
    assert other["requests"] == {}

    await api.post("/sandbox/reset-stats")
    await api.post(newsletter, json=people("ann", "unsubscribed+1"))
    [stats, _] = (await api.get("/sandbox/stats")).json()["accounts"]
    assert stats["members_received"] == 2
    assert stats["extra_writes"] == 0


async def test_audiences_members_and_fields_can_be_removed(
    api: httpx.AsyncClient, newsletter: str, control: str
) -> None:
    await api.post(newsletter, json=people("ann"))
    assert (await api.delete(f"{control}/members")).status_code == 204
    assert (await api.get(f"{control}/members.ndjson")).text == ""
    assert (await api.delete(f"{control}/merge-fields/PHONE")).status_code == 204
    fields = (await api.get(f"{newsletter}/merge-fields")).json()["merge_fields"]
    assert [one["tag"] for one in fields] == ["FNAME", "LNAME", "ADDRESS"]
    assert (await api.delete(control)).status_code == 204
    assert (await api.get(newsletter)).status_code == 404


async def test_unknown_accounts_audiences_and_fields_are_not_found(
    api: httpx.AsyncClient, control: str
) -> None:
    answers = [
        await api.post("/sandbox/accounts/9/revoke"),
        await api.get("/sandbox/accounts/1/audiences/0123456789/members.ndjson"),
        await api.delete(f"{control}/merge-fields/NOSUCH"),
        await api.post("/sandbox/latency", json={"seconds": 1, "account": 9}),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4


async def test_a_seed_with_an_unknown_status_is_refused(
    api: httpx.AsyncClient, control: str
) -> None:
    answer = await api.post(f"{control}/members", json=[{"email": "a@example.com", "status": "?"}])
    assert answer.status_code == 422


async def test_the_page_shows_accounts_and_escapes_names(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await api.post("/sandbox/accounts/1/audiences", json={"name": "<script>"})
    page = (await api.get("/sandbox")).text
    assert "owner1@example.com" in page
    assert "owner2@example.com" in page
    assert PASSWORD in page
    assert "<script>" not in page


async def test_the_command_serves_with_its_flags(tmp_path: Path) -> None:
    port = str(free_port())
    flags = ["--port", port, "--state", str(tmp_path), "--accounts", "3"]
    flags += ["--client-id", "us", "--redirect-uri", "http://a.test/", "--redirect-uri", REDIRECT]
    asked = {"response_type": "code", "client_id": "us", "redirect_uri": REDIRECT}
    transport = httpx.AsyncHTTPTransport(retries=10)  # with a growing wait between them
    async with (
        command("local.sandbox.mailchimp", *flags),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=transport) as http,
    ):
        assert (await http.get("/health")).status_code == 200
        assert (await http.get("/oauth2/authorize", params=asked)).status_code == 200
        stats = (await http.get("/sandbox/stats")).json()["accounts"]
        assert [one["datacenter"] for one in stats] == ["us1", "us2", "us3"]
