"""Writing members: POST /lists/{id} and the single-member calls."""

from hashlib import md5
from typing import Any

import httpx
import pytest

from local.sandbox.mailchimp.audience import Audience
from local.sandbox.mailchimp.state import Sandbox


def member(email: str, **fields: Any) -> dict[str, Any]:
    return {"email_address": email, "status_if_new": "subscribed", "merge_fields": fields}


def hash_of(email: str) -> str:
    return md5(email.encode(), usedforsecurity=False).hexdigest()


async def write(
    api: httpx.AsyncClient, path: str, *members: object, **options: Any
) -> dict[str, Any]:
    body = {"members": members, "update_existing": True} | options
    answer = await api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


@pytest.fixture
def audience(sandbox: Sandbox) -> Audience:
    return next(iter(sandbox.accounts[1].audiences.values()))


def stored(audience: Audience, email: str) -> tuple[str, bytes]:
    found = audience.find(email)
    assert found is not None
    return found[1].status, found[1].merge_fields


async def test_new_and_known_members_are_told_apart(
    api: httpx.AsyncClient, newsletter: str, audience: Audience
) -> None:
    await write(api, newsletter, member("ann@example.com", FNAME="Ann", LNAME="Lee"))
    result = await write(
        api, newsletter, member("Ann@Example.com", FNAME="Émilie"), member("bob@example.com")
    )
    assert [one["email_address"] for one in result["new_members"]] == ["bob@example.com"]
    [updated] = result["updated_members"]
    assert updated["id"] == hash_of("ann@example.com")
    assert updated["merge_fields"] == {
        "FNAME": "Émilie",
        "LNAME": "Lee",
        "ADDRESS": "",
        "PHONE": "",
    }
    assert (result["total_created"], result["total_updated"], result["error_count"]) == (1, 1, 0)
    assert len(audience.members) == 2


@pytest.mark.parametrize(
    ("email", "text"),
    [
        ("", "Please provide a valid email address."),
        (None, "Please provide a valid email address."),
        ("no-at.example.com", "Please provide a valid email address."),
        ("two..dots@example.com", "Please provide a valid email address."),
        ("élodie@example.com", "Please provide a valid email address."),
        ("ann@example", "The domain portion of the email address is invalid"),
        ("ann@-bad.com", "The domain portion of the email address is invalid"),
        ("ann@fake.example", "ann@fake.example looks fake or invalid, please enter a real email"),
        ("toomany+1@example.com", "signed up to a lot of lists very recently"),
        ("unsubscribed+1@example.com", "is in a compliance state due to unsubscribe, bounce"),
        ("bounced+1@example.com", "is in a compliance state due to unsubscribe, bounce"),
        ("compliance+1@example.com", "is in a compliance state due to unsubscribe, bounce"),
        ("forgotten+1@example.com", "was permanently deleted and cannot be re-imported"),
    ],
)
async def test_refused_addresses_come_back_in_a_200_and_the_others_are_written(
    api: httpx.AsyncClient, newsletter: str, audience: Audience, email: Any, text: str
) -> None:
    result = await write(api, newsletter, member(email), member("good@example.com"))
    [error] = result["errors"]
    assert text in error["error"]
    assert error["error_code"] == "ERROR_GENERIC"
    assert error["email_address"] == email
    assert [one.email for one in audience.members.values()] == ["good@example.com"]


@pytest.mark.parametrize("email", ["o'neil+tag@example.com", " ann@example.com ", "a@münchen.de"])
async def test_unusual_addresses_are_taken(
    api: httpx.AsyncClient, newsletter: str, email: str
) -> None:
    result = await write(api, newsletter, member(email))
    assert result["new_members"][0]["email_address"] == email.strip()


