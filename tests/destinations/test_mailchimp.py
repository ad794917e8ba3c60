"""Mailchimp's file alone: signing in, writing profiles, and reading what was said of each."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.mailchimp import Mailchimp
from shared.destinations.protocol import Batch, Client, Encode, RowOutcome
from shared.domain.connection import Account
from shared.domain.errors import Culprit, Halt, NeedsAttention, TryLater
from shared.domain.outcomes import Outcome

MAILCHIMP = Mailchimp(Client("our-id", "our-secret"), "https://login.test", "https://{dc}.api.test")
ACCOUNT = Account(id="us1-1", name="Acme", endpoint="us1")
NONSENSE: list[Any] = [None, [], "text", 7, {}, {"members": []}, [[]], {"errors": None}, True]


class Says:
    """An API and a sign-in that give the same answers to the same paths, or raise them."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[tuple[str, Any]] = []
        self._answers = answers

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        return self._answer(path, params)

    async def post(self, path: str, content: bytes, params: Mapping[str, str] | None = None) -> Any:
        return self._answer(path, orjson.loads(content) | {"params": params})

    async def post_form(self, url: str, form: Mapping[str, str]) -> Any:
        return self._answer(url, form)

    async def get_json(self, url: str, headers: Mapping[str, str]) -> Any:
        return self._answer(url, headers)

    def _answer(self, path: str, given: Any) -> Any:
        self.asked.append((path, given))
        answer = self._answers[path.rpartition("/")[2].replace("-", "_")]
        if isinstance(answer, Halt):
            raise answer
        return answer(given) if callable(answer) else answer


# Signing in


def test_the_sign_in_page_is_told_who_asks_and_where_to_come_back_to() -> None:
    url = httpx.URL(MAILCHIMP.authorize_url("https://ours.test/cb?a=1&b=2", "st&te"))
    assert (url.scheme, url.host, url.path) == ("https", "login.test", "/oauth2/authorize")
    assert dict(url.params) == {
        "response_type": "code",
        "client_id": "our-id",
        "redirect_uri": "https://ours.test/cb?a=1&b=2",
        "state": "st&te",
    }


METADATA = {"dc": "us3", "user_id": 7, "accountname": "Acme", "api_endpoint": "https://evil.test"}


async def exchange(says: Says) -> tuple[Mapping[str, str], Account]:
    return await MAILCHIMP.exchange(says, "the-code", "https://ours.test/cb")


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


# Lists


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


# Writing profiles

AUDIENCE = {"id": "a1", "name": "News", "double_optin": False}
BOTH_TAGS = {"merge_fields": [{"tag": "FNAME"}, {"tag": "LNAME"}]}


async def encoder(audience: Any = AUDIENCE, tags: Any = BOTH_TAGS) -> Encode:
    says = Says(a1=audience, merge_fields=tags)
    return (await MAILCHIMP.encoder(says, "a1", ["last_name", "first_name"])).encode


async def test_a_profile_is_written_with_the_mapped_fields_and_never_with_a_status() -> None:
    encode = await encoder()
    assert orjson.loads(encode("ann@example.com", ["Łee", 'A"nn'])) == {
        "email_address": "ann@example.com",
        "status_if_new": "subscribed",
        "merge_fields": {"FNAME": 'A"nn', "LNAME": "Łee"},
    }


async def test_double_opt_in_makes_a_new_member_pending() -> None:
    encode = await encoder(AUDIENCE | {"double_optin": True})
    assert orjson.loads(encode("ann@example.com", ["", ""]))["status_if_new"] == "pending"


async def test_an_empty_cell_clears_nothing() -> None:
    encode = await encoder()
    assert orjson.loads(encode("ann@example.com", ["Lee", ""]))["merge_fields"] == {"LNAME": "Lee"}


async def test_a_merge_field_that_is_gone_is_left_out_and_noted() -> None:
    says = Says(a1=AUDIENCE, merge_fields={"merge_fields": [{"tag": "LNAME"}]})
    made = await MAILCHIMP.encoder(says, "a1", ["last_name", "first_name"])
    assert orjson.loads(made.encode("a@x.com", ["Lee", "Ann"]))["merge_fields"] == {"LNAME": "Lee"}
    assert list(made.notes) == ["The audience has no merge field FNAME; it is left out."]


