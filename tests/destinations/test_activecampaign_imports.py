"""ActiveCampaign's file: who is at fault in a refused import, what becomes of others, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.sandbox.activecampaign.contacts import ACTIVE, UNSUBSCRIBED
from local.sandbox.activecampaign.knobs import Ending, Knobs
from local.sandbox.activecampaign.state import Exclusion
from local.sandbox.faults import Fault
from shared.destinations.activecampaign import ActiveCampaign
from shared.destinations.activecampaign_answers import Refusal
from shared.destinations.activecampaign_imports import Numbering, reasons
from shared.destinations.protocol import Batch, Finished, Target
from shared.domain.email import normal_form
from shared.domain.errors import BatchRefused, NeedsAttention, TryLater
from shared.domain.outcomes import Outcome, RowOutcome
from shared.exports.deliver import Answer, Delivery
from tests.destinations.activecampaign import ACTIVECAMPAIGN, SUFFIXES, World
from tests.destinations.batches import Kept, batch, job
from tests.destinations.says import NONSENSE, Says
from tests.fakes.clock import FakeClock

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
REPORTS = "https://ours.test/reports/run/token"
WHY = "Field 'email' incorrect format"


def refusal(*numbers: int, account: str = "https://acme.api-us1.com") -> Refusal:
    return Refusal(account, [(number, WHY) for number in numbers])


def guilty(refused: BatchRefused) -> list[int | None]:
    return [each.index for each in refused.guilty]


@pytest.mark.parametrize(
    ("numbers", "size", "found"), [((0, 3), 5, [0, 3]), ((3, 5), 5, [2, 4]), ((1,), 1, [0])]
)
def test_the_first_and_the_last_number_tell_where_counting_begins(
    numbers: Sequence[int], size: int, found: list[int]
) -> None:
    judged = Numbering().judged(refusal(*numbers), size)
    assert guilty(judged) == found
    assert {each.outcome for each in judged.guilty} == {Outcome.REFUSED}
    assert {each.reason for each in judged.guilty} == {WHY}


@pytest.mark.parametrize(
    ("numbers", "size", "cut"),
    [((3,), 5, 3), ((4, 3, 2), 5, 2), ((1,), 5, 1), ((1, 2), 5, 2), ((1, 4), 5, 1), ((1,), 2, 1)],
)
def test_a_number_in_doubt_is_where_the_import_is_cut_to_find_out(
    numbers: Sequence[int], size: int, cut: int
) -> None:
    judged = Numbering().judged(refusal(*numbers), size)
    assert (guilty(judged), judged.cut) == ([], cut)


@pytest.mark.parametrize("numbers", [(6,), (0, 5), (2, 77), (10**9 - 1,)])
@pytest.mark.parametrize("known", [0, 1])
def test_numbers_that_make_no_sense_name_nobody_and_forget_what_was_found_out(
    numbers: Sequence[int], known: int
) -> None:
    numbering = Numbering()
    numbering.judged(refusal(known * 5), 5)
    assert guilty(numbering.judged(refusal(2), 5)) == [2 - known]
    judged = numbering.judged(refusal(*numbers), 5)
    assert (guilty(judged), judged.cut) == ([], None)
    assert numbering.judged(refusal(2), 5).cut == 2


def test_what_was_found_out_is_found_wrong_as_soon_as_it_shows() -> None:
    numbering = Numbering()
    assert guilty(numbering.judged(refusal(0), 5)) == [0]
    assert guilty(numbering.judged(refusal(5), 5)) == [4]
    assert guilty(numbering.judged(refusal(0), 5)) == [0]


def test_each_account_may_count_in_its_own_way() -> None:
    numbering = Numbering()
    numbering.judged(refusal(0, account="a"), 5)
    numbering.judged(refusal(5, account="b"), 5)
    assert guilty(numbering.judged(refusal(2, account="a"), 5)) == [2]
    assert guilty(numbering.judged(refusal(2, account="b"), 5)) == [1]
    assert numbering.judged(refusal(2, account="c"), 5).cut == 2


async def delivered(world: World, sent: Batch) -> Answer:
    """Send a batch as the engine does, in as many requests as that takes."""
    api = world.api()
    delivery = Delivery(world.clock, world.destination, api, api.pace, Target("1"))
    return await delivery.deliver(sent)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.sampled_from([0, 1]))
async def test_only_the_guilty_are_refused_whoever_they_are_and_however_they_are_counted(
    bad: list[bool], base: Literal[0, 1]
) -> None:
    world = World()
    world.account.knobs = Knobs(index_base=base)
    addresses = [f"{'refused' if no else 'ok'}+{at}@example.com" for at, no in enumerate(bad)]
    answer = await delivered(world, batch(*addresses))
    refused = {each.index for each in answer.outcomes}
    assert refused == {at for at, no in enumerate(bad) if no}
    assert len(answer.outcomes) == len(refused)
    world.clock.advance(60)
    world.sandbox.settle()
    held = {each.email for each in world.account.contacts.after(0)}
    assert held == {each for each, no in zip(addresses, bad, strict=True) if not no}
    assert not world.account.exceeded


@pytest.mark.parametrize("base", [0, 1])
async def test_once_it_is_known_how_contacts_are_counted_a_bad_one_costs_one_request(
    base: Literal[0, 1],
) -> None:
    world = World()
    world.account.knobs = Knobs(index_base=base)
    sent = [f"ok{at}@example.com" for at in range(250)]
    sent[120] = "refused+@example.com"
    for requests in (4, 2):
        world.wire.requests.clear()
        answer = await delivered(world, batch(*sent))
        assert [each.index for each in answer.outcomes] == [120]
        assert len(world.wire.requests) <= requests


async def poll(
    answer: Any,
    sent: Batch,
    *said: bytes,
    age: float = 0,
    expects_reports: bool = False,
) -> Sequence[Finished]:
    clock = FakeClock()
    one = job("b-1", sent.size, clock)
    clock.advance(age)
    destination = ActiveCampaign("", SUFFIXES, expects_reports, clock)
    return await destination.poll(Says(info=answer), [one], Kept(sent, said))


def completed(failure: Any, success: Sequence[str] = ("1",)) -> Mapping[str, Any]:
    return {"status": "completed", "success": success, "failure": failure}


@pytest.mark.parametrize("status", [False, "waiting", "claimed", "active"])
async def test_an_import_that_is_under_way_is_not_over(status: Any) -> None:
    said = {"status": status, "success": [], "failure": []}
    assert await poll(said, batch(ANN)) == []
    assert await poll({"status": status}, batch(ANN)) == []


@pytest.mark.parametrize("status", ["failed", "interrupted"])
async def test_an_import_that_ended_otherwise_did_nothing(status: str) -> None:
    [finished] = await poll({"status": status, "failure": [ANN]}, batch(ANN))
    assert finished.outcomes == ()
    assert finished.failed == f"ActiveCampaign ended the import as {status}."


@pytest.mark.parametrize("failure", [[], {}])
@pytest.mark.parametrize("success", [[], ["1"], ["1", "2", "3"]])
async def test_who_is_not_in_failure_is_accepted_whatever_success_holds(
    failure: Any, success: list[str]
) -> None:
    [finished] = await poll(completed(failure, success), batch(ANN, BOB))
    assert (finished.outcomes, finished.failed) == ((), None)


@pytest.mark.parametrize(
    "failure", [[" BOB@Example.com", EVE], {"0": BOB, "7": "Eve@example.com "}, [EVE, BOB, BOB]]
)
async def test_who_failed_is_found_again_whatever_the_shape_and_the_spelling(failure: Any) -> None:
    [finished] = await poll(completed(failure), batch(ANN, BOB, EVE))
    assert [each.index for each in finished.outcomes] == [1, 2]
    assert {(each.outcome, each.code) for each in finished.outcomes} == {
        (Outcome.REFUSED, "no_reason")
    }


async def test_a_domain_in_its_own_script_is_found_again() -> None:
    sent = batch(normal_form("ann@bücher.example"))
    [finished] = await poll(completed(["Ann@Bücher.example"]), sent)
    assert [each.index for each in finished.outcomes] == [0]


async def test_who_failed_under_another_name_is_counted_all_the_same() -> None:
    [finished] = await poll(completed([BOB, "somebody@else.example"]), batch(ANN, BOB))
    assert [(each.index, each.outcome) for each in finished.outcomes] == [
        (1, Outcome.REFUSED),
        (None, Outcome.REFUSED),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        {"status": None},
        {"status": True},
        {"status": ["completed"]},
        {"status": "done", "failure": []},
        {"status": "completed"},
        completed(None),
        completed("none"),
        completed(0),
        completed([7]),
        completed([[ANN]]),
        completed({"email": [ANN]}),
    ],
)
async def test_news_that_makes_no_sense_is_asked_for_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await poll(answer, batch(ANN))


@pytest.mark.parametrize("kind", ["cut-200", "odd-200", "html-200", "login-200", "429", "500"])
async def test_news_that_is_lost_or_spoilt_ends_no_import(kind: Any) -> None:
    world = World()
    api = world.api()
    sent = await world.destination.send(api, Target("1"), batch(ANN), None)
    assert sent.job
    one = job(sent.job, 1, world.clock)
    world.clock.advance(60)
    world.sandbox.faults.queued.append(Fault(kind=kind, path="*/info"))
    with pytest.raises((TryLater, NeedsAttention)):
        await world.destination.poll(api, [one], Kept(batch(ANN)))
    [finished] = await world.destination.poll(api, [one], Kept(batch(ANN)))
    assert (finished.outcomes, finished.failed) == ((), None)


async def test_each_import_is_asked_about_and_those_that_are_over_are_told() -> None:
    states = {"a": completed([]), "b": {"status": "active"}, "c": {"status": "failed"}}
    says = Says(info=lambda params: states[params["batchId"]])
    jobs = [job(key, 1, FakeClock()) for key in states]
    over = await ACTIVECAMPAIGN.poll(says, jobs, Kept(batch(ANN)))
    assert [each.job.id for each in over] == ["a", "c"]


async def test_one_import_that_cannot_be_asked_about_is_an_error_of_the_look() -> None:
    def told(params: Mapping[str, str]) -> Any:
        if params["batchId"] == "b":
            raise TryLater("busy")
        return completed([])

    says = Says(info=told)
    with pytest.raises(TryLater, match="busy"):
        await ACTIVECAMPAIGN.poll(
            says, [job(key, 1, FakeClock()) for key in "abc"], Kept(batch(ANN))
        )
    assert len(says.asked) == 3


@pytest.mark.parametrize(
    "why",
    [
        "Contact has unsubscribed from the list",
        "Email is on the exclusion list",
        "Excluded",
        "Hard bounce",
        "Contact opted out",
        "Suppressed address",
    ],
)
async def test_who_said_no_is_suppressed_with_the_vendors_words(why: str) -> None:
    report = orjson.dumps({"failures": [{"email": ANN, "error": why}]})
    [finished] = await poll(completed([ANN]), batch(ANN), report)
    assert finished.outcomes == [RowOutcome(0, Outcome.SUPPRESSED, "not_imported", why)]


async def test_other_reasons_are_refusals_and_a_report_refuses_nobody_by_itself() -> None:
    failures = [{"email": ANN, "error": "Invalid email address"}, {"email": BOB, "error": "No."}]
    report = orjson.dumps({"failures": failures})
    [finished] = await poll(completed([ANN]), batch(ANN, BOB), report)
    assert finished.outcomes == [
        RowOutcome(0, Outcome.REFUSED, "not_imported", "Invalid email address")
    ]


HALF = orjson.dumps([{"email": ANN, "error": "No."}])


@pytest.mark.parametrize(
    ("reports", "age", "expects_reports", "is_over"),
    [
        ((), 59, True, False),
        ((), 60, True, True),
        ((), 0, False, True),
        ((HALF,), 59, True, False),
        ((HALF,), 60, True, True),
        ((b"nonsense",), 59, True, False),
        ((HALF, orjson.dumps([{"email": BOB, "error": "No."}])), 0, True, True),
    ],
)
async def test_a_report_is_waited_for_a_minute_and_only_for_who_failed(
    reports: Sequence[bytes], age: float, expects_reports: bool, is_over: bool
) -> None:
    over = await poll(
        completed([ANN, BOB]), batch(ANN, BOB), *reports, age=age, expects_reports=expects_reports
    )
    assert bool(over) is is_over
    assert await poll(completed([]), batch(ANN, BOB), expects_reports=True)


async def test_without_a_report_a_failure_is_told_without_a_reason() -> None:
    [finished] = await poll(completed([ANN, BOB]), batch(ANN, BOB), HALF, age=60)
    first, second = finished.outcomes
    assert first.reason == "No."
    assert "gave no reason" in second.reason


class Postbox(httpx.AsyncBaseTransport):
    """The address of reports; it keeps what is posted there."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.posted.append((str(request.url), await request.aread()))
        return httpx.Response(204)


