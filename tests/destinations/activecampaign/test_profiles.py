"""ActiveCampaign's file: how profiles are written, and how imports are asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local.sandbox.kit.faults import Fault
from shared.destinations.batch import Batch
from shared.destinations.contract import Encoder, Read
from shared.destinations.model import InvalidProfile, Target
from shared.domain.errors import BatchRefused, NeedsAttention, RateLimited, TryLater
from shared.runs.state.parts import PartWriter, batches_per_part, read_batches
from shared.runs.state.profiles import Profiles
from tests.contract.wire import needs_specs, violations
from tests.destinations.activecampaign.sandboxed import ACTIVECAMPAIGN, World
from tests.destinations.batches import batch
from tests.destinations.encoding.alike import plain
from tests.destinations.says import NONSENSE, Says
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
LIST = {"list": {"id": "1", "name": "News"}}
FIELDS = {
    "fieldOptions": [
        {"field": "3", "value": "S"},
        {"field": "3", "value": "M"},
        {"field": "4", "value": "Running"},
        {"field": "4", "value": "Chess"},
    ],
    "fields": [
        {"id": "1", "title": "Last purchase", "type": "date"},
        {"id": "2", "title": "Notes", "type": "textarea"},
        {"id": "3", "title": "Size", "type": "dropdown"},
        {"id": "4", "title": "Interests", "type": "checkbox"},
    ],
    "meta": {"total": "4"},
}


async def encoder(
    *fields: str,
    clears: Sequence[str] = (),
    options: Sequence[str] = (),
    own: Any = FIELDS,
    strict: bool = False,
) -> Encoder:
    says = Says(**{"1": LIST}, fields=own)
    target = Target("1", fields, clears, options, strict_fields=strict)
    return await ACTIVECAMPAIGN.encoder(says, target)


async def test_a_profile_is_written_with_the_mapped_fields_for_its_list() -> None:
    made = await encoder("phone", "field:4", "last_name", "field:1", "first_name", "field:3")
    cells = [" +49 30 1234567 ", "chess; RUNNING", "Łee", "11/24/2026", "Ann", "m"]
    assert orjson.loads(made.encode(ANN, cells)) == {
        "email": ANN,
        "phone": "+49 30 1234567",
        "last_name": "Łee",
        "first_name": "Ann",
        "fields": [
            {"id": 4, "value": "||Chess||Running||"},
            {"id": 1, "value": "2026-11-24"},
            {"id": 3, "value": "M"},
        ],
        "subscribe": [{"listid": 1}],
    }
    assert list(map(str, made.notes())) == []


async def test_many_profiles_at_once_are_written_as_each_by_itself() -> None:
    names = ["phone", "field:4", "last_name", "field:1", "first_name", "field:3"]
    made = await encoder(*names, clears=["phone", "field:3"], options=["exclude_automations"])
    rows = [
        (
            " Ann@Example.com",
            [" +49 30 1234567 ", "chess; RUNNING", "Łee", "11/24/2026", "Ann", "m"],
        ),
        (BOB, ["", "", "", "", "", ""]),
        (EVE, ["", "Tennis", "", "", "", ""]),
        (EVE, ["", "", 'O"Neil', "", "", ""]),
    ]
    assert plain(made, rows, len(names)) == [True, True, True, True]


async def test_what_is_empty_is_not_sent() -> None:
    made = await encoder("first_name", "phone", "field:1", "field:4")
    assert orjson.loads(made.encode(ANN, ["", " ", "", "\t"])) == {
        "email": ANN,
        "subscribe": [{"listid": 1}],
    }


async def test_an_empty_cell_clears_only_what_the_export_says() -> None:
    made = await encoder("first_name", "phone", "field:2", "field:4", clears=["phone", "field:4"])
    sent = orjson.loads(made.encode(ANN, ["", "", "", ""]))
    assert sent["phone"] == ""
    assert sent["fields"] == [{"id": 4, "value": ""}]
    assert "first_name" not in sent


async def test_a_profile_is_always_written_alike() -> None:
    names = ("field:4", "last_name", "field:2", "first_name", "field:3")
    cells = ["Chess", "Lee", "n", "Ann", "S"]
    [first, second] = [await encoder(*names), await encoder(*names, own=reversed_fields())]
    assert first.encode(ANN, cells) == second.encode(ANN, cells)


def reversed_fields() -> Any:
    return {**FIELDS, "fields": list(reversed(FIELDS["fields"]))}  # type: ignore[call-overload] # a list


async def test_automations_run_unless_the_export_says_so_and_then_it_is_said_twice() -> None:
    says = Says(bulk_import={"success": 1, "batchId": "b-1"})
    for options in ((), ("exclude_automations",)):
        made = await encoder("first_name", options=options)
        fragment = made.encode(ANN, ["Ann"])
        one = Batch(b"0:2", ANN.encode(), fragment, 1)
        await ACTIVECAMPAIGN.send(says, Target("1", ["first_name"], (), options), one)
    [(_, plain), (_, quiet)] = says.asked
    assert "exclude_automations" not in str(plain)
    assert quiet["exclude_automations"] is True
    assert [one["exclude_automations"] for one in quiet["contacts"]] == [True]


@pytest.mark.parametrize("options", [(), ("exclude_automations",)])
async def test_the_sandbox_starts_automations_or_not(options: Sequence[str]) -> None:
    world = World()
    api = world.api()
    target = Target("1", ["first_name"], (), options)
    made = await world.destination.encoder(api, target)
    sent = Batch(b"0:2", ANN.encode(), made.encode(ANN, ["Ann"]), 1)
    await world.destination.send(api, target, sent)
    world.clock.advance(60)
    world.sandbox.settle()
    assert world.account.contacts.automations == (0 if options else 1)


async def test_long_text_is_cut_and_noted() -> None:
    made = await encoder("last_name", "field:2")
    sent = orjson.loads(made.encode(ANN, ["ż" * 256, "n" * 300]))
    assert (len(sent["last_name"]), len(sent["fields"][0]["value"])) == (255, 255)
    assert list(map(str, made.notes())) == [
        "1 value of Last name was longer than 255 characters and was cut.",
        "1 value of Notes was longer than 255 characters and was cut.",
    ]


@pytest.mark.parametrize(
    ("name", "cell", "reason"),
    [
        ("phone", "unknown", "Phone must be a phone number"),
        ("phone", "1" * 256, "Phone must be at most 255 characters long"),
        ("field:1", "30/02/2026", "Last purchase must be a date"),
        ("field:3", "XXL", "Size must be one of its choices: S, M"),
        ("field:4", "Chess; Golf", "Interests must be some of its choices"),
    ],
)
async def test_a_value_of_another_kind_is_refused_where_the_export_is_strict(
    name: str, cell: str, reason: str
) -> None:
    made = await encoder(name, strict=True)
    with pytest.raises(InvalidProfile, match=reason) as unfit:
        made.encode(ANN, [cell])
    assert cell not in str(unfit.value)


@pytest.mark.parametrize("name", ["field:9", "field:", "field:x", "field:1 "])
async def test_a_field_that_is_not_there_is_left_out_and_noted(name: str) -> None:
    made = await encoder(name, "first_name")
    assert "fields" not in orjson.loads(made.encode(ANN, ["x", "Ann"]))
    assert list(map(str, made.notes())) == [
        f"The list no longer has the field {name}; it is left out."
    ]


async def test_custom_fields_are_looked_up_only_where_they_are_needed() -> None:
    says = Says(**{"1": LIST})
    await ACTIVECAMPAIGN.encoder(says, Target("1", ["first_name", "phone"]))
    assert [path for path, _ in says.asked] == ["/lists/1"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
async def test_no_profile_holds_a_raw_line_feed_or_tab(name: str) -> None:
    fragment = (await encoder("first_name")).encode(ANN, [name])
    assert b"\n" not in fragment
    assert b"\t" not in fragment


async def test_an_import_says_where_to_report_on_it_and_nothing_more_than_it_must() -> None:
    says = Says(bulk_import={"success": 1, "batchId": "b-1"})
    target = Target("1", report_url="https://ours.test/reports/run/{batch}?token=x")
    await ACTIVECAMPAIGN.send(says, target, batch(ANN, BOB, number=7))
    await ACTIVECAMPAIGN.send(says, Target("1"), batch(ANN, BOB))
    contacts = [{"email": ANN}, {"email": BOB}]
    callback = {
        "url": "https://ours.test/reports/run/7?token=x",
        "requestType": "POST",
        "detailed_results": "true",
    }
    assert says.asked == [
        ("/import/bulk_import", {"contacts": contacts, "callback": callback, "params": None}),
        ("/import/bulk_import", {"contacts": contacts, "params": None}),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"Success": 1, "queued_contacts": 2, "batchId": "b-1", "message": "Contact import queued"},
        {"success": True, "batchid": "b-1"},
        {"SUCCESS": "1", "BATCHID": "b-1"},
    ],
)
async def test_a_queued_import_is_a_job_whatever_the_case_of_its_names(answer: Any) -> None:
    sent = await ACTIVECAMPAIGN.send(Says(bulk_import=answer), Target("1"), batch(ANN, BOB))
    assert (sent.job, sent.outcomes) == ("b-1", ())


@pytest.mark.parametrize(
    "answer",
    [
        *NONSENSE,
        {"success": 1},
        {"success": 1, "batchId": None},
        {"success": 1, "batchId": ""},
        {"success": 1, "batchId": 7},
        {"success": 1, "batchId": "../import"},
        {"success": 0, "batchId": "b-1"},
        {"success": None, "batchId": "b-1"},
        {"success": "0", "batchId": "b-1"},
        {"batchId": "b-1"},
    ],
)
async def test_an_import_that_may_not_be_queued_is_sent_again(answer: Any) -> None:
    with pytest.raises(TryLater, match=r"makes no sense|did not queue"):
        await ACTIVECAMPAIGN.send(Says(bulk_import=answer), Target("1"), batch(ANN))


@pytest.mark.parametrize(
    ("kind", "halt"),
    [
        ("cut-200", TryLater),
        ("odd-200", TryLater),
        ("html-200", TryLater),
        ("login-200", NeedsAttention),
        ("reset-before", TryLater),
        ("reset-after", TryLater),
        ("silence-after", TryLater),
        ("429", RateLimited),
        ("502", TryLater),
    ],
)
async def test_an_answer_that_is_lost_or_spoilt_is_never_taken_for_a_queued_import(
    kind: Any, halt: type[Exception]
) -> None:
    world = World()
    world.sandbox.faults.queued.append(Fault(kind=kind, path="*/bulk_import"))
    api = world.api()
    with pytest.raises(halt) as halted:
        await world.destination.send(api, Target("1"), batch(ANN, BOB))
    assert type(halted.value) is halt
    sent = await world.destination.send(api, Target("1"), batch(ANN, BOB))
    assert sent.job in world.account.imports.batches


async def test_an_import_of_one_contact_counts_for_five() -> None:
    world = World()
    api = world.api()
    at = []
    for sent in (batch(ANN, BOB), batch(EVE), batch(ANN, BOB)):
        await world.destination.send(api, Target("1"), sent)
        at.append(world.clock.monotonic())
    assert at[2] - at[1] == pytest.approx(5 * (at[1] - at[0]), rel=0.2)
    assert not world.account.exceeded


class Sizes(Says):
    """It remembers how many bytes and contacts each import has."""

    def __init__(self) -> None:
        super().__init__(bulk_import={"success": 1, "batchId": "b-1"})
        self.bytes: list[int] = []
        self.contacts: list[int] = []

    async def post(
        self,
        path: str,
        content: bytes,
        params: Mapping[str, str] | None = None,
        weight: int = 1,
        read: Read | None = None,
    ) -> Any:
        self.bytes.append(len(content))
        self.contacts.append(len(orjson.loads(content)["contacts"]))
        return await super().post(path, content, params, weight, read)


async def imported(lengths: Sequence[int], address: int, quiet: bool) -> Sizes:
    """Import profiles of so many bytes each, with a report address of so many."""
    blobs = MemoryBlobs(FakeClock())
    writer = PartWriter(blobs, "run", ACTIVECAMPAIGN.limits)
    fragments = [b'{"email":"%b"}' % (b"a" * (length - 12)) for length in lengths]
    for fragment in fragments:
        await writer.add(Profiles.of([(2, b"a@b.pl", fragment)]))
    await writer.close()
    options = ("exclude_automations",) if quiet else ()
    target = Target("1", (), (), options, f"https://{'u' * address}.test")
    sizes, per_part = Sizes(), batches_per_part(ACTIVECAMPAIGN.limits)
    async for each in read_batches(blobs, "run", per_part, range(writer.batches)):
        await ACTIVECAMPAIGN.send(sizes, target, each)
    assert sum(sizes.contacts) == len(lengths)
    return sizes


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(40, 9_000), min_size=1, max_size=600), st.integers(1, 1_700), st.booleans()
)
@example([1_587] * 500, 1_700, True)
@example([1_599] * 500, 1_700, True)
@example([100] * 251, 1, False)
async def test_no_import_is_ever_too_large_and_none_has_one_contact_that_could_have_more(
    lengths: list[int], address: int, quiet: bool
) -> None:
    sizes = await imported(lengths, address, quiet)
    assert max(sizes.bytes) <= 399_999
    assert max(sizes.contacts) <= 250
    assert len(lengths) == 1 or 1 not in sizes.contacts


def import_of(size: int) -> Batch:
    """Return a batch of one profile whose request has so many bytes."""
    around = len(b'{"contacts":[{"email":""}]}')
    return Batch(b"0:2", b"x", b'{"email":"%b"}' % (b"a" * (size - around)), 1)


async def test_a_request_that_would_be_too_large_is_not_sent() -> None:
    sizes = Sizes()
    await ACTIVECAMPAIGN.send(sizes, Target("1"), import_of(399_999))
    with pytest.raises(BatchRefused, match="399,999 bytes"):
        await ACTIVECAMPAIGN.send(sizes, Target("1"), import_of(400_000))
    assert sizes.bytes == [399_999]


def test_the_published_limits_are_kept() -> None:
    limits = ACTIVECAMPAIGN.limits
    assert limits.profiles_per_batch == 250
    assert limits.least_per_batch == 10
    rates = {rate.of: rate.requests / rate.seconds * 60 for rate in limits.rates}
    assert rates == {"POST /import/bulk_import": 100, "": 300}


@needs_specs
async def test_what_is_asked_keeps_to_the_description() -> None:
    world = World()
    api = world.api()
    target = Target(
        "1",
        ["first_name", "last_name", "phone", "field:1", "field:4"],
        options=["exclude_automations"],
        report_url="https://ours.test/reports/run/{batch}?token=x",
    )
    made = await world.destination.encoder(api, target)
    cells = ["Ann", "Lee", "404-555-1212", "2026-11-24", "Running|Chess"]
    fragments = [made.encode(ANN, cells), made.encode(BOB, [""] * 5)]
    sent = Batch(b"0:2\t0:3", f"{ANN}\t{BOB}".encode(), b",\n".join(fragments), 2)
    await world.destination.send(api, target, sent)
    await world.destination.check(api)
    assert len(await world.destination.lists(api)) == 2
    assert violations("activecampaign", world.wire.requests) == []
    assert not world.account.exceeded
