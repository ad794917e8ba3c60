"""Reading: keys, accounts, lists, custom fields, contacts."""

from typing import Any

import httpx
import pytest

from local.sandbox.activecampaign.state import Account, Sandbox
from tests.local.sandbox.activecampaign.conftest import Import, person
from tests.local.sandbox.conftest import HandClock


async def test_the_key_tells_whose_it_is(api: httpx.AsyncClient) -> None:
    answer = await api.get("/users/me")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    user = answer.json()["user"]
    assert (user["email"], user["id"]) == ("owner1@example.com", "1")


async def test_a_bad_key_gets_a_403_without_body_or_type(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for key in ("", "made-up", sandbox.accounts[2].api_key):
        answer = await api.get("/users/me", headers={"Api-Token": key})
        assert answer.status_code == 403
        assert answer.content == b""
        assert "content-type" not in answer.headers


async def test_a_bad_key_may_get_a_login_page(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    await control.patch("/knobs", json={"bad_key": "html-200"})
    answer = await api.get("/users/me", headers={"Api-Token": "made-up"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert 'type="password"' in answer.text


async def test_the_path_may_name_the_host(api: httpx.AsyncClient, sandbox: Sandbox) -> None:
    path = "http://127.0.0.1:1234/acme2.api-us1.com/api/3/users/me"
    key = {"Api-Token": sandbox.accounts[2].api_key}
    assert (await api.get(path, headers=key)).json()["user"]["email"] == "owner2@example.com"
    assert (await api.get(path)).status_code == 403


@pytest.mark.parametrize(
    "url", ["https://nobody.api-us1.com/api/3/users/me", "http://127.0.0.1/api/3/users/me"]
)
async def test_a_host_without_an_account_serves_nothing(api: httpx.AsyncClient, url: str) -> None:
    assert (await api.get(url)).status_code == 404


async def test_lists_come_in_pages_of_100_at_most(
    api: httpx.AsyncClient, account: Account, clock: HandClock
) -> None:
    account.lists |= {number: f"List {number}" for number in range(3, 121)}

    async def page(**asked: Any) -> list[int]:
        clock.time += 1
        answer = (await api.get("/lists", params=asked)).json()
        assert answer["meta"] == {"total": "120"}
        return [int(one["id"]) for one in answer["lists"]]

    assert await page() == list(range(1, 21))
    assert await page(limit=1000) == list(range(1, 101))
    assert await page(limit=100, offset=100) == list(range(101, 121))
    assert (await api.get("/lists", params={"limit": "x"})).status_code == 400


async def test_lists_are_found_by_name_and_id(api: httpx.AsyncClient) -> None:
    found = (await api.get("/lists", params={"filters[name]": "Members"})).json()
    assert [one["id"] for one in found["lists"]] == ["2"]
    assert (await api.get("/lists/2")).json()["list"]["name"] == "Members"
    missing = await api.get("/lists/7")
    assert missing.status_code == 404
    assert missing.json() == {"message": "No Result found for _List with id 7"}


async def test_lists_may_be_hidden_from_the_user(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    await control.patch("/knobs", json={"may_view_lists": False})
    for path in ("/lists", "/lists/1"):
        answer = await api.get(path)
        assert answer.status_code == 403
        assert answer.json()["errors"][0]["title"] == "Forbidden"


async def test_fields_come_in_pages_with_their_options_beside_them(
    api: httpx.AsyncClient,
) -> None:
    answer = (await api.get("/fields", params={"limit": 3, "offset": 2})).json()
    assert answer["meta"] == {"total": "5"}
    assert [(one["id"], one["perstag"], one["type"]) for one in answer["fields"]] == [
        ("3", "SIZE", "dropdown"),
        ("4", "INTERESTS", "checkbox"),
        ("5", "POINTS", "number"),
    ]
    options = {one["id"]: one for one in answer["fieldOptions"]}
    assert [options[one]["value"] for one in answer["fields"][0]["options"]] == ["S", "M", "L"]
    found = (await api.get("/fields", params={"filters[perstag]": "NOTES"})).json()
    assert [one["title"] for one in found["fields"]] == ["Notes"]


async def test_contacts_are_found_by_address_and_list(
    api: httpx.AsyncClient, done: Import, clock: HandClock
) -> None:
    await done(person("ann@example.com", first_name="Ann"), {"email": "bob@example.com"})
    found = (await api.get("/contacts", params={"email": "ANN@example.com"})).json()
    assert found["meta"] == {"total": "1"}
    [ann] = found["contacts"]
    assert (ann["firstName"], ann["id"]) == ("Ann", "1")
    on_list = (await api.get("/contacts", params={"listid": "1"})).json()
    assert [one["email"] for one in on_list["contacts"]] == ["ann@example.com"]
    later = (await api.get("/contacts", params={"id_greater": 1})).json()
    assert [one["email"] for one in later["contacts"]] == ["bob@example.com"]
    clock.time += 1
    [place] = (await api.get("/contacts/1/contactLists")).json()["contactLists"]
    assert (place["list"], place["status"]) == ("1", "1")
    assert (await api.get("/contacts/9/contactLists")).json() == {
        "message": "No Result found for Subscriber with id 9"
    }


async def test_what_is_not_served_is_not_found(api: httpx.AsyncClient) -> None:
    for answer in (await api.get("/campaigns"), await api.delete("/lists/1")):
        assert answer.status_code == 404
        assert answer.json()["errors"][0]["title"] == "Not Found"
