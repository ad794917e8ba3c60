"""Constant Contact's file: signing in, what errors mean, lists and fields of an account."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from local.sandbox.constant_contact.settings import Settings
from local.sandbox.constant_contact.state import PRIVILEGES, CustomField
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.model import Client, Field, FieldType, Target
from shared.destinations.oauth2 import authorize_url
from shared.domain.connection import Account
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.message import say
from tests.contract.wire import needs_specs, violations
from tests.destinations.constant_contact.sandboxed import (
    ACCOUNT,
    CALLBACK,
    CONSTANT_CONTACT,
    VERIFIER,
    World,
)
from tests.destinations.says import NONSENSE, Says
from tests.destinations.signing_in import signed_in, tokens

PRIVILEGED = [{"privilege_id": 1, "privilege_name": name} for name in PRIVILEGES["contacts"]]
SUMMARY = {"encoded_account_id": "p07", "organization_name": "Acme"}


def test_the_sign_in_page_is_told_who_asks_for_what_and_the_challenge() -> None:
    url = httpx.URL(
        authorize_url(CONSTANT_CONTACT.auth, "https://ours.test/cb?a=1", "st&te", "chal")
    )
    assert str(url.copy_with(query=None)) == "https://authz.test/oauth2/default/v1/authorize"
    assert dict(url.params) == {
        "response_type": "code",
        "client_id": "our-id",
        "redirect_uri": "https://ours.test/cb?a=1",
        "scope": "contact_data account_read offline_access",
        "state": "st&te",
        "code_challenge": "chal",
        "code_challenge_method": "S256",
    }


@pytest.mark.parametrize("secret", ["our-secret", ""], ids=["with a secret", "with PKCE alone"])
async def test_a_sign_in_ends_in_tokens_and_the_account_that_they_open(secret: str) -> None:
    world = World(Client("our-id", secret))
    credentials, account = await world.connect()
    assert account == Account(id="p07e1l8cdif1", name="Sandbox account 1", endpoint="api.test")
    assert set(credentials) == {"access_token", "refresh_token", "expires_at"}
    [token] = [each for each in world.wire.requests if each.path.endswith("/token")]
    assert (b"client_id" in token.body) == (not secret)
    assert b"our-secret" not in token.body


async def test_a_code_of_another_browser_is_refused() -> None:
    world = World()
    code = await world.code()
    with pytest.raises(NeedsAttention, match=r"invalid_grant.*Sign in again") as raised:
        await world.signed_in(code, "w" * 64)
    assert raised.value.culprit is Culprit.CONNECTION


async def test_a_wrong_secret_is_a_matter_of_the_settings() -> None:
    world = World(Client("our-id", "wrong"))
    with pytest.raises(NeedsAttention, match="does not know our app") as raised:
        await world.connect()
    assert "wrong" not in str(raised.value)


async def test_a_user_who_may_not_manage_contacts_cannot_be_connected() -> None:
    world = World()
    world.account.privileges = {"account:read", *PRIVILEGES["campaign"]}
    with pytest.raises(NeedsAttention, match="lacks contacts:write, contacts:lists:read"):
        await world.connect()


async def test_a_check_sees_a_privilege_that_was_taken_away() -> None:
    world = World()
    api = await world.api()
    await world.destination.check(api)
    world.account.privileges.discard("contacts:write")
    with pytest.raises(NeedsAttention, match=r"lacks contacts:write\.") as raised:
        await world.destination.check(api)
    assert raised.value.culprit is Culprit.CONNECTION


async def test_an_app_that_is_no_longer_allowed_needs_a_sign_in() -> None:
    world = World()
    api = await world.api()
    world.sandbox.revoked = True
    with pytest.raises(NeedsAttention, match="403"):
        await world.destination.check(api)


@pytest.mark.parametrize("answer", [each for each in NONSENSE if each != []])
async def test_privileges_that_make_no_sense_are_asked_for_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.check(Says(privileges=answer))


async def exchange(**answers: Any) -> tuple[Mapping[str, str], Account]:
    says = Says(**{"privileges": PRIVILEGED, "summary": SUMMARY, **answers})
    return await signed_in(CONSTANT_CONTACT, says, "code", CALLBACK, VERIFIER)


@pytest.mark.parametrize("answer", [*NONSENSE, {"access_token": ""}])
async def test_an_exchange_without_a_token_asks_for_another_sign_in(answer: Any) -> None:
    with pytest.raises(NeedsAttention, match="gave no access"):
        await exchange(token=answer)


@pytest.mark.parametrize(
    "answer", [*NONSENSE, {"encoded_account_id": 7}, {"encoded_account_id": "a/b"}]
)
async def test_a_summary_that_names_no_account_asks_for_another_sign_in(answer: Any) -> None:
    with pytest.raises(NeedsAttention, match="did not name the account"):
        await exchange(token={"access_token": "tok"}, summary=answer)


async def test_an_account_without_a_name_is_called_by_the_vendors() -> None:
    _, account = await exchange(
        token={"access_token": "tok"}, summary={"encoded_account_id": "p07"}
    )
    assert account.name == "Constant Contact"


async def test_a_token_ends_when_it_says() -> None:
    world = World()
    credentials, _ = await world.connect()
    ends = world.tokens.expire_at(credentials)
    assert ends is not None
    assert abs(ends - world.clock.now() - timedelta(hours=24)) < timedelta(seconds=5)


LATER = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", jwt.encode({}, "k" * 32, "HS256")])
def test_a_token_that_does_not_say_ends_when_its_answer_said(token: str) -> None:
    kept = {"access_token": token, "expires_at": str(LATER.timestamp())}
    assert tokens(CONSTANT_CONTACT, Says()).expire_at(kept) == LATER
    assert tokens(CONSTANT_CONTACT, Says()).expire_at({"access_token": token}) is None


@pytest.mark.parametrize("exp", [10**18, -(10**18), "soon", None, [1]])
def test_an_end_that_makes_no_sense_is_none(exp: Any) -> None:
    token = jwt.encode({"exp": LATER} | {"ends": exp}, "k" * 32, "HS256")
    assert tokens(CONSTANT_CONTACT, Says()).expire_at({"access_token": token}) == LATER
    assert (
        tokens(CONSTANT_CONTACT, Says()).expire_at({"access_token": "x", "expires_at": "1e30"})
        is None
    )


@pytest.mark.parametrize("given", [86_400, int(LATER.timestamp())], ids=["seconds", "an instant"])
async def test_a_lifetime_is_kept_as_an_instant_whichever_it_was(given: int) -> None:
    world = World()
    says = Says(
        token={"access_token": "opaque", "expires_in": given},
        privileges=PRIVILEGED,
        summary=SUMMARY,
    )
    credentials, _ = await signed_in(
        CONSTANT_CONTACT, says, "code", CALLBACK, VERIFIER, world.clock
    )
    ends = LATER if given > 10**9 else world.clock.now() + timedelta(days=1)
    assert world.tokens.expire_at(credentials) == ends


@pytest.mark.parametrize("rotating", [True, False])
async def test_a_refresh_gives_tokens_that_work(rotating: bool) -> None:
    world = World()
    world.sandbox.settings = Settings(rotating=rotating)
    old, account = await world.connect()
    world.clock.advance(90_000)
    new = await world.tokens.refresh(old)
    assert (new["refresh_token"] != old["refresh_token"]) == rotating
    assert new["access_token"] != old["access_token"]
    await world.destination.check(world.api_with(new, account))


async def test_a_refresh_token_that_is_kept_is_not_repeated_in_the_answer() -> None:
    says = Says(token={"access_token": "new"})
    given = {"access_token": "old", "refresh_token": "stays"}
    assert await tokens(CONSTANT_CONTACT, says).refresh(given) == {
        "access_token": "new",
        "refresh_token": "stays",
    }


async def test_a_refresh_token_that_was_used_needs_a_sign_in() -> None:
    world = World()
    old, _ = await world.connect()
    world.clock.advance(2)
    await world.tokens.refresh(old)
    world.clock.advance(2)
    with pytest.raises(NeedsAttention, match="no longer accepts the sign-in") as raised:
        await world.tokens.refresh(old)
    assert raised.value.culprit is Culprit.CONNECTION
    assert old["refresh_token"] not in str(raised.value)


async def test_refreshing_twice_in_a_second_is_tried_later() -> None:
    world = World()
    old, _ = await world.connect()
    with pytest.raises(TryLater):
        await world.tokens.refresh(old)


async def test_a_sign_in_without_a_refresh_token_ends_with_its_access_token() -> None:
    with pytest.raises(NeedsAttention, match="Sign in again"):
        await tokens(CONSTANT_CONTACT, Says()).refresh({"access_token": "tok"})


@pytest.mark.parametrize("answer", NONSENSE)
async def test_a_refresh_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    given = {"access_token": "old", "refresh_token": "old"}
    with pytest.raises(TryLater, match="makes no sense"):
        await tokens(CONSTANT_CONTACT, Says(token=answer)).refresh(given)


async def test_a_refusal_of_the_sign_in_service_is_never_taken_for_one_of_a_batch() -> None:
    says = Says(token=BatchRefused("http_400", say("Constant Contact refused the request (400).")))
    with pytest.raises(NeedsAttention, match=r"refused the request \(400\)\. Sign in again"):
        await tokens(CONSTANT_CONTACT, says).refresh({"access_token": "a", "refresh_token": "b"})


async def test_what_is_revoked_cannot_be_refreshed() -> None:
    world = World()
    credentials, _ = await world.connect()
    await world.tokens.revoke(credentials)
    world.clock.advance(2)
    with pytest.raises(NeedsAttention):
        await world.tokens.refresh(credentials)


def test_all_accounts_share_a_lane_that_does_not_tell_the_app_key() -> None:
    other = ACCOUNT.model_copy(update={"id": "another"})
    assert CONSTANT_CONTACT.lane(ACCOUNT) == CONSTANT_CONTACT.lane(other)
    assert "our-id" not in CONSTANT_CONTACT.lane(ACCOUNT)
    theirs = ConstantContact(Client("their-id", ""), "", "")
    assert theirs.lane(ACCOUNT) != CONSTANT_CONTACT.lane(ACCOUNT)


def test_a_partner_has_other_limits() -> None:
    partner = ConstantContact(Client("", ""), "", "", 10, 250_000)
    assert [rate.requests for rate in partner.limits.rates] == [10]
    assert partner.limits.requests_per_day == 250_000


def said(key: str, text: str) -> Any:
    return [{"error_key": key, "error_message": text}]


ERRORS: Mapping[str, tuple[int, Any, type[DestinationError] | None, float | None]] = {
    "throttled": (429, said("throttled", "Too Many Requests"), RateLimited, None),
    "throttled, without a word": (429, None, RateLimited, None),
    "throttled, as an object": (429, said("throttled", "Too Many Requests")[0], RateLimited, None),
    "an unknown key": (429, said("who.knows", "Slow down"), RateLimited, None),
    "spent": (429, said("quota_exceeded", "Limit Exceeded"), DailyQuotaExhausted, None),
    "spent, by its text": (429, {"message": "Limit Exceeded"}, DailyQuotaExhausted, None),
    "a full queue": (429, said("x", "You exceeded 1,000 queued activities"), TryLater, 60),
    "a conflict": (409, said("contacts.api.conflict", "…"), TryLater, None),
    "forbidden": (403, None, NeedsAttention, None),
    "unauthorized": (401, {"error_key": "unauthorized"}, None, None),
    "an unknown client": (401, {"error": "invalid_client"}, NeedsAttention, None),
    "a busy sign-in": (400, {"error": "temporarily_unavailable"}, TryLater, None),
    "gone": (404, said("contacts.api.not_found", "…"), None, None),
    "invalid": (400, said("contacts.api.validation.error", "No."), BatchRefused, None),
    "invalid, without a word": (400, [], BatchRefused, None),
    "of another shape": (400, ["no"], BatchRefused, None),
    "not allowed": (405, 7, BatchRefused, None),
    "broken": (503, said("contacts.api.unavailable", "…"), None, None),
}


@pytest.mark.parametrize(("status", "body", "kind", "after"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_understood_whatever_its_shape(
    status: int, body: Any, kind: type[DestinationError] | None, after: float | None
) -> None:
    empty = httpx.Response(status)
    meaning = CONSTANT_CONTACT.explain(empty if body is None else httpx.Response(status, json=body))
    assert type(meaning) is (kind or type(None))
    if isinstance(meaning, TryLater):
        assert meaning.after == after


@pytest.mark.parametrize("status", [400, 429])
def test_an_error_that_is_a_page_is_understood(status: int) -> None:
    page = httpx.Response(status, html="<html>\xff</html>")
    assert isinstance(
        CONSTANT_CONTACT.explain(page), RateLimited if status == 429 else BatchRefused
    )


def test_a_refusal_is_told_in_the_vendors_words() -> None:
    answer = httpx.Response(400, json=said("contacts.api.validation.error", "No such list."))
    refused = CONSTANT_CONTACT.explain(answer)
    assert isinstance(refused, BatchRefused)
    assert refused.code == "contacts.api.validation.error"
    assert str(refused).endswith("(400). No such list.")


def test_a_time_that_is_given_is_left_to_the_common_table() -> None:
    answer = httpx.Response(429, headers={"retry-after": "7"}, json=said("throttled", ""))
    assert CONSTANT_CONTACT.explain(answer) is None


async def test_every_list_is_found_however_many_there_are_and_no_deleted_one() -> None:
    world = World()
    names = [f"List {number}" for number in range(1001)]
    world.account.lists = {one.id: one for one in map(world.account.new_list, names)}
    next(iter(world.account.lists.values())).deleted = 1.0
    found = await world.destination.lists(await world.api())
    assert [each.name for each in found] == names[1:]
    assert sum(each.path == "/v3/contact_lists" for each in world.wire.requests) == 2


async def test_a_link_to_the_next_page_leads_nowhere_else() -> None:
    first = {
        "lists": [{"list_id": "1", "name": "One"}],
        "_links": {"next": {"href": "https://evil.test/v3/elsewhere?cursor=two"}},
    }

    def page(params: Mapping[str, str]) -> Any:
        return {"lists": []} if params.get("cursor") == "two" else first

    says = Says(contact_lists=page)
    assert [each.id for each in await CONSTANT_CONTACT.lists(says)] == ["1"]
    assert [path for path, _ in says.asked] == ["/contact_lists", "/contact_lists"]


async def test_links_that_go_round_in_circles_end() -> None:
    circle = {"lists": [], "_links": {"next": {"href": "/v3/contact_lists?cursor=same"}}}
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.lists(Says(contact_lists=circle))


@pytest.mark.parametrize(
    "answer",
    [*NONSENSE, {"lists": None}, {"lists": [{}]}, {"lists": [1]}, {"lists": [], "_links": 7}],
)
async def test_a_listing_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.lists(Says(contact_lists=answer))


async def test_a_list_is_looked_up_and_a_deleted_one_is_named() -> None:
    world = World()
    api = await world.api()
    assert (await world.destination.look_up(api, world.list_id)).name == "Newsletter"
    world.account.lists[world.list_id].deleted = 1.0
    with pytest.raises(NeedsAttention, match="Newsletter was deleted") as raised:
        await world.destination.look_up(api, world.list_id)
    assert raised.value.culprit is Culprit.LIST


@pytest.mark.parametrize("list_id", ["", "../account/summary", "a b", "é", "a?b", "a" * 65, "a\n"])
async def test_what_can_be_no_id_of_a_list_is_not_even_asked_for(list_id: str) -> None:
    says = Says()
    with pytest.raises(NeedsAttention) as raised:
        await CONSTANT_CONTACT.look_up(says, list_id)
    assert raised.value.culprit is Culprit.LIST
    assert says.asked == []


async def test_a_list_that_is_not_there_is_named() -> None:
    world = World()
    with pytest.raises(NeedsAttention, match="no list with the ID 0652") as raised:
        await world.destination.look_up(await world.api(), "06526938-56dd-11e9-932a-000000000000")
    assert raised.value.culprit is Culprit.LIST


async def test_a_connection_that_is_refused_is_not_taken_for_a_missing_list() -> None:
    refused = NeedsAttention(Culprit.CONNECTION, say("401"))
    with pytest.raises(NeedsAttention, match="401"):
        await CONSTANT_CONTACT.look_up(Says(a1=refused), "a1")


@pytest.mark.parametrize("answer", [*NONSENSE, {"list_id": "a1"}, {"deleted_at": "2026"}])
async def test_a_list_that_makes_no_sense_is_tried_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.look_up(Says(a1=answer), "a1")


async def test_custom_fields_can_be_mapped_by_their_kind() -> None:
    world = World()
    given = [
        CustomField("shoe", "Shoe size"),
        CustomField("notes", "Notes", "text_area"),
        CustomField("bought", "Last purchase", "date"),
        CustomField("visits", "Visits", "number"),
        CustomField("spent", "Spent", "currency"),
        CustomField("level", "Level", "single_select", ("Gold", "Silver")),
        CustomField("shapeless", "Shapeless", "single_select"),
        CustomField("vip", "VIP", "boolean"),
        CustomField("tags", "Tags", "multi_select", ("a", "b")),
        CustomField("at", "At", "datetime"),
        CustomField("new", "New", "of a kind to come"),
    ]
    world.account.fields = {one.name: one for one in given}
    found = await world.destination.fields_of(await world.api(), world.list_id)
    assert [each.name for each in found[:4]] == ["email", "first_name", "last_name", "phone"]
    assert {each.name: each.kind for each in found[4:]} == {
        "cf:shoe": FieldType.TEXT,
        "cf:notes": FieldType.TEXT,
        "cf:bought": FieldType.DATE,
        "cf:visits": FieldType.NUMBER,
        "cf:spent": FieldType.NUMBER,
        "cf:level": FieldType.CHOICE,
        "cf:shapeless": FieldType.TEXT,
        "cf:vip": FieldType.CHOICE,
    }
    shown = {each.name: each for each in found}
    assert shown["cf:shoe"] == Field("cf:shoe", "Shoe size", longest=255, choices=[])
    assert shown["cf:level"].choices == ["Gold", "Silver"]
    assert shown["cf:vip"].choices == ["true", "false"]


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        {"custom_fields": [{"name": "a"}]},
        {"custom_fields": [{"type": "string"}]},
        {"custom_fields": [{"type": ["string"], "name": "a"}]},
        {"custom_fields": [{"type": "single_select", "name": "a", "choices": ["b"]}]},
    ],
)
async def test_custom_fields_that_make_no_sense_are_asked_for_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.fields_of(Says(contact_custom_fields=answer), "a1")


@needs_specs
async def test_what_is_asked_keeps_to_the_description() -> None:
    world = World()
    lists = [world.account.new_list(f"List {n}") for n in range(499)]
    world.account.lists |= {one.id: one for one in lists}
    world.account.fields |= {f"f{n}": CustomField(f"f{n}", f"F{n}") for n in range(120)}
    api = await world.api()
    await world.destination.check(api)
    assert len(await world.destination.lists(api)) == 501
    await world.destination.encoder(api, Target(world.list_id, ["cf:f1"]))
    assert violations("constant_contact", world.wire.requests) == []
