"""Mailchimp's file: what its answers say of each profile."""

import tracemalloc
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.batch import Batch
from shared.destinations.mailchimp.answers import read
from shared.destinations.model import Sent, Target
from shared.domain.errors import BatchRefused, TryLater
from shared.domain.message import Message, say
from shared.domain.outcomes import Outcome, RowOutcome
from shared.transport.verdict import understood
from tests.destinations.says import MAILCHIMP, NONSENSE, Says

TARGET = Target("a1")


def batch(*addresses: str) -> Batch:
    fragments = [orjson.dumps({"email_address": address}) for address in addresses]
    origins = "\t".join(f"0:{row}" for row in range(2, len(addresses) + 2))
    return Batch(
        origins.encode(), "\t".join(addresses).encode(), b",\n".join(fragments), len(addresses)
    )


async def send(sent: Batch, answer: Any) -> list[RowOutcome]:
    return list((await MAILCHIMP.send(Says(a1=answer), TARGET, sent)).outcomes)


def answer(
    errors: Sequence[Mapping[str, Any]] = (), created: int = 0, updated: int = 0, **more: Any
) -> Any:
    counts = {"total_created": created, "total_updated": updated, "error_count": len(errors)}
    return {"errors": list(errors), **counts, **more}


def error(address: str, text: str = "No.", code: str = "ERROR_GENERIC") -> dict[str, str]:
    return {"email_address": address, "error": text, "error_code": code}


ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"


async def test_a_batch_is_sent_as_it_was_prepared_and_updates_existing_members() -> None:
    says = Says(a1=answer(created=2))
    assert await MAILCHIMP.send(says, TARGET, batch(ANN, BOB)) == Sent()
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


@pytest.mark.parametrize(
    "spelling", [" Bob@Example.COM ", BOB.upper(), f"{BOB}\n", f'"{BOB}"', f"<{BOB}>"]
)
async def test_an_address_that_comes_back_in_another_spelling_is_the_same(spelling: str) -> None:
    said = await send(batch(ANN, BOB), answer([error(spelling)], updated=1))
    assert [(each.index, each.outcome) for each in said] == [(1, Outcome.REFUSED)]


@pytest.mark.parametrize("spelling", ["bob@bücher.example", "Bob@BÜCHER.example"])
async def test_a_domain_may_come_back_in_its_own_script(spelling: str) -> None:
    sent = batch(ANN, "bob@xn--bcher-kva.example")
    said = await send(sent, answer([error(spelling)], created=1))
    assert [(each.index, each.outcome) for each in said] == [(1, Outcome.REFUSED)]


async def test_an_address_is_no_reason() -> None:
    address = "unsubscribed+bounced@example.com"
    text = f"{address} looks fake or invalid, please enter a real email address."
    said = await send(batch(ANN, address), answer([error(address, text)], created=1))
    assert [each.outcome for each in said] == [Outcome.REFUSED]


async def test_the_field_that_is_at_fault_is_named() -> None:
    fault = {"field": "LTV", "field_message": "Please enter a number"}
    wrong = error(BOB, "Your merge fields were invalid.") | fault
    [said] = await send(batch(ANN, BOB), answer([wrong], created=1))
    assert said.reason == "Your merge fields were invalid. LTV: Please enter a number"


REFUSALS = {
    "invalid_resource": ("Your merge fields were invalid.", Outcome.REFUSED),
    "member_in_compliance_state": ("No.", Outcome.SUPPRESSED),
    "forgotten_email_not_subscribed": ("No.", Outcome.SUPPRESSED),
    "http_400": (f"{BOB} was permanently deleted and cannot be re-imported.", Outcome.SUPPRESSED),
}


@pytest.mark.parametrize("code", REFUSALS)
async def test_a_refusal_of_one_profile_alone_says_what_became_of_it(code: str) -> None:
    words, outcome = REFUSALS[code]
    reason = Message(text=words)
    with pytest.raises(BatchRefused) as refused:
        await send(batch(BOB), BatchRefused(code, reason))
    assert refused.value.guilty == [RowOutcome(0, outcome, code, reason)]


async def test_a_refusal_of_several_profiles_names_nobody() -> None:
    with pytest.raises(BatchRefused) as refused:
        await send(batch(ANN, BOB), BatchRefused("member_in_compliance_state", say("No.")))
    assert not refused.value.guilty


@pytest.mark.parametrize(
    "content",
    [b"<html>", b"", b'{"errors":[],"total_crea', b"\xff", b'{"new_members":' + b"[" * 100_000],
    ids=lambda content: content[:20],
)
def test_an_answer_that_is_cut_off_or_no_json_is_tried_later(content: bytes) -> None:
    response = httpx.Response(200, content=content)
    with pytest.raises(TryLater):
        understood("Mailchimp", response, MAILCHIMP.explain, read)


def test_what_is_not_needed_of_an_answer_is_not_kept() -> None:
    member = {"email_address": ANN, "merge_fields": {"FNAME": "A" * 3_000}}
    large = answer(created=500, new_members=[member] * 500)
    content = orjson.dumps(large)
    tracemalloc.start()
    read(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(content) > 1_500_000
    assert peak < 150_000


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
