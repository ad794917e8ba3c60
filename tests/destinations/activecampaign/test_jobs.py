"""ActiveCampaign's file: who is at fault in a refused import, and what becomes of queued ones."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.sandbox.activecampaign.settings import Ending, Settings
from local.sandbox.kit.faults import Fault
from shared.destinations.activecampaign.answers import ImportRefused
from shared.destinations.activecampaign.jobs import Numbering
from shared.destinations.batch import Batch
from shared.destinations.model import Target
from shared.domain.email import normal_form
from shared.domain.errors import BatchRefused, NeedsAttention, TryLater
from shared.domain.message import say
from shared.domain.outcomes import Outcome
from shared.runs.send.batch_sender import BatchResult, BatchSender
from shared.runs.state.cancellation import CancelSign
from tests.destinations.activecampaign.sandboxed import ACTIVECAMPAIGN, World, completed, polled
from tests.destinations.batches import Kept, batch, job
from tests.destinations.says import NONSENSE, Says
from tests.fakes.clock import FakeClock
from tests.fakes.storage import memory_storage

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
WHY = "Field 'email' incorrect format"


def refusal(*numbers: int, account: str = "https://acme.api-us1.com") -> ImportRefused:
    return ImportRefused(account, [(number, WHY) for number in numbers])


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


async def delivered(world: World, sent: Batch) -> BatchResult:
    """Send a batch as the engine does, in as many requests as that takes."""
    api = world.api()
    sign = CancelSign(memory_storage(world.clock).bookmarks, world.clock, "run")
    sender = BatchSender(world.clock, world.destination, api, api.pace, Target("1"), sign)
    return await sender.send(sent)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.sampled_from([0, 1]))
async def test_only_the_guilty_are_refused_whoever_they_are_and_however_they_are_counted(
    bad: list[bool], base: Literal[0, 1]
) -> None:
    world = World()
    world.account.settings = Settings(index_base=base)
    addresses = [f"{'refused' if no else 'ok'}+{at}@example.com" for at, no in enumerate(bad)]
    result = await delivered(world, batch(*addresses))
    refused = {each.index for each in result.outcomes}
    assert refused == {at for at, no in enumerate(bad) if no}
    assert len(result.outcomes) == len(refused)
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
    world.account.settings = Settings(index_base=base)
    sent = [f"ok{at}@example.com" for at in range(250)]
    sent[120] = "refused+@example.com"
    for requests in (4, 2):
        world.wire.requests.clear()
        result = await delivered(world, batch(*sent))
        assert [each.index for each in result.outcomes] == [120]
        assert len(world.wire.requests) <= requests


@pytest.mark.parametrize("status", [False, "waiting", "claimed", "active"])
async def test_an_import_that_is_under_way_is_not_over(status: Any) -> None:
    said = {"status": status, "success": [], "failure": []}
    assert await polled(said, batch(ANN)) == []
    assert await polled({"status": status}, batch(ANN)) == []


@pytest.mark.parametrize("status", ["failed", "interrupted"])
async def test_an_import_that_ended_otherwise_did_nothing(status: str) -> None:
    [finished] = await polled({"status": status, "failure": [ANN]}, batch(ANN))
    assert finished.outcomes == ()
    assert str(finished.failed) == f"ActiveCampaign ended the import as {status}."


@pytest.mark.parametrize("failure", [[], {}])
@pytest.mark.parametrize("success", [[], ["1"], ["1", "2", "3"]])
async def test_who_is_not_in_failure_is_accepted_whatever_success_holds(
    failure: Any, success: list[str]
) -> None:
    [finished] = await polled(completed(failure, success), batch(ANN, BOB))
    assert (finished.outcomes, finished.failed) == ((), None)


@pytest.mark.parametrize(
    "failure", [[" BOB@Example.com", EVE], {"0": BOB, "7": "Eve@example.com "}, [EVE, BOB, BOB]]
)
async def test_who_failed_is_found_again_whatever_the_shape_and_the_spelling(failure: Any) -> None:
    [finished] = await polled(completed(failure), batch(ANN, BOB, EVE))
    assert [each.index for each in finished.outcomes] == [1, 2]
    assert {(each.outcome, each.code) for each in finished.outcomes} == {
        (Outcome.REFUSED, "no_reason")
    }


async def test_a_domain_in_its_own_script_is_found_again() -> None:
    sent = batch(normal_form("ann@bücher.example"))
    [finished] = await polled(completed(["Ann@Bücher.example"]), sent)
    assert [each.index for each in finished.outcomes] == [0]


async def test_who_failed_under_another_name_is_counted_all_the_same() -> None:
    [finished] = await polled(completed([BOB, "somebody@else.example"]), batch(ANN, BOB))
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
        await polled(answer, batch(ANN))


@pytest.mark.parametrize("kind", ["cut-200", "odd-200", "html-200", "login-200", "429", "500"])
async def test_news_that_is_lost_or_spoilt_ends_no_import(kind: Any) -> None:
    world = World()
    api = world.api()
    sent = await world.destination.send(api, Target("1"), batch(ANN))
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
            raise TryLater(say("busy"))
        return completed([])

    says = Says(info=told)
    with pytest.raises(TryLater, match="busy"):
        await ACTIVECAMPAIGN.poll(
            says, [job(key, 1, FakeClock()) for key in "abc"], Kept(batch(ANN))
        )
    assert len(says.asked) == 3


@pytest.mark.parametrize("ending", ["failed", "interrupted"])
async def test_an_import_of_the_sandbox_that_ends_otherwise_is_to_be_sent_again(
    ending: Ending,
) -> None:
    world = World()
    world.account.imports.endings.append(ending)
    api = world.api()
    began = await world.destination.send(api, Target("1"), batch(ANN, BOB))
    assert began.job
    one = job(began.job, 2, world.clock)
    assert await world.destination.poll(api, [one], Kept(batch(ANN, BOB))) == []
    world.clock.advance(60)
    [finished] = await world.destination.poll(api, [one], Kept(batch(ANN, BOB)))
    assert finished.failed
