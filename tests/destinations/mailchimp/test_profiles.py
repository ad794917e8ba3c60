"""Mailchimp's file: how profiles are written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.contract import Encoder
from shared.destinations.model import InvalidProfile, Target
from shared.domain.errors import TryLater
from tests.destinations.encoding.alike import plain
from tests.destinations.says import MAILCHIMP, NONSENSE, Says

ANN = "ann@example.com"
BOTH = Target("a1", ["last_name", "first_name"])
AUDIENCE = {"id": "a1", "name": "News", "double_optin": False}
BOTH_TAGS = {"merge_fields": [{"tag": "FNAME"}, {"tag": "LNAME"}]}


async def encoder(
    audience: Any = AUDIENCE, tags: Any = BOTH_TAGS
) -> Callable[[str, Sequence[str]], bytes]:
    says = Says(a1=audience, merge_fields=tags)
    return (await MAILCHIMP.encoder(says, BOTH)).encode


async def test_a_profile_is_written_with_the_mapped_fields_and_never_with_a_status() -> None:
    encode = await encoder()
    assert orjson.loads(encode("ann@example.com", ["Łee", 'A"nn'])) == {
        "email_address": "ann@example.com",
        "status_if_new": "subscribed",
        "merge_fields": {"FNAME": 'A"nn', "LNAME": "Łee"},
    }


async def test_many_profiles_at_once_are_written_as_each_by_itself() -> None:
    american = ("PHONE", "phone"), ("WHERE", "text"), ("BORN", "birthday")
    made = await mapped(*american, clears=["WHERE"], phone_format="US")
    rows = [
        (" Ann@Example.com", ["(404) 555 1212", "Łódź", "11/24/1980"]),
        (ANN, ["", "", ""]),
        (ANN, ["+48 22 1234567", "", ""]),
        (ANN, ["", "Ł" * 128, ""]),
        (ANN, ["", "", "11/31"]),
    ]
    assert plain(made, rows, 3) == [True, True, True, True, True]


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
    assert list(map(str, made.notes())) == [
        "The list no longer has the field FNAME; it is left out."
    ]


@pytest.mark.parametrize("answer", [*NONSENSE, {"merge_fields": 7}, {"merge_fields": [{}]}])
async def test_merge_fields_that_make_no_sense_are_asked_for_later(answer: Any) -> None:
    with pytest.raises(TryLater, match="makes no sense"):
        await encoder(tags=answer)


async def mapped(
    *fields: tuple[str, str], clears: Sequence[str] = (), strict: bool = False, **options: Any
) -> Encoder:
    """Return the encoder of an audience with these merge fields, all mapped."""
    there = [
        {"tag": tag, "name": tag.title(), "type": kind, "options": options} for tag, kind in fields
    ]
    names = ["phone" if tag == "PHONE" else tag for tag, _ in fields]
    says = Says(a1=AUDIENCE, merge_fields={"merge_fields": there})
    return await MAILCHIMP.encoder(says, Target("a1", names, clears, strict_fields=strict))


def merged(made: Encoder, *cells: str) -> Mapping[str, Any]:
    merge: Mapping[str, Any] = orjson.loads(made.encode(ANN, cells))["merge_fields"]
    return merge


async def test_values_are_written_as_their_merge_fields_want_them() -> None:
    made = await mapped(
        ("BIRTHDAY", "birthday"),
        ("SINCE", "date"),
        ("LTV", "number"),
        ("SITE", "url"),
        ("SIZE", "dropdown"),
        choices=["Small", "Large"],
    )
    cells = ["1980-11-24", "2026-11-24T10:00:00Z", "+12.50", "https://a.example", "small"]
    assert merged(made, *cells) == {
        "BIRTHDAY": "11/24",
        "SINCE": "2026-11-24",
        "LTV": "12.50",
        "SITE": "https://a.example",
        "SIZE": "Small",
    }
    assert list(map(str, made.notes())) == []


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        ("birthday", "24/24"),
        ("date", "30/02/2026"),
        ("number", "many"),
        ("url", "a.example"),
        ("radio", "Medium"),
        ("phone", "none"),
    ],
)
async def test_a_value_of_another_type_makes_the_profile_invalid_where_the_export_is_strict(
    kind: str, cell: str
) -> None:
    made = await mapped(("IT", kind), strict=True, choices=["Small"])
    with pytest.raises(InvalidProfile, match="It must be"):
        made.encode(ANN, [cell])


async def test_an_empty_cell_clears_what_the_export_says_it_clears() -> None:
    made = await mapped(
        ("PHONE", "phone"), ("SINCE", "date"), ("LTV", "number"), clears=["phone", "LTV"]
    )
    assert merged(made, " ", "", "") == {"PHONE": "", "LTV": ""}


AMERICAN = ["404-555-1212", "(404) 555 1212", "+1 404.555.1212", "1 404 555 1212", "4045551212"]
FOREIGN = ["+49 30 1234567", "+4045551212", "555-1212", "104-555-1212", "404-555-1212 x5", "none"]


@pytest.mark.parametrize("cell", AMERICAN)
async def test_an_american_number_is_written_in_the_american_way(cell: str) -> None:
    made = await mapped(("PHONE", "phone"), ("CELL", "phone"), phone_format="US")
    assert merged(made, cell, f" {cell}") == {"PHONE": "404-555-1212", "CELL": "404-555-1212"}
    assert list(map(str, made.notes())) == []


async def test_other_numbers_are_left_out_where_american_ones_are_wanted_and_counted() -> None:
    made = await mapped(("PHONE", "phone"), ("CELL", "phone"), phone_format="US")
    for cell in FOREIGN:
        assert merged(made, cell, AMERICAN[0]) == {"CELL": "404-555-1212"}
    merged(made, "", FOREIGN[0])
    wanted = "the audience takes only American phone numbers there, of 10 digits."
    assert list(map(str, made.notes())) == [
        f"Phone was left out of 6 profiles: {wanted}",
        f"Cell was left out of 1 profile: {wanted}",
    ]


@pytest.mark.parametrize("cell", [*AMERICAN, *FOREIGN[:-1]])
async def test_any_number_is_sent_as_it_is_where_the_audience_takes_any(cell: str) -> None:
    made = await mapped(("PHONE", "phone"), phone_format="International")
    assert merged(made, cell) == {"PHONE": cell}


async def test_a_name_that_was_cut_is_noted() -> None:
    made = await mapped(("NICK", "text"), ("ZIP", "zip"))
    assert merged(made, "é" * 128, "1") == {"NICK": "é" * 127, "ZIP": "1"}
    assert list(map(str, made.notes())) == [
        "1 value of Nick was longer than 255 bytes and was cut."
    ]


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
