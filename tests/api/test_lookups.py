"""Lists and fields of a connection's account."""

import asyncio
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
        params = {"limit": "2", "after": after, "refresh": "true"}
        page = await office.done("GET", f"{path}/lists", params=params)
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


LOOK_UPS = ["lists", "fields?list_id=a1"]


async def asked_for(office: Office, path: str, **params: str) -> int:
    """Look something up, and return how many requests the destination has had for it."""
    before = len(office.accounts.paths)
    await office.done("GET", path, params=params or None)
    return len(office.accounts.paths) - before


@pytest.mark.parametrize("what", LOOK_UPS)
async def test_what_was_looked_up_is_kept_for_two_minutes(office: Office, what: str) -> None:
    path = f"/connections/{await office.ready()}/{what}"
    first = await office.done("GET", path)
    office.clock.advance(119)
    asked = len(office.accounts.paths)
    assert await office.done("GET", path) == first
    assert len(office.accounts.paths) == asked
    office.clock.advance(1)
    assert await asked_for(office, path)


async def test_any_search_and_page_is_made_of_the_lists_that_are_kept(office: Office) -> None:
    path = f"{await office_with(office, MANY)}/lists"
    await office.done("GET", path)
    for params in ({"search": "alp"}, {"limit": "1"}, {"search": "m3"}):
        assert await asked_for(office, path, **params) == 0


@pytest.mark.parametrize("what", LOOK_UPS)
async def test_refresh_reads_anew_and_keeps_that(office: Office, what: str) -> None:
    path = f"/connections/{await office.ready()}/{what}"
    asked = await asked_for(office, path)
    anew = path + ("&" if "?" in path else "?") + "refresh=true"
    assert await asked_for(office, anew) == asked
    assert await asked_for(office, anew) == asked
    assert await asked_for(office, path) == 0


async def test_what_is_new_is_seen_by_refreshing(office: Office) -> None:
    audiences = dict(MANY)
    path = await office_with(office, audiences)
    await office.done("GET", f"{path}/lists")
    audiences["new"] = "Gamma"
    assert await names(office, path, search="gam") == []
    assert await names(office, path, search="gam", refresh="true") == ["Gamma"]
    assert await names(office, path, search="gam") == ["Gamma"]


@pytest.mark.parametrize("search", ["new", f"https://us1.admin.test/lists/?id={web_id('new')}"])
async def test_an_id_that_is_not_kept_is_looked_up(office: Office, search: str) -> None:
    audiences = dict(MANY)
    path = await office_with(office, audiences)
    await office.done("GET", f"{path}/lists")
    audiences["new"] = "Gamma"
    assert await names(office, path, search=search) == ["Gamma"]
    assert await names(office, path) == ["Alpha", "alpha", "B", "beta", "Gamma", "Älg"]


async def test_fields_of_a_list_that_is_not_kept_are_looked_up(office: Office) -> None:
    audiences = dict(MANY)
    path = await office_with(office, audiences)
    await office.done("GET", f"{path}/lists")
    await office.done("GET", f"{path}/fields", params={"list_id": "m1"})
    audiences["new"] = "Gamma"
    assert await asked_for(office, f"{path}/fields", list_id="new")


async def test_what_was_not_found_is_looked_for_again(office: Office) -> None:
    audiences = dict(MANY)
    path = f"{await office_with(office, audiences)}/fields?list_id=new"
    assert (await office.ask("GET", path)).status_code == 404
    audiences["new"] = "Gamma"
    assert (await office.ask("GET", path)).status_code == 200


@pytest.mark.parametrize("what", LOOK_UPS)
async def test_of_many_who_look_up_the_same_at_once_one_asks(office: Office, what: str) -> None:
    path = f"/connections/{await office.ready()}/{what}"
    alone = await asked_for(office, f"/connections/{await office.ready()}/{what}")
    before = len(office.accounts.paths)
    await asyncio.gather(*(office.done("GET", path) for _ in range(20)))
    assert len(office.accounts.paths) - before == alone


@pytest.mark.parametrize("what", LOOK_UPS)
async def test_each_connection_has_its_own(office: Office, what: str) -> None:
    for _ in range(2):
        assert await asked_for(office, f"/connections/{await office.ready()}/{what}")


async def test_another_account_of_a_connection_begins_anew(office: Office) -> None:
    key = await office.ready()
    path = f"/connections/{key}"
    assert await names(office, path) == ["Customers", "Newsletter"]
    await office.sign_in(key, replace(ACME, audiences={"a1": "Renamed"}))
    assert await names(office, path) == ["Renamed"]


@pytest.mark.parametrize("what", LOOK_UPS)
async def test_nothing_is_kept_for_whoever_may_not_use_the_connection(
    office: Office, what: str
) -> None:
    path = f"/connections/{await office.ready()}/{what}"
    await office.done("GET", path)
    assert (await office.ask("GET", path, role="contributor")).status_code == 404
    assert (await office.ask("GET", path, role="viewer")).status_code == 403


@pytest.mark.parametrize("what", LOOK_UPS)
async def test_a_connection_that_was_refused_is_asked_again(office: Office, what: str) -> None:
    key = await office.ready()
    path = f"/connections/{key}/{what}"
    await office.done("GET", path)
    office.accounts.revoke()
    await office.ask("POST", f"/connections/{key}/check")
    assert (await office.ask("GET", path)).status_code == 409


async def test_saving_an_export_asks_for_its_list_whatever_is_kept(office: Office) -> None:
    key = await office.ready()
    await office.done("GET", f"/connections/{key}/lists")
    await office.done("GET", f"/connections/{key}/fields", params={"list_id": "a1"})
    before = len(office.accounts.paths)
    await office.export(key)
    assert "/3.0/lists/a1" in office.accounts.paths[before:]
