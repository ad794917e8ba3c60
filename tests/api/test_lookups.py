"""Lists and fields of a connection's account."""

from dataclasses import replace

import httpx
import pytest

from tests.api.office import Office
from tests.fakes.accounts import ACME, web_id

MANY = {f"m{number}": name for number, name in enumerate(("beta", "Alpha", "alpha", "Älg", "B"))}


async def office_with(office: Office, audiences: dict[str, str]) -> str:
    key = await office.draft()
    await office.agree(key)
    await office.sign_in(key, replace(ACME, audiences=audiences))
    return f"/connections/{key}"


async def names(office: Office, path: str, **params: str) -> list[str]:
    found = await office.done("GET", f"{path}/lists", params=params)
    return [item["name"] for item in found["items"]]


async def test_lists_come_by_name_whatever_the_case(office: Office) -> None:
    path = await office_with(office, MANY)
    found = await office.done("GET", f"{path}/lists")
    assert found == {
        "items": [
            {"id": "m1", "name": "Alpha"},
            {"id": "m2", "name": "alpha"},
            {"id": "m4", "name": "B"},
            {"id": "m0", "name": "beta"},
            {"id": "m3", "name": "Älg"},
        ],
        "next": None,
    }


async def test_lists_are_found_by_part_of_their_name(office: Office) -> None:
    path = await office_with(office, MANY)
    assert await names(office, path, search=" ALP") == ["Alpha", "alpha"]
    assert await names(office, path, search="äL") == ["Älg"]
    assert await names(office, path, search="gamma") == []


@pytest.mark.parametrize("search", ["m3", " M3 ", "https://us1.admin.test/lists/?id=m3#top"])
async def test_a_list_is_found_by_its_id(office: Office, search: str) -> None:
    path = await office_with(office, MANY)
    assert await names(office, path, search=search) == ["Älg"]


async def test_a_list_is_found_by_its_other_number(office: Office) -> None:
    path = await office_with(office, MANY)
    assert await names(office, path, search=str(web_id("m3"))) == ["Älg"]


async def test_every_list_is_on_exactly_one_page_even_while_some_come_and_go(
    office: Office,
) -> None:
    audiences = {f"x{number:02}": "News 2" if number % 2 else "News" for number in range(7)}
    audiences |= {"long": "N" * 500, "odd": "\u200bZebra\nand  foal"}
    path = await office_with(office, audiences)
    seen: list[str] = []
    after = ""
    while True:
        page = await office.done("GET", f"{path}/lists", params={"limit": "2", "after": after})
        seen += [item["id"] for item in page["items"]]
        if not (after := page["next"]):
            break
        audiences.pop(seen[-1])
        audiences |= {"before": "A"}
    assert seen == ["x00", "x02", "x04", "x06", "x01", "x03", "x05", "long", "odd"]


async def test_fields_of_a_list_are_told_with_their_kind_length_and_choices(office: Office) -> None:
    path = f"/connections/{await office.ready()}/fields"
    fields = (await office.done("GET", path, params={"list_id": "a1"}))["items"]
    by_name = {field.pop("name"): field for field in fields}
    assert list(by_name) == ["email", "first_name", "last_name", "BIRTHDAY", "SIZE"]
    assert by_name["email"]["required"] is True
    assert by_name["SIZE"] == {
        "title": "Size",
        "required": False,
        "kind": "choice",
        "longest": None,
        "choices": ["S", "M/L"],
    }
    assert by_name["BIRTHDAY"]["kind"] == "birthday"
    assert by_name["first_name"]["longest"] == 255


async def test_fields_of_a_list_that_is_not_there_are_not_found(office: Office) -> None:
    path = f"/connections/{await office.ready()}/fields"
    answer = await office.ask("GET", path, params={"list_id": "b1"})
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(
        "Mailchimp has no such list. An audience ID looks like"
    )


async def test_fields_are_those_of_the_list_that_was_pasted(office: Office) -> None:
    path = f"/connections/{await office.ready()}/fields"
    plain = await office.done("GET", path, params={"list_id": "a1"})
    pasted = {"list_id": f" https://us1.admin.test/lists/?id={web_id('a1')} "}
    assert await office.done("GET", path, params=pasted) == plain


@pytest.mark.parametrize("query", ["", "?list_id=", "?list_id=" + "x" * 2_001])
async def test_fields_are_those_of_a_list_that_is_named(office: Office, query: str) -> None:
    answer = await office.ask("GET", f"/connections/{await office.ready()}/fields{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "list_id"


@pytest.mark.parametrize("what", ["lists", "fields?list_id=a1"])
async def test_looking_something_up_finds_out_that_sign_in_is_needed(
    office: Office, what: str
) -> None:
    key = await office.ready()
    office.accounts.revoke()
    assert (await office.ask("GET", f"/connections/{key}/{what}")).status_code == 409
    assert (await office.done("GET", f"/connections/{key}"))["status"] == "needs_sign_in"


@pytest.mark.parametrize("what", ["lists", "fields?list_id=a1"])
async def test_while_the_destination_is_down_nothing_can_be_looked_up(
    office: Office, what: str
) -> None:
    key = await office.ready()
    office.accounts.faults = [httpx.Response(503, json={})]
    assert (await office.ask("GET", f"/connections/{key}/{what}")).status_code == 503