@pytest.mark.parametrize("answer", [*NONSENSE, {"merge_fields": 7}, {"merge_fields": [{}]}])
async def test_merge_fields_that_make_no_sense_are_asked_for_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await encoder(tags=answer)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])) | st.text("aé李🙂", min_size=60))
async def test_a_long_name_is_cut_to_255_bytes_and_never_inside_a_character(name: str) -> None:
    encode = await encoder()
    sent = orjson.loads(encode("ann@example.com", [name, ""]))["merge_fields"].get("LNAME", "")
    wanted = name.strip()
    assert wanted.startswith(sent)
    assert len(sent.encode()) <= 255
    next_character = wanted[len(sent) : len(sent) + 1]
    assert not next_character or len((sent + next_character).encode()) > 255


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
async def test_no_profile_holds_a_raw_line_feed_or_tab(name: str) -> None:
    fragment = (await encoder())("ann@example.com", [name, "\n\t"])
    assert b"\n" not in fragment
    assert b"\t" not in fragment


# What was said of each


def batch(*addresses: str) -> Batch:
    fragments = [orjson.dumps({"email_address": address}) for address in addresses]
    origins = "\t".join(f"0:{row}" for row in range(2, len(addresses) + 2))
    return Batch(
        origins.encode(), "\t".join(addresses).encode(), b",\n".join(fragments), len(addresses)
    )


async def send(sent: Batch, answer: Any) -> list[RowOutcome]:
    return list(await MAILCHIMP.send(Says(a1=answer), "a1", sent))


def answer(
    errors: Sequence[Mapping[str, Any]] = (), created: int = 0, updated: int = 0, **more: Any
) -> Any:
    counts = {"total_created": created, "total_updated": updated, "error_count": len(errors)}
    return {"errors": list(errors), **counts, **more}


def error(address: str, text: str = "No.", code: str = "ERROR_GENERIC") -> Mapping[str, str]:
    return {"email_address": address, "error": text, "error_code": code}


ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"


async def test_a_batch_is_sent_as_it_was_prepared_and_updates_existing_members() -> None:
    says = Says(a1=answer(created=2))
    assert list(await MAILCHIMP.send(says, "a1", batch(ANN, BOB))) == []
    [(path, body)] = says.asked
    assert path == "/lists/a1"
    assert body["members"] == [{"email_address": ANN}, {"email_address": BOB}]
    assert body["update_existing"] is True
    assert body["params"]["skip_merge_validation"] == "true"


SAID_NO = {
    "unsubscribed": f"{BOB} is in a compliance state due to unsubscribe, bounce, or compliance"
    " review and cannot be subscribed.",
    "forgotten": f"{BOB} was permanently deleted and cannot be re-imported.",
    "in capitals": "MEMBER IN COMPLIANCE STATE",
}
REFUSED = {
    "fake": f"{BOB} looks fake or invalid, please enter a real email address.",
    "no address": "Please provide a valid email address.",
    "no domain": "The domain portion of the email address is invalid (the portion after the @)",
    "too many lists": f"{BOB} has signed up to a lot of lists very recently; we're not allowing"
    " more signups for now",
    "merge fields": "Your merge fields were invalid.",
    "silence": "",
}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [(text, Outcome.SUPPRESSED) for text in SAID_NO.values()]
    + [(text, Outcome.REFUSED) for text in REFUSED.values()],
    ids=[*SAID_NO, *REFUSED],
)
async def test_a_refusal_is_told_from_a_no_of_the_person(text: str, outcome: Outcome) -> None:
    said = await send(batch(ANN, BOB), answer([error(BOB, text)], created=1))
    assert said == [RowOutcome(1, outcome, "ERROR_GENERIC", text)]


@pytest.mark.parametrize("spelling", [" Bob@Example.COM ", BOB.upper(), f"{BOB}\n"])
async def test_an_address_that_comes_back_in_another_spelling_is_the_same(spelling: str) -> None:
    said = await send(batch(ANN, BOB), answer([error(spelling)], updated=1))
    assert [(each.index, each.outcome) for each in said] == [(1, Outcome.REFUSED)]


async def test_a_member_that_exists_already_is_no_reject() -> None:
    exists = error(BOB, f"{BOB} is already a list member", "ERROR_CONTACT_EXISTS")
    assert await send(batch(ANN, BOB), answer([exists], created=1)) == []


async def test_who_is_in_no_part_of_the_answer_is_unknown() -> None:
    members: dict[str, Any] = {
        "new_members": [{"email_address": ANN.upper()}],
        "updated_members": [],
    }
    said = await send(batch(ANN, BOB, EVE), answer([error(EVE)], created=1, **members))
    assert {each.index: each.outcome for each in said} == {2: Outcome.REFUSED, 1: Outcome.UNKNOWN}


