"""Imports: what is refused at once, how they run, and what they write."""

from typing import Any

import httpx
import orjson
import pytest

from local.sandbox.activecampaign.contacts import ACTIVE, UNSUBSCRIBED
from local.sandbox.activecampaign.state import Account
from tests.local.sandbox.activecampaign.conftest import Import, held, person
from tests.local.sandbox.conftest import HandClock


def values(account: Account, email: str) -> dict[str, Any]:
    contact = account.contacts.find(email)
    assert contact is not None
    kept: dict[str, Any] = orjson.loads(contact.values)
    return kept


async def test_an_import_is_queued_and_ends_with_the_ids_of_new_contacts(
    done: Import, send: Import, account: Account
) -> None:
    queued = (await send(person("ann@example.com"))).json()
    assert queued.pop("batchId")
    assert queued == {"Success": 1, "queued_contacts": 1, "message": "Contact import queued"}
    info = (await done(person("Ann@example.com"), person("bob@example.com"))).json()
    assert info == {"status": "completed", "success": ["2"], "failure": []}
    assert held(account, "bob@example.com") == {1: ACTIVE}


async def test_success_may_hold_updated_contacts_too(
    done: Import, control: httpx.AsyncClient
) -> None:
    await control.patch("/knobs", json={"success_lists": "all"})
    await done(person("ann@example.com"))
    assert (await done(person("ann@example.com"))).json()["success"] == ["1"]


@pytest.mark.parametrize(
    "email",
    [
        "",
        None,
        7,
        "@example.com",
        "ann",
        "ann@example",
        "ann@example.c",
        "ann@example.c1",
        "an(n@example.com",
        "a,b@example.com",
        "a@b@example.com",
        '"ann"@example.com',
        "ann@exam[ple.com",
        "ann\\lee@example.com",
        "refused+1@example.com",
    ],
)
async def test_one_bad_address_refuses_the_whole_import(
    send: Import, account: Account, email: object
) -> None:
    answer = await send(person("ok@example.com"), {"email": email})
    assert answer.status_code == 400
    body = answer.json()
    assert body["success"] == 0
    assert body["message"].startswith("JSON payload did not pass validation.")
    assert body["failureReasons"] == [
        {"contact": 1, "failureReason": "Field 'email' incorrect format"}
    ]
    assert not account.imports.batches


@pytest.mark.parametrize("email", ["ann@bücher.de", "ann@xn--bcher-kva.xn--p1ai", "é+x@a-b.co.uk"])
async def test_other_addresses_are_queued(send: Import, email: str) -> None:
    assert (await send(person(email), person("ok@example.com"))).status_code == 200


async def test_contacts_may_be_counted_from_one(send: Import, control: httpx.AsyncClient) -> None:
    await control.patch("/knobs", json={"index_base": 1})
    answer = await send({"email": "bad"}, person("ok@example.com"), {})
    assert [one["contact"] for one in answer.json()["failureReasons"]] == [1, 3]


@pytest.mark.parametrize(
    "contact",
    [
        "ann@example.com",
        person("ann@example.com", first_name=None),
        person("ann@example.com", phone=5551234),
        person("ann@example.com", subscribe=[1]),
        person("ann@example.com", unsubscribe=[{"listid": "x"}]),
        person("ann@example.com", tags="vip"),
        person("ann@example.com", fields=[{"id": 1}]),
        person("ann@example.com", fields=[{"id": "one", "value": "x"}]),
    ],
)
async def test_a_contact_of_another_shape_refuses_the_whole_import(
    send: Import, contact: Any
) -> None:
    answer = await send(contact, person("ok@example.com"))
    assert answer.status_code == 400
    assert [one["contact"] for one in answer.json()["failureReasons"]] == [0]


async def test_a_body_that_is_no_import_is_refused(api: httpx.AsyncClient) -> None:
    for content in (b"{", b"[]", b"{}", b'{"contacts": []}'):
        answer = await api.post("/import/bulk_import", content=content)
        assert answer.status_code == 400
        assert answer.json()["success"] == 0


async def test_the_status_moves_from_false_to_completed(
    send: Import, api: httpx.AsyncClient, clock: HandClock, control: httpx.AsyncClient
) -> None:
    await control.patch("/knobs", json={"contacts_per_second": 1, "start_delay": 3})
    answer = await send(*(person(f"a{number}@example.com") for number in range(10)))
    params = {"batchId": answer.json()["batchId"]}
    seen = []
    for passes in (0, 0.9, 0.2, 2, 0.5, 10):
        clock.time += passes
        seen.append((await api.get("/import/info", params=params)).json())
    assert [one["status"] for one in seen] == [
        False,
        False,
        "waiting",
        "claimed",
        "active",
        "completed",
    ]
    assert not any(one["success"] for one in seen[:-1])
    assert len(seen[-1]["success"]) == 10


async def test_imports_of_an_account_run_one_after_the_other(
    send: Import, api: httpx.AsyncClient, clock: HandClock, control: httpx.AsyncClient
) -> None:
    await control.patch("/knobs", json={"contacts_per_second": 0.01, "start_delay": 0})
    for name in ("ann", "bob"):
        await send(person(f"{name}@example.com"), person(f"{name}2@example.com"))
    began = clock.time - 60  # of the first, which takes 200 seconds as the second does

    async def summary_after(seconds: float) -> Any:
        clock.time = began + seconds
        return (await api.get("/import/bulk_import")).json()

    one_of_them = {"forDate": "2023-11-14", "batches": "1", "contacts": "2"}
    assert await summary_after(201) == {
        "outstanding": [one_of_them],
        "recentlyCompleted": [one_of_them],
    }
    both = {"forDate": "2023-11-14", "batches": "2", "contacts": "4"}
    assert await summary_after(401) == {"outstanding": [], "recentlyCompleted": [both]}
    assert await summary_after(7 * 86_400) == {"outstanding": [], "recentlyCompleted": []}


