"""A run from its beginning to its end, over memory."""

import httpx
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.outcomes import Outcome
from shared.domain.people import Caller, Person, Role
from shared.domain.run import Mode, RunStatus
from shared.exports.manage import remove_export
from tests.runs.small import small
from tests.runs.world import World, csv, ready


async def test_the_list_holds_every_good_row_with_its_names_intact() -> None:
    world = await ready()
    names = [("Éva", "O'Brien"), ("Łukasz", "李"), ('Ann "A"', "de la Cruz, Jr"), ("", " trimmed ")]
    lines = [
        f'u{n}@example.com,"{first.replace(chr(34), chr(34) * 2)}","{last}"\n'
        for n, (first, last) in enumerate(names)
    ]
    await world.drop("\ufeffEmail,First,Last\r\n" + "".join(lines))

    run = await world.run()

    assert run.status is RunStatus.SUCCESSFUL
    assert world.mailchimp.members == {
        "u0@example.com": {"FNAME": "Éva", "LNAME": "O'Brien"},
        "u1@example.com": {"FNAME": "Łukasz", "LNAME": "李"},
        "u2@example.com": {"FNAME": 'Ann "A"', "LNAME": "de la Cruz, Jr"},
        "u3@example.com": {"LNAME": "trimmed"},
    }
    assert set(world.mailchimp.status_if_new.values()) == {"subscribed"}


async def test_columns_may_come_in_any_order_among_others() -> None:
    world = await ready()
    await world.drop("City,Last,Email,Age,First\nX,Lee,ann@example.com,7,Ann\n")

    await world.run()

    assert world.mailchimp.members == {"ann@example.com": {"FNAME": "Ann", "LNAME": "Lee"}}


async def test_addresses_are_sent_in_their_normal_form_and_the_first_of_two_counts() -> None:
    world = await ready()
    await world.drop("Email,First,Last\n Ann@Example.COM ,Ann,Lee\nann@example.com,Other,Name\n")

    run = await world.run()

    assert world.mailchimp.members == {"ann@example.com": {"FNAME": "Ann", "LNAME": "Lee"}}
    [reject] = await world.rejects(run)
    assert (reject.outcome, reject.row) == (Outcome.DUPLICATE, 3)
    assert str(reject.reason) == "The same address as row 2 of Customers, which counts."


@pytest.mark.parametrize(("first", "second"), [("a" * 300, "Lee"), ("Lee", "a" * 300)])
async def test_the_first_of_two_counts_whichever_has_to_be_cut(first: str, second: str) -> None:
    world = await ready()
    await world.drop(f"Email,First,Last\na@x.com,A,{first}\nb@x.com,B,B\na@x.com,A,{second}\n")

    run = await world.run()

    assert world.mailchimp.members["a@x.com"]["LNAME"] == first[:255]
    assert [reject.row for reject in await world.rejects(run)] == [4]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=1, max_size=60))
async def test_the_first_row_of_each_address_counts(people: list[int]) -> None:
    world = await ready()
    rows = [f"u{who}@example.com,First{row},Last\n" for row, who in enumerate(people, start=2)]
    await world.drop("Email,First,Last\n" + "".join(rows))

    run = await world.run()

    first = {who: people.index(who) + 2 for who in people}
    assert {at: fields["FNAME"] for at, fields in world.mailchimp.members.items()} == {
        f"u{who}@example.com": f"First{row}" for who, row in first.items()
    }
    assert {(each.row, str(each.reason)) for each in await world.rejects(run)} == {
        (row, f"The same address as row {first[who]} of Customers, which counts.")
        for row, who in enumerate(people, start=2)
        if row != first[who]
    }


async def test_a_profile_in_several_segments_is_sent_once() -> None:
    world = World()
    await world.connect()
    await world.export(segments=["Customers", "Visitors"])
    await world.drop(csv(10))
    await world.drop(csv(15), "Visitors.csv")

    run = await world.run()

    counts = (await world.progress(run)).counts
    assert (counts.accepted, counts.duplicate) == (15, 10)
    assert {reject.segment for reject in await world.rejects(run)} == {"Visitors"}
    assert set(world.mailchimp.received.values()) == {1}


async def test_a_second_run_sends_only_what_changed() -> None:
    world = await ready()
    await world.drop(csv(1000))
    await world.run()
    await world.drop(csv(1001).replace("user5@example.com,First5", "user5@example.com,Changed"))

    run = await world.run()

    counts = (await world.progress(run)).counts
    assert (counts.accepted, counts.unchanged) == (2, 999)
    assert world.mailchimp.members["user5@example.com"]["FNAME"] == "Changed"


async def test_everything_is_sent_when_that_is_asked_for() -> None:
    world = await ready()
    await world.drop(csv(700))
    await world.run()

    run = await world.run(Mode.EVERYTHING)

    assert (await world.progress(run)).counts.accepted == 700


async def test_what_was_refused_is_tried_again_in_the_next_run() -> None:
    world = await ready()
    await world.drop(csv(10) + "x@fake.example,A,B\n")
    await world.run()

    run = await world.run()

    counts = (await world.progress(run)).counts
    assert (counts.unchanged, counts.refused) == (10, 1)


