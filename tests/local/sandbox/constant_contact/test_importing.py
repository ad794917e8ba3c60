"""What an import does: jobs that take time, counters, and nobody who comes back."""

from itertools import pairwise
from typing import Any

import httpx
import orjson
import pytest

from local.sandbox.constant_contact.state import Account, Sandbox
from tests.local.sandbox.conftest import HandClock
from tests.local.sandbox.constant_contact.conftest import Import


def held(account: Account, address: str) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(account.contacts.people[address].fields)
    return fields


async def test_contacts_are_added_and_only_what_is_sent_of_them_is_changed(
    done: Import, account: Account, newsletter: str
) -> None:
    await done({"email": "Ann@Example.com", "first_name": "Ann", "cf:shoe_size": "37"})
    activity = await done({"email": "ann@example.com ", "last_name": "Lee", "first_name": ""})
    assert activity["state"] == "completed"
    assert activity["status"]["person_count"] == 1
    assert held(account, "ann@example.com") == {"cf:shoe_size": "37", "last_name": "Lee"}
    assert account.contacts.people["ann@example.com"].lists == {newsletter}


async def test_of_two_with_one_address_the_last_counts_and_they_are_one_person(
    done: Import, account: Account
) -> None:
    activity = await done(
        {"email": "a@example.com", "first_name": "One"},
        {"email": "A@example.com", "first_name": "Two"},
    )
    status = activity["status"]
    assert (status["items_total_count"], status["person_count"]) == (2, 1)
    assert held(account, "a@example.com")["first_name"] == "Two"


@pytest.mark.parametrize(
    ("contact", "counter"),
    [
        ({"email": "nobody"}, "correctable_count"),
        ({"first_name": "x"}, "correctable_count"),
        ({"email": "a@example.com", "first_name": "x" * 51}, "error_count"),
        ({"email": "a@example.com", "phone": "1" * 26}, "error_count"),
        ({"email": "a" * 70 + "@example.com"}, "error_count"),
        ({"email": "a@example.com", "cf:unknown": "x", "a": 1, "b": 1, "c": 1}, "error_count"),
        ({"email": "unsubscribed+1@example.com"}, "cannot_add_to_list_count"),
    ],
)
async def test_what_is_wrong_with_a_contact_is_counted(
    done: Import, contact: dict[str, Any], counter: str, newsletter: str, account: Account
) -> None:
    activity = await done(contact, {"email": "good@example.com"})
    counters = ("correctable_count", "error_count", "cannot_add_to_list_count")
    assert {name: activity["status"][name] for name in counters if activity["status"][name]} == {
        counter: 1
    }
    on_it = [mail for mail, one in account.contacts.people.items() if newsletter in one.lists]
    assert on_it == ["good@example.com"]
    assert len(activity["activity_errors"]) == 1


async def test_who_has_unsubscribed_stays_so_whatever_is_imported(
    done: Import, http: httpx.AsyncClient, account: Account
) -> None:
    seed = [{"email": "left@example.com", "status": "unsubscribed"}]
    assert (await http.post("/sandbox/accounts/1/contacts", json=seed)).status_code == 204
    for _ in range(2):
        activity = await done({"email": "left@example.com", "first_name": "L"})
        assert activity["status"]["cannot_add_to_list_count"] == 1
    person = account.contacts.people["left@example.com"]
    assert (person.status, person.lists) == ("unsubscribed", frozenset())


@pytest.mark.parametrize(
    ("how", "messages"),
    [
        ("none", []),
        ("some", ["Line 1: Invalid email", "Line 2: Invalid email"]),
        ("all", [f"Line {line}: Invalid email" for line in (1, 2, 3)]),
        ("addresses", [f"bad{n}: Invalid email" for n in range(3)]),
    ],
)
async def test_there_may_be_fewer_messages_than_errors(
    done: Import, http: httpx.AsyncClient, how: str, messages: list[str]
) -> None:
    await http.patch("/sandbox/knobs", json={"messages": how})
    activity = await done(*({"email": f"bad{n}"} for n in range(3)))
    assert activity["activity_errors"] == messages
    assert activity["status"]["correctable_count"] == 3