async def test_without_update_existing_a_known_member_is_an_error(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    await write(api, newsletter, member("ann@example.com"))
    result = await write(api, newsletter, member("ann@example.com"), update_existing=False)
    assert result["errors"][0]["error_code"] == "ERROR_CONTACT_EXISTS"
    assert "is already a list member" in result["errors"][0]["error"]


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "pending", "transactional"])
async def test_status_if_new_leaves_a_known_members_status_alone(
    api: httpx.AsyncClient, newsletter: str, control: str, audience: Audience, status: str
) -> None:
    await api.post(f"{control}/members", json=[{"email": "ann@example.com", "status": status}])
    result = await write(api, newsletter, member("ann@example.com", FNAME="Ann"))
    assert result["updated_members"][0]["status"] == status
    assert stored(audience, "ann@example.com") == (status, b'{"FNAME":"Ann"}')


async def test_status_subscribes_again_whom_the_account_unsubscribed(
    api: httpx.AsyncClient, newsletter: str, control: str, audience: Audience
) -> None:
    seeds = [{"email": "ann@example.com", "status": "unsubscribed"}]
    await api.post(f"{control}/members", json=seeds)
    await write(api, newsletter, {"email_address": "ann@example.com", "status": "subscribed"})
    assert stored(audience, "ann@example.com")[0] == "subscribed"


@pytest.mark.parametrize(
    ("status", "asked", "text"),
    [
        ("compliance", "status_if_new", "is in a compliance state"),
        ("compliance", "status", "is in a compliance state"),
        ("cleaned", "status", "is in a compliance state"),
        ("forgotten", "status_if_new", "was permanently deleted"),
    ],
)
async def test_who_may_not_be_written_stays_as_they_are(
    api: httpx.AsyncClient,
    newsletter: str,
    control: str,
    audience: Audience,
    status: str,
    asked: str,
    text: str,
) -> None:
    await api.post(f"{control}/members", json=[{"email": "ann@example.com", "status": status}])
    before = [one.status for one in audience.members.values()]
    result = await write(
        api,
        newsletter,
        {"email_address": "ann@example.com", asked: "subscribed", "merge_fields": {"FNAME": "A"}},
    )
    assert text in result["errors"][0]["error"]
    assert [one.status for one in audience.members.values()] == before
    assert [one.merge_fields for one in audience.members.values()] == [b"{}"]


async def test_a_compliance_member_is_shown_as_unsubscribed_and_a_forgotten_one_not_at_all(
    api: httpx.AsyncClient, newsletter: str, control: str
) -> None:
    seeds = [
        {"email": "ann@example.com", "status": "compliance"},
        {"email": "bob@example.com", "status": "forgotten"},
    ]
    await api.post(f"{control}/members", json=seeds)
    ann = await api.get(f"{newsletter}/members/{hash_of('ann@example.com')}")
    assert ann.json()["status"] == "unsubscribed"
    bob = await api.get(f"{newsletter}/members/{hash_of('bob@example.com')}")
    assert bob.status_code == 404


