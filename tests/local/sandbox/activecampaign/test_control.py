"""Looking at what arrived, and changing the settings."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.sandbox.activecampaign.state import Account, Keys, Sandbox
from tests.local.sandbox.activecampaign.conftest import Import, person
from tests.local.servers import command, free_port


async def lines(control: httpx.AsyncClient) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await control.get("/contacts.ndjson")).text.splitlines()]


async def stats(control: httpx.AsyncClient) -> list[dict[str, Any]]:
    accounts: list[dict[str, Any]] = (
        await control.get("http://sandbox.test/sandbox/stats")
    ).json()["accounts"]
    return accounts


async def test_the_dump_has_a_line_for_every_contact(
    done: Import, control: httpx.AsyncClient
) -> None:
    fields = [{"id": 4, "value": "||Chess||Running||"}, {"id": 2, "value": "x||y"}]
    await done(person("ann@example.com", first_name="Ann", fields=fields, tags=["vip"]))
    await control.post("/contacts", json=[{"email": "bob@example.com", "status": "bounced"}])
    ann, bob = await lines(control)
    assert ann == {
        "id": 1,
        "email": "ann@example.com",
        "first_name": "Ann",
        "fields": {"4": ["Chess", "Running"], "2": "x||y"},
        "lists": {"1": "active"},
        "tags": ["vip"],
        "bounced": False,
        "times_written": 1,
        "automations_run": 1,
    }
    assert (bob["lists"], bob["bounced"], bob["times_written"]) == ({"1": "bounced"}, True, 0)


async def test_stats_count_requests_contacts_and_repetitions(
    done: Import, send: Import, control: httpx.AsyncClient
) -> None:
    await done(person("ann@example.com"), person("bob@example.com"), person("bounced+1@a.io"))
    await done(person("bob@example.com"), person("bounced+1@a.io"), person("cid@example.com"))
    await send(person("refused+1@example.com"))
    [one, other] = await stats(control)
    assert one["requests"] == {
        "POST /api/3/import/bulk_import 200": 2,
        "POST /api/3/import/bulk_import 400": 1,
        "GET /api/3/import/info 200": 2,
    }
    assert one["exceeded"] == {}
    assert (one["contacts_received"], one["extra_writes"], one["contacts_failed"]) == (6, 2, 2)
    assert (one["contacts"], one["automations_run"], one["peak_connections"]) == (3, 4, 1)
    assert (one["imports"], one["imports_waiting"]) == (2, 0)
    assert other["requests"] == {}

    await control.post("http://sandbox.test/sandbox/reset-stats")
    await done(person("ann@example.com"))
    [one, _] = await stats(control)
    assert (one["contacts_received"], one["extra_writes"], one["contacts"]) == (1, 0, 3)


async def test_lists_and_fields_come_and_go(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    new = {"title": "Colour", "type": "radio", "options": ["red", "blue"], "required": True}
    assert (await control.post("/fields", json=new)).json() == {"id": 6}
    field = (await api.get("/fields")).json()["fields"][-1]
    assert (field["perstag"], field["isrequired"], len(field["options"])) == ("COLOUR", "1", 2)
    assert (await control.delete("/fields/6")).status_code == 204
    assert (await control.post("/lists", json={"name": "VIP"})).json() == {"id": 3}
    assert (await api.get("/lists/3")).json()["list"]["stringid"] == "vip"
    assert (await control.delete("/lists/3")).status_code == 204
    assert (await api.get("/lists/3")).status_code == 404


async def test_a_replaced_key_opens_nothing_and_stays_replaced(
    api: httpx.AsyncClient, sandbox: Sandbox, account: Account, tmp_path: Path
) -> None:
    sandbox.keys = Keys(tmp_path / "state" / "keys.json")
    before = account.api_key
    given = await api.post("http://sandbox.test/sandbox/accounts/1/new-key")
    assert given.json() == {"api_key": account.api_key}
    assert (await api.get("/users/me")).status_code == 403
    api.headers["Api-Token"] = account.api_key
    assert (await api.get("/users/me")).status_code == 200
    again = Account(1, key=Keys(tmp_path / "state" / "keys.json").of(1))
    assert before != again.api_key == account.api_key


async def test_contacts_can_be_removed(done: Import, control: httpx.AsyncClient) -> None:
    await done(person("ann@example.com"))
    assert (await control.delete("/contacts")).status_code == 204
    assert await lines(control) == []


async def test_settings_that_make_no_sense_are_refused(control: httpx.AsyncClient) -> None:
    before = (await control.get("/knobs")).json()
    for wrong in ({"no_such": 1}, {"index_base": 2}, {"requests_per_second": 0}):
        assert (await control.patch("/knobs", json=wrong)).status_code == 422
    assert (await control.get("/knobs")).json() == before
    seed = [{"email": "a@example.com", "status": "?"}]
    assert (await control.post("/contacts", json=seed)).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "9/new-key"), ("GET", "9/contacts.ndjson"), ("DELETE", "1/lists/9")],
)
async def test_unknown_accounts_and_lists_are_not_found(
    control: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await control.request(method, f"http://sandbox.test/sandbox/accounts/{path}")
    assert answer.status_code == 404


async def test_the_page_shows_accounts_and_their_keys_and_escapes_names(
    control: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    await control.post("/lists", json={"name": "<script>"})
    page = (await control.get("http://sandbox.test/sandbox")).text
    for account in sandbox.accounts.values():
        assert account.host in page
        assert account.api_key in page
    assert "<script>" not in page


async def test_the_command_serves_with_its_flags(tmp_path: Path) -> None:
    port = str(free_port())
    flags = ["--port", port, "--state", str(tmp_path), "--accounts", "3", "--clock-speed", "10"]
    transport = httpx.AsyncHTTPTransport(retries=10)  # with a growing wait between them
    async with (
        command("local.sandbox.activecampaign", *flags),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=transport) as http,
    ):
        assert (await http.get("/health")).status_code == 200
        accounts = (await http.get("/sandbox/stats")).json()["accounts"]
        assert [one["host"] for one in accounts] == [
            f"acme{number}.api-us1.com" for number in (1, 2, 3)
        ]
