"""Mailchimp's file: how profiles are written, and what was said of each."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.protocol import Batch, Encode, RowOutcome, Sent, Target
from shared.domain.errors import TryLater
from shared.domain.outcomes import Outcome
from tests.destinations.says import MAILCHIMP, NONSENSE, Says

BOTH = Target("a1", ["last_name", "first_name"])
AUDIENCE = {"id": "a1", "name": "News", "double_optin": False}
BOTH_TAGS = {"merge_fields": [{"tag": "FNAME"}, {"tag": "LNAME"}]}


async def encoder(audience: Any = AUDIENCE, tags: Any = BOTH_TAGS) -> Encode:
    says = Says(a1=audience, merge_fields=tags)
    return (await MAILCHIMP.encoder(says, BOTH)).encode


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
    made = await MAILCHIMP.encoder(says, BOTH)
    assert orjson.loads(made.encode("a@x.com", ["Lee", "Ann"]))["merge_fields"] == {"LNAME": "Lee"}
    assert list(made.notes()) == ["The list no longer has the field FNAME; it is left out."]


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


def batch(*addresses: str) -> Batch:
    fragments = [orjson.dumps({"email_address": address}) for address in addresses]
    origins = "\t".join(f"0:{row}" for row in range(2, len(addresses) + 2))
    return Batch(
        origins.encode(), "\t".join(addresses).encode(), b",\n".join(fragments), len(addresses)
    )


async def send(sent: Batch, answer: Any) -> list[RowOutcome]:
    return list((await MAILCHIMP.send(Says(a1=answer), BOTH, sent, None)).outcomes)


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
    assert await MAILCHIMP.send(says, BOTH, batch(ANN, BOB), None) == Sent()
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


@settings(max_examples=250, deadline=None)
@given(answers | scalars)
async def test_whatever_comes_back_nobody_is_accepted_who_may_not_be(given: Any) -> None:
    sent = (ANN, BOB, EVE)
    try:
        said = await send(batch(*sent), given)
    except TryLater:
        return
    named = {each.index for each in said}
    assert len(named) == len(said)
    assert named <= set(range(len(sent)))
    accepted = {address for at, address in enumerate(sent) if at not in named}
    errors = given["errors"] or ()
    blamed = {error["email_address"] for error in errors}
    exists = "ERROR_CONTACT_EXISTS"
    assert not accepted & {e["email_address"] for e in errors if e.get("error_code") != exists}
    written = given["total_created"] + given["total_updated"]
    if not blamed <= set(sent) or written + len(blamed) != len(sent):
        written_ones = [*given.get("new_members", ()), *given.get("updated_members", ())]
        assert accepted <= blamed | {member["email_address"] for member in written_ones}