async def test_jobs_are_done_one_after_another_and_tell_how_far_they_are(
    api: httpx.AsyncClient, clock: HandClock, newsletter: str, sandbox: Sandbox
) -> None:
    contacts = [{"email": f"u{n}@example.com"} for n in range(300)]
    body = {"list_ids": [newsletter], "import_data": contacts}
    first, second = [
        (await api.post("/activities/contacts_json_import", json=body)).json() for _ in range(2)
    ]
    assert first["state"] == "initialized"
    assert first["status"]["items_total_count"] == 300

    seen = []
    for _ in range(6):
        clock.time += 0.8
        told = (await api.get("/activities", params={"limit": "500"})).json()["activities"]
        by_id = {each["activity_id"]: each["state"] for each in told}
        seen.append((by_id[first["activity_id"]], by_id[second["activity_id"]]))
    order = ["initialized", "processing", "completed"]
    for before, after in pairwise(seen):
        assert all(order.index(b) <= order.index(a) for b, a in zip(before, after, strict=True))
    assert ("completed", "processing") in seen
    assert seen[-1] == ("completed", "completed")
    assert sandbox.accounts[1].contacts.repeated == 300


async def test_what_was_over_before_the_counts_began_anew_is_not_counted(
    api: httpx.AsyncClient, http: httpx.AsyncClient, clock: HandClock, newsletter: str
) -> None:
    body = {"list_ids": [newsletter], "import_data": [{"email": "a@example.com"}]}
    await api.post("/activities/contacts_json_import", json=body)
    clock.time += 60  # nobody has asked about it yet
    await http.post("/sandbox/reset-stats")
    [told, _] = (await http.get("/sandbox/stats")).json()["accounts"]
    assert (told["contacts"], told["contacts_received"]) == (1, 0)


@pytest.mark.parametrize("ending", ["failed", "timed_out", "cancelled"])
async def test_a_job_that_ends_otherwise_has_done_nothing(
    done: Import, http: httpx.AsyncClient, account: Account, ending: str
) -> None:
    await http.post("/sandbox/accounts/1/endings", json={"ending": ending})
    activity = await done({"email": "a@example.com"})
    assert activity["state"] == ending
    assert account.contacts.people == {}


async def test_what_is_too_long_is_dropped_without_a_word(
    done: Import, http: httpx.AsyncClient, account: Account, sandbox: Sandbox
) -> None:
    await http.patch("/sandbox/knobs", json={"bytes_per_import": 4_000, "contacts_per_import": 50})
    activity = await done(*({"email": f"u{n:03}@example.com"} for n in range(200)))
    assert activity["status"]["items_total_count"] == 50
    activity = await done(
        *({"email": f"v{n}@example.com", "first_name": "x" * 50} for n in range(50))
    )
    assert 30 < activity["status"]["items_total_count"] < 50
    assert sandbox.truncated == 200 + 50 - len(account.contacts.people)


async def test_a_list_that_was_deleted_takes_nobody(
    api: httpx.AsyncClient, http: httpx.AsyncClient, newsletter: str
) -> None:
    await http.delete(f"/sandbox/accounts/1/lists/{newsletter}")
    body = {"list_ids": [newsletter], "import_data": [{"email": "a@example.com"}]}
    refused = await api.post("/activities/contacts_json_import", json=body)
    assert refused.status_code == 400
    assert refused.json()[0]["error_key"] == "contacts.api.validation.error"
    assert (await api.get(f"/contact_lists/{newsletter}")).json()["deleted_at"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b'{"import_data":[],"list_ids":["a"]}',
        b'{"import_data":[{}],"list_ids":[]}',
        b"[1]",
    ],
)
async def test_a_body_that_is_no_import_is_refused(api: httpx.AsyncClient, body: bytes) -> None:
    answer = await api.post("/activities/contacts_json_import", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json(), list)