async def test_double_opt_in_binds_nobody_who_says_subscribed(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    double = [one for one in sandbox.accounts[1].audiences.values() if one.double_optin]
    result = await write(
        api,
        f"/3.0/lists/{double[0].id}",
        member("ann@example.com"),
        {"email_address": "bob@example.com", "status_if_new": "pending"},
    )
    assert [one["status"] for one in result["new_members"]] == ["subscribed", "pending"]


async def test_a_new_member_needs_a_status(api: httpx.AsyncClient, newsletter: str) -> None:
    result = await write(api, newsletter, {"email_address": "ann@example.com"})
    assert result["errors"][0]["field"] == "status"


@pytest.mark.parametrize(
    ("size", "status"), [(0, 200), (500, 200), (501, 400)], ids=["none", "most", "too many"]
)
async def test_a_call_holds_500_members_at_most(
    api: httpx.AsyncClient, newsletter: str, audience: Audience, size: int, status: int
) -> None:
    members = [member(f"person{number}@example.com") for number in range(size)]
    answer = await api.post(newsletter, json={"members": members})
    assert answer.status_code == status
    assert len(audience.members) == (size if status == 200 else 0)


async def test_answers_are_as_big_as_real_ones_unless_lean(
    api: httpx.AsyncClient, newsletter: str, sandbox: Sandbox
) -> None:
    members = [member(f"person{number}@example.com", FNAME="Ann") for number in range(500)]
    body = {"members": members, "update_existing": True}
    real = len((await api.post(newsletter, json=body)).content)
    assert 3_000 < real / 500 < 3_600

    named = {"exclude_fields": "new_members,updated_members"}
    shrunk = (await api.post(newsletter, params=named, json=body)).json()
    assert shrunk["total_updated"] == 500
    assert "updated_members" not in shrunk

    sandbox.lean_answers = True
    lean = (await api.post(newsletter, json=body)).json()["updated_members"]
    assert lean[0] == {
        "id": hash_of("person0@example.com"),
        "email_address": "person0@example.com",
        "status": "subscribed",
    }


@pytest.mark.parametrize(
    ("content", "title"),
    [
        (b"{", "JSON Parse Error"),
        (b"[]", "Invalid Resource"),
        (b"{}", "Invalid Resource"),
        (b'{"members": [1]}', "Invalid Resource"),
        (b'{"members": [{"status_if_new": "friend"}]}', "Invalid Resource"),
        (b'{"members": [{"merge_fields": []}]}', "Invalid Resource"),
    ],
)
async def test_a_body_that_does_not_fit_is_refused_whole(
    api: httpx.AsyncClient, newsletter: str, content: bytes, title: str
) -> None:
    answer = await api.post(newsletter, content=content)
    assert (answer.status_code, answer.json()["title"]) == (400, title)


async def test_duplicates_are_written_in_turn_or_the_first_is_kept(
    api: httpx.AsyncClient, newsletter: str, audience: Audience
) -> None:
    twice = [member("ann@example.com", FNAME="One"), member("ANN@example.com", FNAME="Two")]
    result = await write(api, newsletter, *twice)
    assert (result["total_created"], result["total_updated"]) == (1, 1)
    assert stored(audience, "ann@example.com")[1] == b'{"FNAME":"Two"}'

    result = await write(api, f"{newsletter}?skip_duplicate_check=true", *twice)
    assert (result["total_created"], result["total_updated"]) == (0, 1)
    assert stored(audience, "ann@example.com")[1] == b'{"FNAME":"One"}'


async def test_text_is_cut_at_255_bytes_and_never_within_a_character(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    result = await write(
        api, newsletter, member("ann@example.com", FNAME="é" * 128, LNAME="x" * 255)
    )
    fields = result["new_members"][0]["merge_fields"]
    assert fields["FNAME"] == "é" * 127
    assert fields["LNAME"] == "x" * 255


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ({"tag": "LTV", "name": "Value", "type": "number"}, "many", "Please enter a number"),
        (
            {"tag": "PHONE", "name": "P", "type": "phone", "options": {"phone_format": "US"}},
            "+49 30 1234567",
            "Please enter a valid phone number",
        ),
        (
            {"tag": "ADDRESS", "name": "A", "type": "address"},
            {"city": "Bern"},
            "Please enter a complete address",
        ),
        ({"tag": "DAY", "name": "D", "type": "date"}, "24/11/2026", "Please enter the date"),
        (
            {"tag": "BIRTHDAY", "name": "B", "type": "birthday"},
            "24/11",
            "Please enter a month (01-12) and a day (01-31)",
        ),
        (
            {"tag": "ZIP", "name": "Z", "type": "zip"},
            "E1 6AN",
            "Please enter a zip code (5 digits)",
        ),
        ({"tag": "SITE", "name": "S", "type": "url"}, "x.com", "Please enter a complete URL"),
        (
            {"tag": "SIZE", "name": "S", "type": "dropdown", "options": {"choices": ["S", "L"]}},
            "M",
            "Please choose one of the options",
        ),
        ({"tag": "FNAME", "name": "F", "required": True}, "", "Please enter a value"),
        ({"tag": "FNAME", "name": "F"}, True, "Please enter a value"),
    ],
)
async def test_merge_fields_have_rules(
    api: httpx.AsyncClient,
    newsletter: str,
    control: str,
    field: dict[str, Any],
    value: Any,
    message: str,
) -> None:
    await api.post(f"{control}/merge-fields", json=field)
    sent = member("ann@example.com", **{field["tag"]: value})

    [error] = (await write(api, newsletter, sent))["errors"]
    assert error["error"] == "Your merge fields were invalid."
    assert (error["field"], error["field_message"]) == (field["tag"], message)

    alone = await api.put(f"{newsletter}/members/{hash_of('ann@example.com')}", json=sent)
    assert alone.status_code == 400
    assert alone.json()["errors"] == [{"field": field["tag"], "message": message}]


