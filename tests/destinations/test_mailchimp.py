"""Mailchimp's file: signing in, and the audiences of an account."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from shared.destinations.mailchimp import Mailchimp
from shared.destinations.protocol import Client
from shared.domain.connection import Account
from shared.domain.errors import Culprit, NeedsAttention, TryLater
from tests.destinations.says import ACCOUNT, MAILCHIMP, NONSENSE, Says


def test_the_sign_in_page_is_told_who_asks_and_where_to_come_back_to() -> None:
    url = httpx.URL(MAILCHIMP.authorize_url("https://ours.test/cb?a=1&b=2", "st&te", "unused"))
    assert (url.scheme, url.host, url.path) == ("https", "login.test", "/oauth2/authorize")
    assert dict(url.params) == {
        "response_type": "code",
        "client_id": "our-id",
        "redirect_uri": "https://ours.test/cb?a=1&b=2",
        "state": "st&te",
    }


METADATA = {"dc": "us3", "user_id": 7, "accountname": "Acme", "api_endpoint": "https://evil.test"}


async def exchange(says: Says) -> tuple[Mapping[str, str], Account]:
    return await MAILCHIMP.exchange(says, "the-code", "https://ours.test/cb", "unused")


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
    with pytest.raises(NeedsAttention, match="Sign in again") as halted:
        await exchange(Says(token=answer, metadata=METADATA))
    assert halted.value.culprit is Culprit.CONNECTION


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
    assert MAILCHIMP.headers({"access_token": "tok"}) == {"Authorization": "Bearer tok"}


def test_accounts_of_two_data_centres_have_two_lanes() -> None:
    other = ACCOUNT.model_copy(update={"id": "us2-1"})
    assert MAILCHIMP.lane(ACCOUNT) == "mailchimp-us1-1"
    assert MAILCHIMP.lane(other) != MAILCHIMP.lane(ACCOUNT)


def test_only_a_403_without_json_means_wait() -> None:
    problem = {"content-type": "application/problem+json; charset=utf-8"}
    assert isinstance(MAILCHIMP.explain(httpx.Response(403)), TryLater)
    assert isinstance(MAILCHIMP.explain(httpx.Response(403, html="<html>")), TryLater)
    assert MAILCHIMP.explain(httpx.Response(403, headers=problem)) is None
    assert MAILCHIMP.explain(httpx.Response(401)) is None


async def test_every_audience_is_listed_however_many_there_are() -> None:
    there = [{"id": f"a{n}", "name": f"Audience {n}"} for n in range(2003)]

    def page(params: Mapping[str, str]) -> Any:
        first = int(params["offset"])
        return {"lists": there[first : first + int(params["count"])]}

    says = Says(lists=page)
    found = await MAILCHIMP.lists(says)
    assert [each.id for each in found] == [item["id"] for item in there]
    assert len(says.asked) == 3


@pytest.mark.parametrize("answer", [*NONSENSE, {"lists": None}, {"lists": [{}]}, {"lists": [1]}])
async def test_a_listing_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await MAILCHIMP.lists(Says(lists=answer))


@pytest.mark.parametrize("list_id", ["", "../ping", "a/b", "a?x=1", "a b", "é", "a" * 65, "a1\n"])
async def test_what_can_be_no_id_of_an_audience_is_not_even_asked_for(list_id: str) -> None:
    says = Says()
    with pytest.raises(NeedsAttention) as halted:
        await MAILCHIMP.look_up(says, list_id)
    assert halted.value.culprit is Culprit.LIST
    assert says.asked == []


async def test_an_audience_that_is_gone_is_named() -> None:
    gone = NeedsAttention(Culprit.LIST, "404")
    with pytest.raises(NeedsAttention, match="no audience with the ID a1"):
        await MAILCHIMP.look_up(Says(a1=gone), "a1")


async def test_a_connection_that_is_refused_is_not_taken_for_a_missing_audience() -> None:
    refused = NeedsAttention(Culprit.CONNECTION, "401")
    with pytest.raises(NeedsAttention, match="401"):
        await MAILCHIMP.look_up(Says(a1=refused), "a1")


@pytest.mark.parametrize("answer", [*NONSENSE, {"id": "a1"}])
async def test_an_audience_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await MAILCHIMP.look_up(Says(a1=answer), "a1")


def test_every_field_has_a_way_to_be_written() -> None:
    assert [field.name for field in MAILCHIMP.fields] == ["email", "first_name", "last_name"]
    assert [field.required for field in MAILCHIMP.fields] == [True, False, False]