@pytest.mark.parametrize(("callbacks", "times"), [("once", 1), ("twice", 2), ("never", 0)])
async def test_who_left_bounced_or_is_excluded_is_told_apart_if_a_report_comes(
    callbacks: Literal["once", "twice", "never"], times: int
) -> None:
    world = World(expects_reports=True)
    world.account.knobs = Knobs(callbacks=callbacks)
    world.account.contacts.put(BOB, {}, 0).lists = ((1, UNSUBSCRIBED),)
    world.account.exclusions.append(Exclusion("@excluded.example", "end"))
    api, target = world.api(), Target("1", report_url=REPORTS)
    encode = (await world.destination.encoder(api, target)).encode
    addresses = (ANN, BOB, "bounced+1@example.com", "eve@excluded.example")
    joined = b",\n".join(encode(each, ()) for each in addresses)
    sent = replace(batch(*addresses, number=3), joined=joined)
    began = await world.destination.send(api, target, sent, None)
    assert began.job
    one = job(began.job, 4, world.clock)
    world.clock.advance(30)
    assert await world.destination.poll(api, [one], Kept(sent)) == []
    postbox = Postbox()
    async with httpx.AsyncClient(transport=postbox) as client:
        await world.sandbox.deliver_callbacks(client)
    assert [url for url, _ in postbox.posted] == [f"{REPORTS}/3"] * times
    world.clock.advance(0 if times else 30)
    said = [body for _, body in postbox.posted]
    [finished] = await world.destination.poll(api, [one], Kept(sent, said))
    outcome = Outcome.SUPPRESSED if times else Outcome.REFUSED
    told = {each.index: each.outcome for each in finished.outcomes}
    assert told == {1: outcome, 2: outcome, 3: outcome}
    lists = {each.email: dict(each.lists) for each in world.account.contacts.after(0)}
    assert lists == {ANN: {1: ACTIVE}, BOB: {1: UNSUBSCRIBED}}


