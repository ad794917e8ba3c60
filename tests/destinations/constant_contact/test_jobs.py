"""Constant Contact's file: how profiles are written, how imports begin, and what becomes of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.sandbox.constant_contact.contacts import Contact
from local.sandbox.constant_contact.settings import Settings
from local.sandbox.constant_contact.state import CustomField
from local.sandbox.kit.faults import Fault
from shared.destinations.batch import Batch
from shared.destinations.constant_contact.destination import ConstantContact
from shared.destinations.contract import Encoder
from shared.destinations.model import Client, FinishedJob, InvalidProfile, Target
from shared.domain.errors import (
    BatchRefused,
    Culprit,
    DailyQuotaExhausted,
    DestinationError,
    NeedsAttention,
    RateLimited,
    TryLater,
)
from shared.domain.outcomes import Outcome
from tests.contract.wire import needs_specs, violations
from tests.destinations.batches import Kept, batch, job
from tests.destinations.constant_contact.sandboxed import CONSTANT_CONTACT, World
from tests.destinations.encoding.alike import plain
from tests.destinations.says import NONSENSE, Says
from tests.fakes.clock import FakeClock

LIST = {"list_id": "a1", "name": "News", "deleted_at": None}
CUSTOM = {
    "custom_fields": [
        {"name": "shoe", "label": "Shoe size", "type": "string"},
        {"name": "bought", "label": "Last purchase", "type": "date"},
    ]
}


async def encoder(
    *fields: str,
    clears: Sequence[str] = (),
    destination: ConstantContact = CONSTANT_CONTACT,
    custom: Any = CUSTOM,
    strict: bool = False,
) -> Encoder:
    says = Says(a1=LIST, contact_custom_fields=custom)
    return await destination.encoder(says, Target("a1", fields, clears, strict_fields=strict))


async def test_many_profiles_at_once_are_written_as_each_by_itself() -> None:
    made = await encoder("last_name", "phone", "cf:shoe", "cf:bought", clears=["cf:shoe"])
    rows = [
        (" Ann@Example.com", [" Łee ", "404-555-1212", "38½", "2026-11-24T10:00:00Z"]),
        ("bob@example.com", ["", "", "", ""]),
        (f"{'a' * 30}@{'b' * 15}.com", ["", "", "", ""]),  # 50 characters
        (f"{'a' * 30}@{'b' * 16}.com", ["", "", "", ""]),
        ("eve@example.com", ["", "none", "", ""]),
    ]
    assert plain(made, rows, 4) == [True, True, True, False, True]


async def test_a_profile_is_written_with_the_mapped_fields_and_no_permission() -> None:
    made = await encoder("last_name", "phone", "cf:shoe", "cf:bought", "first_name")
    cells = [" Łee ", "404-555-1212", "38½", "2026-11-24T10:00:00Z", ""]
    assert orjson.loads(made.encode("ann@example.com", cells)) == {
        "email": "ann@example.com",
        "last_name": "Łee",
        "phone": "404-555-1212",
        "cf:shoe": "38½",
        "cf:bought": "11/24/2026",
    }
    assert list(map(str, made.notes())) == []


async def test_dates_can_be_written_in_another_way() -> None:
    iso = ConstantContact(Client("", ""), "", "", date_format="%Y-%m-%d")
    made = await encoder("cf:bought", destination=iso)
    assert orjson.loads(made.encode("a@b.pl", ["11/24/2026"]))["cf:bought"] == "2026-11-24"


async def test_an_empty_cell_clears_only_what_the_export_says() -> None:
    made = await encoder("first_name", "cf:shoe", clears=["cf:shoe"])
    assert orjson.loads(made.encode("a@b.pl", ["", " "])) == {"email": "a@b.pl", "cf:shoe": ""}


async def test_long_text_is_cut_and_noted_and_long_addresses_are_refused() -> None:
    made = await encoder("first_name", "cf:shoe")
    domain = "example.com"
    at_most = "a" * (80 - len(domain) - 1) + "@" + domain
    sent = orjson.loads(made.encode(at_most, ["ż" * 51, "s" * 256]))
    assert (len(sent["first_name"]), len(sent["cf:shoe"])) == (50, 255)
    with pytest.raises(InvalidProfile, match="Email must be at most 80 characters long"):
        made.encode("a" + at_most, ["", ""])
    assert list(map(str, made.notes())) == [
        "1 value of First name was longer than 50 characters and was cut.",
        "1 value of Shoe size was longer than 255 characters and was cut.",
        "Addresses longer than 50 characters: 1. Constant Contact may refuse them.",
    ]


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("phone", "1" * 26, "Phone must be at most 25 characters long"),
        ("cf:bought", "30/02/2026", "Last purchase must be a date"),
    ],
)
async def test_a_value_of_another_kind_is_refused_where_the_export_is_strict(
    name: str, cell: str, reason: str
) -> None:
    made = await encoder(name, strict=True)
    with pytest.raises(InvalidProfile, match=reason) as unfit:
        made.encode("a@b.pl", [cell])
    assert cell not in str(unfit.value)


async def test_custom_fields_are_looked_up_only_where_they_are_needed() -> None:
    says = Says(a1=LIST)
    await CONSTANT_CONTACT.encoder(says, Target("a1", ["first_name", "phone"]))
    assert [path for path, _ in says.asked] == ["/contact_lists/a1"]


async def test_a_custom_field_that_is_gone_is_left_out_and_noted() -> None:
    made = await encoder("cf:gone", "first_name")
    assert orjson.loads(made.encode("a@b.pl", ["x", "Ann"])) == {
        "email": "a@b.pl",
        "first_name": "Ann",
    }
    assert list(map(str, made.notes())) == [
        "The list no longer has the field cf:gone; it is left out."
    ]


async def test_more_custom_fields_than_a_contact_can_have_are_refused_at_once() -> None:
    await encoder(*(f"cf:f{number}" for number in range(25)))
    with pytest.raises(NeedsAttention, match="at most; the export fills 26") as halted:
        await encoder(*(f"cf:f{number}" for number in range(26)))
    assert halted.value.culprit is Culprit.LIST


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
async def test_no_profile_holds_a_raw_line_feed_or_tab(name: str) -> None:
    fragment = (await encoder("first_name")).encode("ann@example.com", [name])
    assert b"\n" not in fragment
    assert b"\t" not in fragment


ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"


async def send(world: World, api: Any, sent: Batch) -> str:
    answer = await world.destination.send(api, Target(world.list_id), sent)
    assert answer.outcomes == ()
    assert answer.job is not None
    return answer.job


async def end(world: World, api: Any, key: str, sent: Batch) -> FinishedJob:
    world.clock.advance(600)
    one = job(key, sent.size, world.clock)
    [finished] = await world.destination.poll(api, [one], Kept(sent))
    assert finished.job == one
    return finished


def tally(finished: FinishedJob) -> Counter[Outcome]:
    return Counter(each.outcome for each in finished.outcomes)


async def test_an_import_is_a_job_that_ends_with_everybody_on_the_list() -> None:
    world = World()
    api = await world.api()
    key = await send(world, api, batch(ANN, BOB))
    assert await world.destination.poll(api, [job(key, 2, world.clock)], Kept(batch(ANN))) == []
    finished = await end(world, api, key, batch(ANN, BOB))
    assert (finished.outcomes, finished.failed) == ([], None)
    people = world.account.contacts.people
    assert {address: set(one.lists) for address, one in people.items()} == {
        ANN: {world.list_id},
        BOB: {world.list_id},
    }


async def test_who_unsubscribed_is_counted_and_stays_unsubscribed() -> None:
    world = World()
    world.account.contacts.people[BOB] = Contact("unsubscribed", b"{}", frozenset())
    api = await world.api()
    sent = batch(ANN, BOB, EVE)
    finished = await end(world, api, await send(world, api, sent), sent)
    [said] = finished.outcomes
    assert (said.index, said.outcome) == (None, Outcome.SUPPRESSED)
    assert "unsubscribed" in said.reason
    assert world.account.contacts.people[BOB].status == "unsubscribed"
    assert world.account.contacts.people[BOB].lists == frozenset()


async def test_a_message_with_an_address_names_the_row() -> None:
    world = World()
    world.sandbox.settings = Settings(messages="addresses")
    world.account.contacts.people[BOB] = Contact("unsubscribed", b"{}", frozenset())
    api = await world.api()
    sent = batch(ANN, "nobody", BOB)
    finished = await end(world, api, await send(world, api, sent), sent)
    assert {each.index: each.outcome for each in finished.outcomes} == {
        None: Outcome.REFUSED,  # an address that is none cannot be found in a text
        2: Outcome.SUPPRESSED,
    }


@pytest.mark.parametrize("messages", ["none", "some", "all", "addresses"])
async def test_counters_tell_how_many_whatever_the_messages(messages: Any) -> None:
    world = World()
    world.sandbox.settings = Settings(messages=messages)
    api = await world.api()
    addresses = [f"unsubscribed+{number}@example.com" for number in range(5)]
    sent = batch(ANN, *addresses, "no address", "@", BOB)
    finished = await end(world, api, await send(world, api, sent), sent)
    assert tally(finished) == {Outcome.SUPPRESSED: 5, Outcome.REFUSED: 2}


@pytest.mark.parametrize("ending", ["failed", "timed_out", "cancelled"])
async def test_a_job_that_came_to_nothing_failed(ending: Any) -> None:
    world = World()
    world.account.activities.endings.append(ending)
    api = await world.api()
    finished = await end(world, api, await send(world, api, batch(ANN)), batch(ANN))
    assert str(finished.failed) == f"Constant Contact ended the import as {ending}."
    assert ANN not in world.account.contacts.people


async def test_all_jobs_are_found_in_as_many_calls_as_there_are_pages() -> None:
    world = World()
    world.sandbox.settings = Settings(queued_activities=2000)
    api = await world.api()
    jobs = [
        job(await send(world, api, batch(f"a{number}@example.com")), 1, world.clock)
        for number in range(501)
    ]
    world.clock.advance(9 * 86_400)
    api = await world.api()
    before = len(world.wire.requests)
    over = await world.destination.poll(api, jobs, Kept(batch(ANN)))
    assert {each.job.id for each in over} == {each.id for each in jobs}
    assert len(world.wire.requests) - before == 2


async def test_a_job_that_is_no_longer_listed_is_left_to_the_engine() -> None:
    world = World()
    api = await world.api()
    old = job(await send(world, api, batch(ANN)), 1, world.clock)
    world.clock.advance(11 * 86_400)
    api = await world.api()
    assert await world.destination.poll(api, [old], Kept(batch(ANN))) == []


COMPLETED = {"activity_id": "j1", "state": "completed"}


async def outcomes(size: int, said: Mapping[str, Any]) -> Counter[tuple[int | None, Outcome]]:
    activity = {**COMPLETED, **said}
    sent = batch(*(f"a{number}@example.com" for number in range(size)))
    says = Says(activities={"activities": [activity]})
    [over] = await CONSTANT_CONTACT.poll(says, [job("j1", size, FakeClock())], Kept(sent))
    return Counter((each.index, each.outcome) for each in over.outcomes)


def status(people: int, errors: int = 0, correctable: int = 0, no: int = 0) -> Mapping[str, int]:
    return {
        "person_count": people,
        "error_count": errors,
        "correctable_count": correctable,
        "cannot_add_to_list_count": no,
    }


NOBODY = {
    Outcome.UNKNOWN: (None, Outcome.UNKNOWN),
    Outcome.REFUSED: (None, Outcome.REFUSED),
    Outcome.SUPPRESSED: (None, Outcome.SUPPRESSED),
}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (status(10), {}),
        (status(10, errors=2, correctable=1, no=1), {Outcome.REFUSED: 3, Outcome.SUPPRESSED: 1}),
        (status(7, errors=2, correctable=1), {Outcome.REFUSED: 3}),
        (status(7), {Outcome.UNKNOWN: 3}),
        (status(5, errors=2), {Outcome.REFUSED: 2, Outcome.UNKNOWN: 3}),
        (status(12), {}),
        (status(0, errors=99, no=4), {Outcome.SUPPRESSED: 4, Outcome.REFUSED: 6}),
        (status(0, no=99, errors=1), {Outcome.SUPPRESSED: 10}),
        (status(-1, errors=-5), {Outcome.UNKNOWN: 10}),
        ({}, {Outcome.UNKNOWN: 10}),
    ],
)
async def test_what_counters_do_not_explain_is_unknown_and_never_more_than_was_sent(
    told: Mapping[str, int], expected: Mapping[Outcome, int]
) -> None:
    assert await outcomes(10, {"status": told}) == {
        NOBODY[outcome]: number for outcome, number in expected.items()
    }


async def test_messages_of_every_shape_are_read() -> None:
    said = {
        "status": status(5, errors=3, no=1),
        "activity_errors": [
            "Line 3: Invalid phone",
            {"message": "Contact <A1@Example.com> is unsubscribed."},
            "'a2@example.com': too long.",
            "a2@example.com once more",
        ],
    }
    assert await outcomes(5, said) == {
        (1, Outcome.SUPPRESSED): 1,
        (2, Outcome.REFUSED): 1,
        (None, Outcome.REFUSED): 2,
    }


async def test_a_message_beyond_the_counters_refuses_nobody() -> None:
    said = {"status": status(5), "activity_errors": ["a1@example.com: the phone was shortened"]}
    assert await outcomes(5, said) == {}


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 6),
    st.builds(status, *(st.integers(-2, 9) for _ in range(4))),
    st.lists(
        st.text("a0123456789@example.com: unsubscribed", max_size=40)
        | st.integers(0, 7).map("a{0}@example.com".format)
    ),
)
async def test_there_are_never_more_outcomes_than_profiles_and_no_row_has_two(
    size: int, told: Mapping[str, int], texts: list[str]
) -> None:
    said = await outcomes(size, {"status": told, "activity_errors": texts})
    assert said.total() <= size
    assert all(number == 1 for (index, _), number in said.items() if index is not None)
    counted = min(size, sum(max(0, told[name]) for name in told if name != "person_count"))
    unknown = said[NOBODY[Outcome.UNKNOWN]]
    assert said.total() == counted + unknown
    assert unknown == max(0, size - max(0, told["person_count"]) - counted)


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        {"activities": None},
        {"activities": [7]},
        {"activities": [COMPLETED]},
        {"activities": [{**COMPLETED, "status": 7}]},
        {"activities": [{**COMPLETED, "status": {"error_count": "many"}}]},
        {"activities": [{**COMPLETED, "status": {}, "activity_errors": [{}]}]},
    ],
)
async def test_news_of_jobs_that_makes_no_sense_is_asked_for_later(answer: Any) -> None:
    jobs = [job("j1", 1, FakeClock())]
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.poll(Says(activities=answer), jobs, Kept(batch(ANN)))


@pytest.mark.parametrize(
    "activities", [[], [{}], [{"activity_id": None}], [{"activity_id": "j1", "state": "new"}]]
)
async def test_a_job_without_news_is_not_over(activities: Any) -> None:
    says = Says(activities={"activities": activities})
    assert await CONSTANT_CONTACT.poll(says, [job("j1", 1, FakeClock())], Kept(batch(ANN))) == []


@pytest.mark.parametrize("answer", [*NONSENSE, {"activity_id": 7}, {"activity_id": "a/b"}])
async def test_an_import_whose_answer_makes_no_sense_is_not_taken_for_begun(answer: Any) -> None:
    says = Says(contacts_json_import=answer)
    with pytest.raises(TryLater, match="makes no sense"):
        await CONSTANT_CONTACT.send(says, Target("a1"), batch(ANN))


async def test_a_request_that_would_lose_its_end_is_never_sent() -> None:
    joined = b",\n".join([b'{"email":"%b"}' % (b"a" * 1000)] * 3900)
    says = Says()
    with pytest.raises(BatchRefused):
        await CONSTANT_CONTACT.send(says, Target("a1"), Batch(b"", b"", joined, 3900))
    assert says.asked == []


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("2026-11-30T12:00:00.108Z", "2026-11-30T12:00:00.108+00:00"),
        ("2026-11-30T07:00:00-05:00", "2026-11-30T12:00:00+00:00"),
        ("2026-11-30T12:00:00", "2026-11-30T12:00:00+00:00"),
    ],
)
async def test_a_listed_job_says_when_it_was_created(said: str, when: str) -> None:
    says = Says(activities={"activities": [{"activity_id": "j1", "created_at": said}]})
    [job] = await CONSTANT_CONTACT.jobs(says)
    assert (job.id, job.created_at) == ("j1", datetime.fromisoformat(when))


@pytest.mark.parametrize("said", [{}, {"created_at": None}, {"created_at": "today"}])
async def test_a_job_that_does_not_say_when_it_was_created_is_not_listed(said: Any) -> None:
    says = Says(activities={"activities": [{"activity_id": "j1"} | said]})
    assert list(await CONSTANT_CONTACT.jobs(says)) == []


def test_the_largest_batch_fits_a_request_with_its_envelope() -> None:
    limits = CONSTANT_CONTACT.limits
    envelope = b'{"list_ids":["%b"],"import_data":[]}' % (b"x" * 64)
    assert limits.bytes_per_batch + len(envelope) < 3_900_000
    assert limits.profiles_per_batch == 40_000
    assert limits.concurrency == 1


LOST = ["reset-after", "silence-after", "cut-200", "odd-200"]


@pytest.mark.parametrize("kind", LOST)
async def test_an_import_whose_answer_was_lost_is_sent_again_and_changes_nothing(kind: Any) -> None:
    world = World()
    api = await world.api()
    world.sandbox.faults.queued.append(Fault(kind=kind, path="*/contacts_json_import"))
    sent = batch(ANN, BOB)
    with pytest.raises(TryLater):
        await send(world, api, sent)
    finished = await end(world, api, await send(world, api, sent), sent)
    assert finished.outcomes == []
    assert len(world.account.activities.all) == 2
    assert set(world.account.contacts.people) == {ANN, BOB}


LIMITS: Mapping[str, tuple[Mapping[str, Any], type[DestinationError]]] = {
    "a full queue": ({"queued_activities": 1}, TryLater),
    "a spent day": ({"requests_per_day": 3}, DailyQuotaExhausted),
}


@pytest.mark.parametrize(("settings", "kind"), LIMITS.values(), ids=LIMITS)
async def test_limits_of_the_sandbox_are_told_apart(
    settings: Mapping[str, Any], kind: type[DestinationError]
) -> None:
    world = World()
    world.sandbox.settings = Settings(**settings)
    api = await world.api()
    await send(world, api, batch(ANN))
    with pytest.raises(kind) as halted:
        await send(world, api, batch(BOB))
    assert type(halted.value) is kind
    assert api.pace.share == 1


async def test_a_lowered_rate_slows_the_pace() -> None:
    world = World()
    api = await world.api()
    world.sandbox.settings.requests_per_second = 1
    await send(world, api, batch(ANN))
    for _ in range(3):
        with pytest.raises(RateLimited):
            await send(world, api, batch(BOB))
    assert api.pace.share == 0.5


@needs_specs
async def test_an_import_keeps_to_the_description() -> None:
    world = World()
    world.account.fields["shoe"] = CustomField("shoe", "Shoe size")
    api = await world.api()
    fields = ["first_name", "last_name", "phone", "cf:shoe"]
    target = Target(world.list_id, fields)
    made = await world.destination.encoder(api, target)
    joined = made.encode(ANN, ["Ann", "Lee", "404-555-1212", "38"])
    long = "a" * 60 + "@example.com"
    joined += b",\n" + made.encode(long, ["", "", "", ""])
    sent = Batch(b"0:2\t0:3", f"{ANN}\t{long}".encode(), joined, 2)
    began = await world.destination.send(api, target, sent)
    key = str(began.job)
    finished = await end(world, api, key, sent)
    assert finished.outcomes == []
    assert orjson.loads(world.account.contacts.people[ANN].fields)["cf:shoe"] == "38"
    assert violations("constant_contact", world.wire.requests) == []