@pytest.mark.parametrize("given", ["2026-11-24", "11/24/2026"])
async def test_a_date_is_stored_in_one_form(
    api: httpx.AsyncClient, newsletter: str, control: str, given: str
) -> None:
    await api.post(f"{control}/merge-fields", json={"tag": "DAY", "name": "D", "type": "date"})
    result = await write(api, newsletter, member("ann@example.com", DAY=given))
    assert result["new_members"][0]["merge_fields"]["DAY"] == "2026-11-24"


@pytest.mark.parametrize("given", ["404-555-1212", "(404) 555 1212", "+1 404.555.1212"])
async def test_an_american_number_is_stored_in_one_form(
    api: httpx.AsyncClient, newsletter: str, control: str, given: str
) -> None:
    field = {"tag": "PHONE", "name": "P", "type": "phone", "options": {"phone_format": "US"}}
    await api.post(f"{control}/merge-fields", json=field)
    result = await write(api, newsletter, member("ann@example.com", PHONE=given))
    assert result["new_members"][0]["merge_fields"]["PHONE"] == "404-555-1212"


async def test_required_fields_can_be_skipped_and_unknown_ones_are_ignored(
    api: httpx.AsyncClient, newsletter: str, control: str
) -> None:
    await api.post(f"{control}/merge-fields", json={"tag": "MUST", "name": "M", "required": True})
    sent = member("ann@example.com", NOSUCH="x")
    assert (await write(api, newsletter, sent))["error_count"] == 1
    result = await write(api, f"{newsletter}?skip_merge_validation=true", sent)
    assert "NOSUCH" not in result["new_members"][0]["merge_fields"]


async def test_an_empty_text_clears_a_field(
    api: httpx.AsyncClient, newsletter: str, audience: Audience
) -> None:
    await write(api, newsletter, member("ann@example.com", FNAME="Ann", LNAME="Lee"))
    await write(api, newsletter, member("ann@example.com", FNAME=""))
    assert stored(audience, "ann@example.com")[1] == b'{"FNAME":"","LNAME":"Lee"}'


async def test_tags_are_added_or_replaced(api: httpx.AsyncClient, newsletter: str) -> None:
    def tagged(*tags: str) -> dict[str, Any]:
        return {**member("ann@example.com"), "tags": tags}

    def names(result: dict[str, Any]) -> list[str]:
        [one] = result["updated_members"]
        assert one["tags_count"] == len(one["tags"])
        return [tag["name"] for tag in one["tags"]]

    await write(api, newsletter, tagged("one"))
    assert names(await write(api, newsletter, tagged("two", "one"))) == ["one", "two"]
    assert names(await write(api, newsletter, tagged("three"), sync_tags=True)) == ["three"]


async def test_one_member_is_put_read_archived_and_comes_back(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    path = f"{newsletter}/members/{hash_of('ann@example.com')}"
    assert (await api.get(path)).status_code == 404
    assert (await api.put(path, json=member("ann@example.com"))).status_code == 200
    by_address = await api.get(f"{newsletter}/members/ANN@example.com")
    assert by_address.json()["status"] == "subscribed"

    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).json()["status"] == "archived"
    again = await api.delete(path)
    assert again.status_code == 405
    assert "Can not archive a contact that is bounced, pending or archived" in again.text

    result = await write(api, newsletter, member("ann@example.com"), update_existing=False)
    assert result["updated_members"][0]["status"] == "subscribed"


async def test_putting_someone_in_a_compliance_state_names_it(
    api: httpx.AsyncClient, newsletter: str
) -> None:
    email = "unsubscribed+1@example.com"
    answer = await api.put(f"{newsletter}/members/{hash_of(email)}", json=member(email))
    assert (answer.status_code, answer.json()["title"]) == (400, "Member In Compliance State")