@pytest.mark.parametrize("ending", ["failed", "interrupted"])
async def test_an_import_of_the_sandbox_that_ends_otherwise_is_to_be_sent_again(
    ending: Ending,
) -> None:
    world = World()
    world.account.imports.endings.append(ending)
    api = world.api()
    began = await world.destination.send(api, Target("1"), batch(ANN, BOB), None)
    assert began.job
    one = job(began.job, 2, world.clock)
    assert await world.destination.poll(api, [one], Kept(batch(ANN, BOB))) == []
    world.clock.advance(60)
    [finished] = await world.destination.poll(api, [one], Kept(batch(ANN, BOB)))
    assert finished.failed


def form(**fields: Any) -> bytes:
    return urlencode(fields).encode()


WORDS = "It has bounced."
REPORTED: Mapping[str, bytes] = {
    "objects": orjson.dumps({"success": 1, "failures": [{"email": ANN, "error": WORDS}]}),
    "objects of other names": orjson.dumps([{"address": " ANN@example.com ", "why": WORDS}]),
    "objects with more in them": orjson.dumps(
        {"contact": {"email": ANN, "first_name": "Ann Elizabeth Theodora", "errorText": WORDS}}
    ),
    "texts by address": orjson.dumps({"errors": {ANN: WORDS}}),
    "lists of texts by address": orjson.dumps({"errors": {ANN: [WORDS]}}),
    "texts that hold the address": orjson.dumps({"errors": [f"{ANN}: {WORDS}", "other"]}),
    "a text with the address in brackets": orjson.dumps([f"Contact <{ANN}>. {WORDS}"]),
    "an object in a text in a form": form(results=orjson.dumps({ANN: WORDS}).decode()),
    "a form of one": form(email=ANN, error=WORDS, success="1"),
    "a form of groups": urlencode(
        {
            "failures[0][email]": ANN,
            "failures[0][error]": WORDS,
            "failures[1][email]": BOB,
            "failures[1][error]": "No.",
        }
    ).encode(),
    "a form by address": urlencode({f"errors[{ANN}]": WORDS}).encode(),
}


