"""Cells become values: trimmed, checked by kind, cut to length, left out or cleared."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.destinations.encoding.habits import NULL, Habit, Habits
from shared.destinations.encoding.values import Values, Write
from shared.destinations.model import Field, FieldType, InvalidProfile, Target
from shared.domain.message import say

FIRST = Field("first_name", "First name", longest=5)
LAST = Field("last_name", "Last name", longest=5)
SIZE = Field("size", "Size", kind=FieldType.CHOICE, choices=("Small", "Large"))
PETS = Field("pets", "Pets", kind=FieldType.CHOICES, choices=("Cat", "Dog", "Gecko"))


def values(
    *fields: Field, clears: Sequence[str] = (), in_bytes: bool = False, strict: bool = False
) -> Values:
    names = [field.name for field in fields]
    target = Target("a1", names, clears, columns=names, strict_fields=strict)
    return Values(fields, target, in_bytes=in_bytes)


def one(kind: FieldType, cell: str, longest: int | None = None, strict: bool = False) -> object:
    made = values(Field("it", "It", kind=kind, longest=longest), strict=strict)
    return made.of([cell]).get("it")


def test_cells_are_trimmed_and_empty_ones_left_out() -> None:
    assert values(FIRST, LAST).of([" Ann\t", "\u00a0 "]) == {"first_name": "Ann"}


def test_cells_come_in_the_order_of_the_mapping() -> None:
    made = Values((FIRST, LAST), Target("a1", ["last_name", "first_name"]))
    assert made.of(["Lee", "Ann"]) == {"last_name": "Lee", "first_name": "Ann"}


def test_an_empty_cell_clears_only_where_the_export_says_so() -> None:
    made = values(FIRST, LAST, SIZE, clears=["last_name", "size"])
    assert made.of(["", " ", ""]) == {"last_name": "", "size": ""}
    assert made.of(["", "Lee", "small"]) == {"last_name": "Lee", "size": "Small"}


def test_a_field_that_is_gone_is_left_out_and_noted() -> None:
    made = Values((LAST,), Target("a1", ["first_name", "last_name"]))
    assert made.of(["Ann", "Lee"]) == {"last_name": "Lee"}
    assert list(map(str, made.notes())) == [
        "The list no longer has the field first_name; it is left out."
    ]


def test_text_that_is_too_long_is_cut_and_counted() -> None:
    made = values(FIRST, LAST)
    assert made.of(["Annabelle", "Smithson"]) == {"first_name": "Annab", "last_name": "Smith"}
    assert made.of(["Ann", "Smithson"]) == {"first_name": "Ann", "last_name": "Smith"}
    assert list(map(str, made.notes())) == [
        "1 value of First name was longer than 5 characters and was cut.",
        "2 values of Last name were longer than 5 characters and were cut.",
    ]


def test_nothing_is_noted_of_text_that_fits() -> None:
    made = values(FIRST, LAST)
    assert made.of(["  Annie  ", "Smith"]) == {"first_name": "Annie", "last_name": "Smith"}
    assert list(map(str, made.notes())) == []


def test_bytes_are_counted_where_the_destination_counts_them() -> None:
    made = values(FIRST, in_bytes=True)
    assert made.of(["ŁŁŁ"]) == {"first_name": "ŁŁ"}
    assert list(map(str, made.notes())) == [
        "1 value of First name was longer than 5 bytes and was cut."
    ]


GOOD: Mapping[tuple[FieldType, str], str] = {
    (FieldType.EMAIL, " Ann@Example.com "): "ann@example.com",
    (FieldType.PHONE, "+48 (22) 123-45-67"): "+48 (22) 123-45-67",
    (FieldType.NUMBER, "12"): "12",
    (FieldType.NUMBER, "+12.50"): "12.50",
    (FieldType.NUMBER, "-.5"): "-.5",
    (FieldType.NUMBER, "7."): "7.",
    (FieldType.NUMBER, "1,5"): "1.5",
    (FieldType.NUMBER, "15,50-"): "-15.50",
    (FieldType.NUMBER, "1e5"): "100000",
    (FieldType.DATE, "2026-11-24"): "2026-11-24",
    (FieldType.DATE, "11/24/2026"): "2026-11-24",
    (FieldType.DATE, "24/11/2026"): "2026-11-24",
    (FieldType.DATE, "2/2/2026"): "2026-02-02",
    (FieldType.DATE, "20261124"): "2026-11-24",
    (FieldType.DATE, "2026-11-24T10:00:00Z"): "2026-11-24T10:00:00+00:00",
    (FieldType.DATE, "2026-11-24 10:00:00.5+02:00"): "2026-11-24T10:00:00.500000+02:00",
    (FieldType.DATE, "2026-11-24T10:00"): "2026-11-24T10:00:00",
    (FieldType.DATE, "2026-11-24 10:00:00.5 +0000 UTC"): "2026-11-24T10:00:00.500000+00:00",
    (FieldType.DATE, "2026-11-24 10:00:00 +0100 CET m=+0.01"): "2026-11-24T10:00:00+01:00",
    (FieldType.DATE, "24NOV2026"): "2026-11-24",
    (FieldType.DATE, "24NOV2026:10:00:00.5"): "2026-11-24T10:00:00.500000",
    (FieldType.DATE, "24-NOV-2026 10.00.00.500000 PM"): "2026-11-24T22:00:00.500000",
    (FieldType.DATE, "24-NOV-2026 10.00.00 AM +02:00"): "2026-11-24T10:00:00+02:00",
    (FieldType.DATE, "2026-11-24-10.00.00.500000"): "2026-11-24T10:00:00.500000",
    (FieldType.DATE, "24.11.2026 10.00.00"): "2026-11-24T10:00:00",
    (FieldType.DATE, "24.11.2026 9.05"): "2026-11-24T09:05:00",
    (FieldType.DATE, "2026-11-24 10 h 05 min 06 s"): "2026-11-24T10:05:06",
    (FieldType.DATE, "24/11/2026 10h05"): "2026-11-24T10:05:00",
    (FieldType.DATE, "2026. 11. 24. 10:00:00"): "2026-11-24T10:00:00",
    (FieldType.DATE, "2026-11-24 10:00:00 America/New_York"): "2026-11-24",
    (FieldType.BIRTHDAY, "24-NOV-80 12.00.00.000000000 AM"): "11/24",
    (FieldType.BIRTHDAY, "2/29"): "02/29",
    (FieldType.BIRTHDAY, "11-24"): "11/24",
    (FieldType.BIRTHDAY, "--11-24"): "11/24",
    (FieldType.BIRTHDAY, "1980-11-24"): "11/24",
    (FieldType.BIRTHDAY, "11/24/1980"): "11/24",
    (FieldType.URL, "https://example.com/?a=1#b"): "https://example.com/?a=1#b",
    (FieldType.URL, "HTTP://bücher.example"): "HTTP://bücher.example",
}
BAD: Sequence[tuple[FieldType, str]] = [
    (FieldType.EMAIL, "ann"),
    (FieldType.PHONE, "none"),
    (FieldType.PHONE, "٣"),
    *(
        (FieldType.NUMBER, text)
        for text in ("1,2,3", "1e999", "0x1", "NaN", "inf", "1 2", ".", "+", "٣")
    ),
    *((FieldType.DATE, text) for text in ("2026-02-30", "24/24/2026", "20261324", "2026-W48-2")),
    *(
        (FieldType.DATE, text)
        for text in ("0000-01-01", "2026-11-24T25:00", "today", "2026-11-24T")
    ),
    *((FieldType.DATE, text) for text in ("1/2/26", "٢٠٢٦-11-24", "2026-11-24T10:00:00+99:00")),
    *((FieldType.BIRTHDAY, text) for text in ("24/24", "2/30", "1124", "0/1", "1980-02-30")),
    *(
        (FieldType.URL, text)
        for text in ("example.com", "javascript:alert(1)", "http:///a", "https://a b")
    ),
]


@pytest.mark.parametrize(("given", "plain"), GOOD.items(), ids=repr)
def test_a_value_of_the_kind_is_sent_in_its_plain_form(
    given: tuple[FieldType, str], plain: str
) -> None:
    assert one(*given) == plain


@pytest.mark.parametrize(("kind", "cell"), BAD)
def test_a_value_of_another_kind_is_left_out(kind: FieldType, cell: str) -> None:
    made = values(Field("it", "It", kind=kind), FIRST, clears=["it"])
    assert made.of([cell, "Ann"], say("row 7 of VIP")) == {"first_name": "Ann"}
    [note] = map(str, made.notes())
    assert note.startswith("1 value of It (column it) was left out, because ")
    assert note.endswith(": row 7 of VIP.")
    assert len(cell) < 3 or cell not in note


@pytest.mark.parametrize(("kind", "cell"), BAD)
def test_where_the_export_is_strict_it_makes_the_profile_invalid_without_being_named(
    kind: FieldType, cell: str
) -> None:
    with pytest.raises(InvalidProfile, match=r"^It must be ") as unfit:
        one(kind, cell, strict=True)
    assert unfit.value.code == "bad_value"
    assert len(cell) < 3 or cell not in str(unfit.value)


@pytest.mark.parametrize("kind", [FieldType.PHONE, FieldType.URL, FieldType.NUMBER])
def test_what_would_mean_something_else_when_cut_is_refused(kind: FieldType) -> None:
    cell = {
        FieldType.PHONE: "404-555-1212",
        FieldType.URL: "https://a.pl",
        FieldType.NUMBER: "123456789012",
    }[kind]
    assert one(kind, cell, longest=12) == cell
    assert one(kind, cell, longest=11) is None
    with pytest.raises(InvalidProfile, match="It must be at most 11 characters long"):
        one(kind, cell, longest=11, strict=True)


@pytest.mark.parametrize("cell", ["Small", " small ", "SMALL"])
def test_a_choice_is_sent_in_the_spelling_of_the_destination(cell: str) -> None:
    assert values(SIZE).of([cell]) == {"size": "Small"}


@pytest.mark.parametrize(
    ("choices", "yes", "no"),
    [(("true", "false"), "true", "false"), (("Nej", "Ja"), "Ja", "Nej"), (("1", "0"), "1", "0")],
)
def test_yes_and_no_are_taken_as_programs_write_them(
    choices: Sequence[str], yes: str, no: str
) -> None:
    made = values(Field("vip", "VIP", kind=FieldType.CHOICE, choices=choices))
    for cell in ("true", "TRUE", "1", "1.0", "t", "Yes", "SANT", "VRAI", "WAHR"):
        assert made.of([cell]) == {"vip": yes}
    for cell in ("false", "False", "0", "0.0", "f", "no", "FALSKT", "FAUX", "FALSCH"):
        assert made.of([cell]) == {"vip": no}
    assert made.of(["2"]) == {}


@pytest.mark.parametrize("choices", [("1", "2", "Gold"), ("Yes", "No", "Maybe"), ("Yes", "1")])
def test_what_else_stands_for_yes_is_taken_only_where_there_is_nothing_but_yes_and_no(
    choices: Sequence[str],
) -> None:
    made = values(Field("vip", "VIP", kind=FieldType.CHOICE, choices=choices))
    assert made.of(["true"]) == {}
    assert made.of(["1"]) == ({"vip": "1"} if "1" in choices else {})


@pytest.mark.parametrize("cell", ["Medium", "Small;Large", "-"])
def test_what_is_no_choice_makes_the_profile_invalid(cell: str) -> None:
    with pytest.raises(InvalidProfile, match="Size must be one of its choices: Small, Large"):
        values(SIZE, strict=True).of([cell])


@pytest.mark.parametrize("cell", ["cat;gecko", "Cat | Gecko", ";cat; GECKO ;cat;"])
def test_several_choices_are_separated_by_a_semicolon_or_a_bar(cell: str) -> None:
    assert values(PETS).of([cell]) == {"pets": "Cat|Gecko"}


@pytest.mark.parametrize("cell", ["cat;fish", "cat,dog", ";"])
def test_one_that_is_no_choice_makes_the_profile_invalid(cell: str) -> None:
    with pytest.raises(InvalidProfile, match="Pets must be some of its choices"):
        values(PETS, strict=True).of([cell])


def test_a_reason_lists_ten_choices_at_most() -> None:
    many = Field("it", "It", kind=FieldType.CHOICE, choices=[f"c{n}" for n in range(500)])
    with pytest.raises(InvalidProfile, match="c9, …"):
        values(many, strict=True).of(["x"])


def test_values_are_written_as_the_destination_wants_them() -> None:
    age = Field("age", "Age", kind=FieldType.NUMBER)
    target = Target("a1", ["first_name", "age", "pets"])
    write: Mapping[FieldType, Write] = {
        FieldType.NUMBER: float,
        FieldType.CHOICES: lambda text: text.split("|"),
    }
    said = Values((FIRST, age, PETS), target, write).of(["Ann", "12.5", "dog"])
    assert said == {"first_name": "Ann", "age": 12.5, "pets": ["Dog"]}


text = st.text(st.characters(exclude_categories=["Cs"])) | st.text("aé李🙂 ", max_size=40)


@settings(max_examples=300, deadline=None)
@given(text, st.integers(0, 20), st.booleans(), st.booleans())
def test_what_is_sent_is_the_longest_beginning_that_fits(
    cell: str, longest: int, in_bytes: bool, clears: bool
) -> None:
    made = values(
        Field("it", "It", longest=longest), clears=["it"] if clears else [], in_bytes=in_bytes
    )
    sent = made.of([cell]).get("it", "")
    wanted = cell.strip()

    def size(text: str) -> int:
        return len(text.encode()) if in_bytes else len(text)

    assert isinstance(sent, str)
    assert wanted.startswith(sent)
    assert size(sent) <= longest
    assert sent == wanted or size(wanted[: len(sent) + 1]) > longest
    assert bool(made.notes()) == (sent != wanted)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FieldType), text | st.text("0123456789-/:.TZ+", max_size=25))
def test_a_cell_is_sent_or_left_out_and_never_anything_else(kind: FieldType, cell: str) -> None:
    field = Field("it", "It", kind=kind, choices=("1", "2-3"))
    made = values(field)
    [*said] = made.of([cell]).values()
    left_out = sum(each.values for rule in made.rules for each in rule.notes.left_out.values())
    assert len(said) + left_out == bool(cell.strip() and cell.strip() != NULL)
    if said and kind is not FieldType.BIRTHDAY:  # 11/24 does not say what comes first
        # A plain form is its own plain form, so what is sent twice is the same both times.
        assert values(field).of([str(said[0])])["it"] == said[0]


def test_what_is_noted_is_forgotten_when_all_is_read_anew() -> None:
    made = values(FIRST, SIZE)
    made.of(["Annabelle", "huge"])
    assert len(made.notes()) == 2
    made.restart()
    assert made.notes() == []


def test_a_note_shows_three_rows() -> None:
    made = values(SIZE)
    for row in range(2, 7):
        made.of(["huge"], say("row {row} of VIP", row=str(row)))
    assert [str(note) for note in made.notes()] == [
        "5 values of Size (column size) were left out, because it must be one of its choices: Small, "
        "Large: row 2 of VIP, row 3 of VIP, row 4 of VIP, …."
    ]


@pytest.mark.parametrize("kind", FieldType)
def test_a_null_of_databases_is_an_empty_cell(kind: FieldType) -> None:
    field = Field("it", "It", kind=kind)
    assert values(field).of([" \\N "]) == {}
    assert values(field, clears=["it"]).of(["\\N"]) == {"it": ""}
    assert not values(field).notes()


def test_other_nulls_are_empty_where_the_reading_says_so() -> None:
    made = values(FIRST, clears=["first_name"])
    assert made.of(["NULL"]) == {"first_name": "NULL"}
    made.begin(Habits([Habit()], frozenset([NULL, "NULL"])))
    assert made.of(["NULL"]) == {"first_name": ""}
