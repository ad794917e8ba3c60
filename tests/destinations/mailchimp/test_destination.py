"""Mailchimp's file: signing in, and the audiences of an account."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from shared.destinations.answers import FIRST_NAME
from shared.destinations.mailchimp.destination import Mailchimp
from shared.destinations.model import Client, Field, FieldType
from shared.destinations.oauth2 import authorize_url
from shared.domain.connection import Account
from shared.domain.errors import BatchRefused, Culprit, NeedsAttention, RateLimited, TryLater
from shared.domain.message import say
from tests.destinations.says import ACCOUNT, MAILCHIMP, NONSENSE, Says
from tests.destinations.signing_in import signed_in


def test_the_sign_in_page_is_told_who_asks_and_where_to_come_back_to() -> None:
    url = httpx.URL(
        authorize_url(MAILCHIMP.auth, "https://ours.test/cb?a=1&b=2", "st&te", "unused")
    )
    assert (url.scheme, url.host, url.path) == ("https", "login.test", "/oauth2/authorize")
    assert dict(url.params) == {
        "response_type": "code",
        "client_id": "our-id",
        "redirect_uri": "https://ours.test/cb?a=1&b=2",
        "state": "st&te",
    }


METADATA = {"dc": "us3", "user_id": 7, "accountname": "Acme", "api_endpoint": "https://evil.test"}


async def exchange(says: Says) -> tuple[Mapping[str, str], Account]:
    return await signed_in(MAILCHIMP, says, "the-code", "https://ours.test/cb", "unused")


async def test_a_code_is_traded_for_a_token_and_the_account_it_opens() -> None:
    says = Says(token={"access_token": "tok", "expires_in": 0, "scope": None}, metadata=METADATA)

    credentials, account = await exchange(says)

    assert credentials == {"access_token": "tok"}
    assert account == Account(id="us3-7", name="Acme", endpoint="us3")
    assert says.asked == [
        (
            "https://login.test/oauth2/token",
            {
                "grant_type": "authorization_code",
                "client_id": "our-id",
                "client_secret": "our-secret",
                "redirect_uri": "https://ours.test/cb",
                "code": "the-code",
            },
        ),
        ("https://login.test/oauth2/metadata", {"Authorization": "OAuth tok"}),
    ]


async def test_an_account_without_a_name_is_called_mailchimp() -> None:
    says = Says(token={"access_token": "tok"}, metadata=METADATA | {"accountname": None})
    assert (await exchange(says))[1].name == "Mailchimp"


@pytest.mark.parametrize("answer", [*NONSENSE, {"error": "invalid_grant"}, {"access_token": ""}])
async def test_an_exchange_without_a_token_asks_for_another_sign_in(answer: Any) -> None:
    with pytest.raises(NeedsAttention, match="Sign in again") as raised:
        await exchange(Says(token=answer, metadata=METADATA))
    assert raised.value.culprit is Culprit.CONNECTION


async def test_a_code_that_was_used_before_asks_for_another_sign_in() -> None:
    refused = BatchRefused("http_400", say("Mailchimp refused the request (400)."))
    with pytest.raises(NeedsAttention, match="gave no access"):
        await exchange(Says(token=refused))


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        {"error": "invalid_token", "error_description": "The access token is invalid"},
        {"dc": "us3"},
        {"dc": "us3", "user_id": None},
        {"user_id": 7},
        {"dc": 3, "user_id": 7},
    ],
)
async def test_metadata_that_names_no_account_asks_for_another_sign_in(answer: Any) -> None:
    with pytest.raises(NeedsAttention, match="did not name the account"):
        await exchange(Says(token={"access_token": "tok"}, metadata=answer))


@pytest.mark.parametrize(
    "centre",
    ["evil.test/", "us1.evil.test", "us1@evil.test#", "", "us", "1", "us1\n", "US1", "{dc}", "us٣"],
)
async def test_a_token_is_never_sent_to_a_host_that_is_no_data_centre(centre: str) -> None:
    metadata = METADATA | {"dc": centre}
    with pytest.raises(NeedsAttention, match="did not name the account"):
        await exchange(Says(token={"access_token": "tok"}, metadata=metadata))


@pytest.mark.parametrize("user", ["7/../8", "a b", {"id": 7}, "7#", "é", -7, 7.5, True, "x" * 200])
async def test_a_user_id_that_could_name_no_lane_asks_for_another_sign_in(user: Any) -> None:
    metadata = METADATA | {"user_id": user}
    with pytest.raises(NeedsAttention, match="did not name the account"):
        await exchange(Says(token={"access_token": "tok"}, metadata=metadata))


def test_an_account_is_reached_at_its_data_centre_alone() -> None:
    real = Mailchimp(Client("", ""), "https://login.test", "https://{dc}.api.mailchimp.com")
    assert real.base_url(ACCOUNT) == "https://us1.api.mailchimp.com/3.0"


def test_a_stand_in_may_have_one_address_for_all_data_centres() -> None:
    local = Mailchimp(Client("", ""), "http://127.0.0.1:9", "http://127.0.0.1:9")
    assert local.base_url(ACCOUNT) == "http://127.0.0.1:9/3.0"


def test_a_request_is_authorised_by_the_token() -> None:
    assert MAILCHIMP.auth.headers({"access_token": "tok"}) == {"Authorization": "Bearer tok"}


def test_accounts_of_two_data_centres_have_two_lanes() -> None:
    other = ACCOUNT.model_copy(update={"id": "us2-1"})
    assert MAILCHIMP.lane(ACCOUNT) == "mailchimp-us1-1"
    assert MAILCHIMP.lane(other) != MAILCHIMP.lane(ACCOUNT)


def problem(status: int, title: Any, detail: Any = "", **more: Any) -> httpx.Response:
    said = {"title": title, "status": status, "detail": detail} | more
    headers = {"content-type": "application/problem+json; charset=utf-8"}
    return httpx.Response(status, headers=headers, content=orjson.dumps(said))


def test_only_a_403_without_json_means_wait() -> None:
    assert isinstance(MAILCHIMP.explain(httpx.Response(403)), RateLimited)
    assert isinstance(MAILCHIMP.explain(httpx.Response(403, html="<html>")), RateLimited)
    assert MAILCHIMP.explain(problem(403, "Forbidden")) is None
    assert MAILCHIMP.explain(httpx.Response(401)) is None


def test_an_account_that_was_shut_off_needs_a_person() -> None:
    blocked = MAILCHIMP.explain(problem(503, "Compliance Related", "This method is disabled."))
    assert isinstance(blocked, NeedsAttention)
    assert blocked.culprit is Culprit.CONNECTION
    assert "shut this account off" in str(blocked)


@pytest.mark.parametrize(
    "response",
    [
        problem(503, "Service Unavailable"),
        problem(500, "Internal Server Error"),
        httpx.Response(503, html="<p>Compliance Related</p>"),
        httpx.Response(503, json=["Compliance Related"]),
        problem(429, "TooManyRequests"),
        problem(404, "Resource Not Found"),
        problem(400, ""),
        problem(400, None),
        httpx.Response(400, text="no"),
        httpx.Response(200, text="busy"),
    ],
)
def test_everything_else_is_left_to_the_table_of_all_destinations(response: httpx.Response) -> None:
    assert MAILCHIMP.explain(response) is None


def test_a_request_that_is_refused_whole_is_so_for_its_profiles() -> None:
    errors = [{"field": "members.item:1", "message": "Schema describes object"}, "odd", None]
    refused = MAILCHIMP.explain(problem(400, "Invalid Resource", "See below.", errors=errors))
    assert isinstance(refused, BatchRefused)
    assert refused.code == "invalid_resource"
    assert str(refused) == (
        "Mailchimp refused the request (400, Invalid Resource). "
        "See below. Schema describes object odd"
    )
    assert (refused.guilty, refused.cut) == ((), None)


def test_as_many_calls_are_under_way_as_the_settings_say() -> None:
    fewer = replace(MAILCHIMP, connections=8)
    assert (MAILCHIMP.limits.concurrency, fewer.limits.concurrency) == (10, 8)


@pytest.mark.parametrize(("most", "pages"), [(1000, 3), (700, 3), (2003, 3)])
async def test_every_audience_is_listed_however_many_there_are(most: int, pages: int) -> None:
    there = [{"id": f"a{n}", "name": f"Audience {n}"} for n in range(2003)]

    def page(params: Mapping[str, str]) -> Any:
        first = int(params["offset"])
        size = min(int(params["count"]), most)
        return {"lists": there[first : first + size], "total_items": len(there)}

    says = Says(lists=page)
    found = await MAILCHIMP.lists(says)
    assert [each.id for each in found] == [item["id"] for item in there]
    assert len(says.asked) == pages


@pytest.mark.parametrize("answer", [*NONSENSE, {"lists": None}, {"lists": [{}]}, {"lists": [1]}])
async def test_a_listing_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await MAILCHIMP.lists(Says(lists=answer))


@pytest.mark.parametrize("list_id", ["", "../ping", "a/b", "a?x=1", "a b", "é", "a" * 65, "a1\n"])
async def test_what_can_be_no_id_of_an_audience_is_not_even_asked_for(list_id: str) -> None:
    says = Says()
    with pytest.raises(NeedsAttention) as raised:
        await MAILCHIMP.look_up(says, list_id)
    assert raised.value.culprit is Culprit.LIST
    assert says.asked == []


async def test_an_audience_that_is_gone_is_named() -> None:
    gone = NeedsAttention(Culprit.LIST, say("404"))
    with pytest.raises(NeedsAttention, match="no audience with the ID a1"):
        await MAILCHIMP.look_up(Says(a1=gone), "a1")


async def test_a_connection_that_is_refused_is_not_taken_for_a_missing_audience() -> None:
    refused = NeedsAttention(Culprit.CONNECTION, say("401"))
    with pytest.raises(NeedsAttention, match="401"):
        await MAILCHIMP.look_up(Says(a1=refused), "a1")


@pytest.mark.parametrize("answer", [*NONSENSE, {"id": "a1"}])
async def test_an_audience_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await MAILCHIMP.look_up(Says(a1=answer), "a1")


def test_every_account_has_an_address_and_two_names() -> None:
    assert [field.name for field in MAILCHIMP.fields] == ["email", "first_name", "last_name"]
    assert [field.required for field in MAILCHIMP.fields] == [True, False, False]


MERGE_FIELDS: list[dict[str, Any]] = [
    {"tag": "LNAME", "name": "Family name", "type": "text", "options": {"size": 25}},
    {"tag": "FNAME", "name": "First Name", "type": "text", "options": {"size": 25}},
    {"tag": "ADDRESS", "name": "Address", "type": "address", "options": {"default_country": 164}},
    {"tag": "PHONE", "name": "Phone", "type": "phone", "options": {"phone_format": "US"}},
    {
        "tag": "BIRTHDAY",
        "name": "Birthday",
        "type": "birthday",
        "options": {"date_format": "MM/DD"},
    },
    {"tag": "SINCE", "name": "", "type": "date", "options": []},
    {"tag": "LTV", "name": "Value", "type": "number", "options": {}},
    {"tag": "SITE", "name": "Site", "type": "url"},
    {"tag": "FACE", "name": "Face", "type": "imageurl"},
    {"tag": "ZIP", "name": "Zip", "type": "zip"},
    {"tag": "SIZE", "name": "Size", "type": "dropdown", "options": {"choices": ["S", "L"]}},
    {"tag": "PET", "name": "Pet", "type": "radio", "options": {"choices": ["Cat", "Dog"]}},
    {"tag": "LATER", "name": "Later", "type": "not yet invented"},
]


async def test_the_merge_fields_of_an_audience_can_be_mapped() -> None:
    found = await MAILCHIMP.fields_of(Says(merge_fields={"merge_fields": MERGE_FIELDS}), "a1")
    assert found == [
        MAILCHIMP.fields[0],
        Field("first_name", FIRST_NAME, longest=255),  # nobody renamed it
        Field("last_name", "Family name", longest=255),
        Field("phone", "Phone", kind=FieldType.PHONE, longest=255),
        Field("BIRTHDAY", "Birthday", kind=FieldType.BIRTHDAY, longest=255),
        Field("SINCE", "SINCE", kind=FieldType.DATE, longest=255),
        Field("LTV", "Value", kind=FieldType.NUMBER, longest=255),
        Field("SITE", "Site", kind=FieldType.URL, longest=255),
        Field("FACE", "Face", kind=FieldType.URL, longest=255),
        Field("ZIP", "Zip", longest=255),
        Field("SIZE", "Size", kind=FieldType.CHOICE, choices=("S", "L")),
        Field("PET", "Pet", kind=FieldType.CHOICE, choices=("Cat", "Dog")),
    ]


async def test_the_names_are_offered_even_where_an_audience_has_lost_them() -> None:
    found = await MAILCHIMP.fields_of(Says(merge_fields={"merge_fields": []}), "a1")
    assert found == list(MAILCHIMP.fields)


async def test_fields_are_looked_up_of_nothing_but_an_audience() -> None:
    says = Says()
    with pytest.raises(NeedsAttention, match="no audience"):
        await MAILCHIMP.fields_of(says, "../ping")
    assert says.asked == []
