"""Every published limit, for the application and for an account, and what may be read."""

import httpx
import pytest

from local.sandbox.constant_contact.state import Account, ContactList, CustomField, Sandbox
from tests.local.sandbox.conftest import HandClock


async def test_four_requests_a_second_are_for_all_accounts_together(
    api: httpx.AsyncClient, sandbox: Sandbox, clock: HandClock
) -> None:
    access, _ = sandbox.tokens.grant(2, clock.now(), 86_400)
    other = {"Authorization": f"Bearer {access}"}
    answers = [await api.get("/account/summary", headers=other if n % 2 else {}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
    assert answers[-1].json() == [{"error_key": "throttled", "error_message": "Too Many Requests"}]
    assert sandbox.exceeded == {"requests_per_second": 2}
    clock.time += 1
    assert (await api.get("/account/summary")).status_code == 200


async def test_a_day_has_so_many_requests_and_ends_at_midnight_utc(
    api: httpx.AsyncClient, http: httpx.AsyncClient, clock: HandClock, sandbox: Sandbox
) -> None:
    await http.patch("/sandbox/knobs", json={"requests_per_day": 3})
    clock.time += 86_400 - clock.time % 86_400
    statuses = []
    for _ in range(5):
        clock.time += 1
        statuses.append((await api.get("/account/user/privileges")).status_code)
    assert statuses == [200, 200, 200, 429, 429]
    spent = await api.get("/account/user/privileges")
    assert spent.json() == [{"error_key": "quota_exceeded", "error_message": "Limit Exceeded"}]
    assert sandbox.exceeded["requests_per_day"] == 3
    clock.time += 86_400 - clock.time % 86_400
    # The token ended with the day, too; another one is let in.
    access, _ = sandbox.tokens.grant(1, clock.now(), 86_400)
    headers = {"Authorization": f"Bearer {access}"}
    assert (await api.get("/account/user/privileges", headers=headers)).status_code == 200


async def test_a_queue_holds_so_many_imports(
    api: httpx.AsyncClient, http: httpx.AsyncClient, clock: HandClock, newsletter: str
) -> None:
    await http.patch("/sandbox/knobs", json={"queued_activities": 2, "contacts_per_second": 0.001})
    body = {"list_ids": [newsletter], "import_data": [{"email": "a@example.com"}]}
    answers = []
    for _ in range(3):
        clock.time += 1
        answers.append(await api.post("/activities/contacts_json_import", json=body))
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert "queued activities" in answers[-1].json()[0]["error_message"]


async def test_lists_come_in_pages_whose_link_is_a_path(
    api: httpx.AsyncClient, account: Account, clock: HandClock
) -> None:
    for number in range(120):
        new = ContactList(f"{number:08}-0000-0000-0000-000000000000", f"List {number}")
        account.lists[new.id] = new
    path, names = "/contact_lists?limit=50&include_count=true", []
    while path:
        clock.time += 1
        page = (await api.get(path)).json()
        assert page["lists_count"] == 122
        names += [each["name"] for each in page["lists"]]
        href = page.get("_links", {}).get("next", {}).get("href", "")
        assert not href or href.startswith("/v3/contact_lists?")
        path = href.removeprefix("/v3")
    assert len(set(names)) == 122


@pytest.mark.parametrize("limit", ["0", "1001", "many"])
async def test_a_page_is_not_of_any_size(api: httpx.AsyncClient, limit: str) -> None:
    assert (await api.get("/contact_lists", params={"limit": limit})).status_code == 400


async def test_custom_fields_are_told_with_their_choices(
    api: httpx.AsyncClient, account: Account
) -> None:
    account.fields["size"] = CustomField("size", "Size", "single_select", ("S", "M"))
    fields = (await api.get("/contact_custom_fields")).json()["custom_fields"]
    assert [each["name"] for each in fields] == ["shoe_size", "last_purchase", "size"]
    assert [each["choice_label"] for each in fields[-1]["choices"]] == ["S", "M"]


@pytest.mark.parametrize("path", ["/contact_lists/nothing", "/activities/nothing", "/nowhere"])
async def test_what_is_not_there_is_an_array_of_one_problem(
    api: httpx.AsyncClient, path: str
) -> None:
    answer = await api.get(path)
    assert answer.status_code == 404
    assert answer.json()[0]["error_key"] == "contacts.api.not_found"


async def test_without_a_token_an_object_says_so(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v3/account/summary")
    assert (answer.status_code, answer.json()["error_key"]) == (401, "unauthorized")


async def test_an_account_and_its_settings_can_be_looked_at(
    http: httpx.AsyncClient, sandbox: Sandbox, newsletter: str
) -> None:
    seed = [{"email": "ann@example.com", "lists": [newsletter], "fields": {"first_name": "Ann"}}]
    await http.post("/sandbox/accounts/1/contacts", json=seed)
    page = (await http.get("/sandbox")).text
    assert "Constant Contact sandbox" in page
    assert newsletter in page
    [line] = (await http.get("/sandbox/accounts/1/contacts.ndjson")).text.splitlines()
    assert '"first_name":"Ann"' in line
    stats = (await http.get("/sandbox/stats")).json()
    assert stats["exceeded"] == {}
    assert [one["contacts"] for one in stats["accounts"]] == [1, 0]
    assert (await http.patch("/sandbox/knobs", json={"speed": 1})).status_code == 422
    await http.post("/sandbox/faults", json={"kind": "500", "path": "*/summary"})
    assert len((await http.get("/sandbox/faults")).json()) == 1