@pytest.mark.parametrize("report", REPORTED.values(), ids=REPORTED)
def test_reasons_are_found_whatever_the_shape_of_a_report(report: bytes) -> None:
    assert WORDS in reasons(report)[ANN]


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"null",
        b"7",
        b"[]",
        b'{"failures": []}',
        b'{"failures": 1',
        b"\xff\xfe",
        b"<html>ann</html>",
        b"[" * 5_000,
        b"[" * 500 + b"]" * 500,
        orjson.dumps({"email": ANN}),
        orjson.dumps({"email": ANN, "error": ""}),
        orjson.dumps([ANN, BOB]),
        orjson.dumps({"failure": [ANN]}),
        orjson.dumps([{"from": ANN, "to": BOB, "error": WORDS}]),
        orjson.dumps([f"{ANN} and {BOB} failed"]),
        orjson.dumps({ANN: None, BOB: 7}),
    ],
)
def test_a_report_without_a_reason_for_one_address_gives_none(report: bytes) -> None:
    assert reasons(report) == {}


LONG = "x" * 5_000


@pytest.mark.parametrize(
    "report", [{ANN: LONG}, {ANN: [LONG]}, {"email": ANN, "error": LONG}, [f"{ANN} {LONG}"]]
)
def test_a_reason_is_cut_where_it_would_fill_a_page(report: Any) -> None:
    assert len(reasons(orjson.dumps(report))[ANN]) == 300


TEXTS = st.text("aB@. :", max_size=12) | st.just(ANN) | st.text(max_size=5)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | SHAPES.map(orjson.dumps) | TEXTS.map(str.encode))
def test_whatever_is_posted_gives_reasons_of_addresses_in_their_normal_form(report: bytes) -> None:
    for address, why in reasons(report).items():
        assert "@" in address
        assert address == normal_form(address)
        assert why.strip()