async def test_all_are_unknown_when_the_numbers_do_not_add_up_and_nobody_is_named() -> None:
    said = await send(batch(ANN, BOB), answer(created=1))
    assert [(each.index, each.outcome) for each in said] == [
        (0, Outcome.UNKNOWN),
        (1, Outcome.UNKNOWN),
    ]


async def test_a_refusal_of_a_stranger_leaves_nobody_accepted_who_is_not_named() -> None:
    members: dict[str, Any] = {"new_members": [{"email_address": ANN}], "updated_members": []}
    stranger = error("robert@example.com")
    said = await send(batch(ANN, BOB), answer([stranger], created=1, **members))
    assert [(each.index, each.outcome) for each in said] == [(1, Outcome.UNKNOWN)]


async def test_a_refusal_that_is_said_twice_is_one() -> None:
    said = await send(batch(ANN, BOB), answer([error(BOB), error(BOB)], created=1))
    assert [each.index for each in said] == [1]


async def test_a_refused_address_is_not_accepted_even_if_it_is_also_named_as_written() -> None:
    members: dict[str, Any] = {"new_members": [{"email_address": ANN}, {"email_address": BOB}]}
    said = await send(batch(ANN, BOB), answer([error(BOB)], created=2, **members))
    assert [(each.index, each.outcome) for each in said] == [(1, Outcome.REFUSED)]


@pytest.mark.parametrize(
    "nonsense",
    [
        *NONSENSE,
        {"errors": []},
        {"errors": [], "total_created": 1},
        {"errors": [], "total_created": "2", "total_updated": "0"},
        {"errors": [], "total_created": None, "total_updated": 2},
        {"errors": ["no"], "total_created": 1, "total_updated": 0},
        {"errors": [{}], "total_created": 1, "total_updated": 0},
        {"errors": [{"email_address": None}], "total_created": 1, "total_updated": 0},
        answer(created=1, new_members=7),
        answer(created=1, new_members=[{}]),
        answer(created=1, updated_members=[None]),
    ],
    ids=repr,
)
async def test_an_answer_that_makes_no_sense_is_tried_later(nonsense: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await send(batch(ANN, BOB), nonsense)


@pytest.mark.parametrize("said", [None, 7, [], {"a": 1}])
async def test_words_that_are_no_text_refuse_the_profile_all_the_same(said: Any) -> None:
    strange = {"email_address": BOB, "error": said, "error_code": said}
    [outcome] = await send(batch(ANN, BOB), answer([strange], created=1))
    assert (outcome.index, outcome.outcome) == (1, Outcome.REFUSED)
    assert isinstance(outcome.reason, str)
    assert isinstance(outcome.code, str)


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([ANN, BOB, EVE, "x"])
members = st.lists(st.fixed_dictionaries({"email_address": scalars}) | scalars, max_size=3)
errors = st.lists(
    st.fixed_dictionaries(
        {"email_address": scalars},
        optional={"error": scalars, "error_code": scalars | st.just("ERROR_CONTACT_EXISTS")},
    )
    | scalars,
    max_size=3,
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "errors": errors | scalars,
        "total_created": scalars,
        "total_updated": scalars,
        "new_members": members | scalars,
        "updated_members": members | scalars,
    },
)


@settings(max_examples=400, deadline=None)
@given(answers | scalars)
async def test_whatever_comes_back_nobody_is_accepted_who_may_not_be(given: Any) -> None:
    sent = (ANN, BOB, EVE)
    try:
        said = await send(batch(*sent), given)
    except TryLater:
        return
    assert len({each.index for each in said}) == len(said)
    assert all(0 <= each.index < len(sent) for each in said)
    accepted = set(sent) - {sent[each.index] for each in said}
    errors = given["errors"] or ()
    blamed = {error["email_address"] for error in errors}
    exists = "ERROR_CONTACT_EXISTS"
    assert not accepted & {e["email_address"] for e in errors if e.get("error_code") != exists}
    written = given["total_created"] + given["total_updated"]
    if not blamed <= set(sent) or written + len(blamed) != len(sent):
        written_ones = [*given.get("new_members", ()), *given.get("updated_members", ())]
        assert accepted <= blamed | {member["email_address"] for member in written_ones}


def test_every_field_has_a_way_to_be_written() -> None:
    assert [field.name for field in MAILCHIMP.fields] == ["email", "first_name", "last_name"]
    assert [field.required for field in MAILCHIMP.fields] == [True, False, False]