async def test_info_needs_a_batch(api: httpx.AsyncClient) -> None:
    answer = await api.get("/import/info")
    assert answer.status_code == 400
    assert answer.json() == {"success": 0, "message": "'batchId' is a required field."}
    unknown = await api.get("/import/info", params={"batchId": "made-up"})
    assert unknown.json()["status"] is False


async def test_only_what_is_sent_changes_and_empty_strings_overwrite(
    done: Import, account: Account
) -> None:
    fields = [{"id": 2, "value": "a"}, {"id": "4", "value": "||Chess||Running||"}]
    ann = person("ann@example.com", first_name="Ann", phone="123", tags=["vip"], fields=fields)
    await done(ann)
    await done(person("ann@example.com", phone="", tags=["new"], fields=[{"id": 2, "value": ""}]))
    assert values(account, "ann@example.com") == {
        "first_name": "Ann",
        "phone": "",
        "fields": {"2": "", "4": "||Chess||Running||"},
    }
    contact = account.contacts.find("ann@example.com")
    assert contact is not None
    assert contact.tags == ("vip", "new")
    assert contact.writes == 2


async def test_excluded_addresses_are_not_queued_and_fail_later(
    done: Import, send: Import, control: httpx.AsyncClient, account: Account
) -> None:
    await control.post("/exclusions", json={"phrase": "@Rival.example", "type": "end"})
    people = [person(email) for email in ("ok@a.io", "spy@rival.example", "excluded+1@example.com")]
    assert (await send(*people)).json()["queued_contacts"] == 1
    failure = (await done(*people)).json()["failure"]
    assert failure == ["spy@rival.example", "excluded+1@example.com"]
    assert len(account.contacts) == 1


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "excluded"])
async def test_nobody_is_put_on_a_list_again(
    done: Import, control: httpx.AsyncClient, account: Account, status: str
) -> None:
    seed = {"email": "Ann@example.com", "status": status, "first_name": "Ann"}
    assert (await control.post("/contacts", json=[seed])).status_code == 204
    before = held(account, "ann@example.com")
    info = (await done(person("ann@example.com", first_name="X"), person("b@example.com"))).json()
    assert info["failure"] == ["ann@example.com"]
    assert held(account, "ann@example.com") == before
    assert values(account, "ann@example.com")["first_name"] == "Ann"
    assert held(account, "b@example.com") == {1: ACTIVE}


async def test_who_unsubscribed_from_one_list_may_be_on_another(
    done: Import, account: Account
) -> None:
    await done(person("ann@example.com"))
    await done({"email": "ann@example.com", "unsubscribe": [{"listid": "1"}]})
    info = await done({"email": "ann@example.com", "subscribe": [{"listid": 2}]})
    assert info.json()["failure"] == []
    assert held(account, "ann@example.com") == {1: UNSUBSCRIBED, 2: ACTIVE}


@pytest.mark.parametrize(
    "contact",
    [
        person("unsubscribed+1@example.com"),
        person("bounced+1@example.com"),
        person("o'brien@example.com"),
        person("ann@.com"),
        person("ann@example.com", subscribe=[{"listid": 99}]),
    ],
)
async def test_some_contacts_fail_by_themselves(
    done: Import, account: Account, contact: dict[str, Any]
) -> None:
    info = (await done(contact, person("ok@example.com"))).json()
    assert info["failure"] == [contact["email"]]
    assert [one.email for one in account.contacts.after(0)] == ["ok@example.com"]


async def test_a_full_account_takes_updates_but_no_new_contacts(
    done: Import, control: httpx.AsyncClient
) -> None:
    await done(person("ann@example.com"))
    await control.patch("/knobs", json={"contact_limit": 1})
    info = (await done(person("ann@example.com"), person("bob@example.com"))).json()
    assert info["failure"] == ["bob@example.com"]


@pytest.mark.parametrize(
    ("ending", "written"), [("failed", 0), ("interrupted", 2), ("completed", 4)]
)
async def test_an_import_may_end_badly(
    done: Import, control: httpx.AsyncClient, account: Account, ending: str, written: int
) -> None:
    await control.post("/endings", json={"ending": ending})
    people = [person(f"a{number}@example.com") for number in range(4)]
    info = (await done(*people)).json()
    assert info["status"] == ending
    assert len(info["success"]) == len(account.contacts) == written
    assert (await done(*people)).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("inside", "outside", "runs"),
    [({}, {}, 1), ({"exclude_automations": True}, {}, 0), ({}, {"exclude_automations": True}, 0)],
)
async def test_automations_run_unless_they_are_excluded(
    done: Import, account: Account, inside: Any, outside: Any, runs: int
) -> None:
    await done(person("ann@example.com", **inside), person("bob@example.com"), **outside)
    contact = account.contacts.find("ann@example.com")
    assert contact is not None
    assert contact.automations == runs


async def test_what_was_queued_runs_even_if_nobody_looks_until_later(
    send: Import, control: httpx.AsyncClient, account: Account, clock: HandClock
) -> None:
    await send(person("ann@example.com"))
    clock.time += 60
    # The address is written before somebody unsubscribes, though nobody looked in between.
    seed = {"email": "ann@example.com", "status": "unsubscribed"}
    await control.post("/contacts", json=[seed])
    assert held(account, "ann@example.com") == {1: UNSUBSCRIBED}