async def test_changing_the_mapping_makes_the_next_run_send_everything() -> None:
    world = await ready()
    await world.drop(csv(10))
    await world.run()
    exports = world.services.storage.exports
    stored = await exports.get("all", "export")
    assert stored is not None
    changed = stored.value.model_copy(update={"fields": {"email": "Email", "first_name": "Last"}})
    await exports.replace("all", "export", changed, stored.etag)

    run = await world.run()

    assert (await world.progress(run)).counts.accepted == 10


async def test_new_members_of_an_audience_with_double_opt_in_are_asked_first() -> None:
    world = await ready()
    world.mailchimp.double_optin = True
    await world.drop(csv(3))

    await world.run()

    assert set(world.mailchimp.status_if_new.values()) == {"pending"}


async def test_a_merge_field_that_the_audience_lacks_is_left_out_and_said() -> None:
    world = await ready()
    world.mailchimp.tags = ("FNAME",)
    await world.drop(csv(1))

    run = await world.run()

    assert world.mailchimp.members["user0@example.com"] == {"FNAME": "First0"}
    assert "The list no longer has the field LNAME; it is left out." in [
        str(event.text) for event in run.timeline
    ]


async def test_a_name_that_is_too_long_is_cut_inside_no_character() -> None:
    world = await ready()
    await world.drop(f"Email,First,Last\nann@example.com,{'李' * 100},Lee\n")

    await world.run()

    assert world.mailchimp.members["ann@example.com"] == {"FNAME": "李" * 85, "LNAME": "Lee"}


async def test_never_more_requests_are_under_way_than_the_destination_allows() -> None:
    world = await ready()
    world.mailchimp.seconds = 0.2
    await world.drop(csv(20_000))

    await world.run()

    assert world.mailchimp.most_open == 10
    assert world.mailchimp.calls == 40


async def test_a_run_leaves_no_parts_behind_and_no_address_in_its_delivered_state() -> None:
    world = await ready()
    await world.drop(csv(1200))

    run = await world.run()

    storage = world.services.storage
    assert [blob.name async for blob in storage.run_files.list(f"{run.id}/parts/")] == []
    [state] = [blob.name async for blob in storage.delivered.list("export/")]
    assert b"user" not in await storage.delivered.read(state)
    assert list(await storage.active_runs.page("all")) == []


async def test_a_run_keeps_its_counts_when_its_export_is_removed_with_all_addresses() -> None:
    world = await ready()
    await world.drop(csv(10) + "bad,x,y\n")
    run = await world.run()
    administrator = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)

    await remove_export(world.services, administrator, "export", None)

    counts = (await world.progress(run)).counts
    assert (counts.accepted, counts.invalid) == (10, 1)
    assert [blob.name async for blob in world.services.storage.run_files.list()] == []


async def test_the_last_percent_and_the_timeline_tell_the_whole_run() -> None:
    world = await ready()
    await world.drop(csv(1500) + "bad,x,y\n")

    run = await world.run()

    progress = await world.progress(run)
    assert (progress.percent, progress.batches, progress.requests) == (100, 3, 3)
    assert [str(event.text) for event in run.timeline] == [
        "Asked for on demand.",
        "Reading the segment files.",
        "Read 1,501 rows; 1,500 profiles to send.",
        "Done: 1,501 rows read: 1,500 accepted, 1 invalid.",
    ]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
addresses = st.one_of(
    cells, st.integers(0, 40).map(lambda n: f"User{n}@example.com"), st.just("x@fake.example")
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(cells, max_size=4) | st.tuples(addresses, cells, cells), max_size=60))
async def test_rows_read_are_the_sum_of_the_outcomes_whatever_the_rows(
    rows: list[list[str] | tuple[str, str, str]],
) -> None:
    world = await ready()
    text = "".join(",".join(_quoted(cell) for cell in row) + "\r\n" for row in rows)
    await world.drop("Email,First,Last\r\n" + text + "last@example.com,A,B\r\n")

    run = await world.run()

    progress = await world.progress(run)
    not_blank = sum(1 for row in rows if any(row)) + 1
    assert run.status is RunStatus.SUCCESSFUL
    assert progress.rows_read == progress.counts.total == not_blank
    assert progress.counts.accepted == len(world.mailchimp.members)
    assert progress.counts.total - progress.counts.accepted == len(await world.rejects(run))


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def test_a_fragment_is_json_that_can_stand_in_an_array() -> None:
    assert orjson.loads(b"[" + b'{"a":1}' + b",\n" + b'{"b":2}' + b"]") == [{"a": 1}, {"b": 2}]


async def test_a_run_tells_how_many_profiles_a_second_it_sends() -> None:
    world = await small()
    world.mailchimp.seconds = 2  # ten profiles, eight requests at once: forty in a second
    await world.drop(csv(2_000))
    run = await world.start()
    shown = []

    async def looks(request: httpx.Request) -> httpx.Response:
        shown.append(await world.progress(run))
        return world.mailchimp.write(request)

    world.mailchimp.down = looks
    await world.deliver()

    assert shown[0].profiles_a_second is None
    last = shown[-1]
    assert last.profiles_a_second == pytest.approx(40, rel=0.1)
    left = last.profiles - last.counts.told
    ends_at = last.ends_at(world.clock.now(), None)
    assert ends_at is not None
    assert (ends_at - world.clock.now()).total_seconds() == pytest.approx(left / 40, rel=0.15)
