"""Many profiles at once: what pyarrow writes of plain rows is what is written of each by itself."""

import re
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from shared.arrow import TEXT, pa
from shared.destinations.encoding.encoder import ValuesEncoder
from shared.destinations.encoding.habits import Habit
from shared.destinations.encoding.template import Group, Template, member
from shared.destinations.encoding.values import Rule, Values
from shared.destinations.model import Field, FieldType, Target
from shared.domain.message import say
from tests.destinations.encoding.alike import plain

CHOICES = ("Small", 'La"rge')
FIELDS = [
    Field(f"{kind}{longest or ''}", kind.title(), kind=kind, longest=longest, choices=CHOICES)
    for kind in FieldType
    for longest in (None, 9)
]
NAMES = [field.name for field in FIELDS]

VALUES: Mapping[FieldType, Sequence[str]] = {
    FieldType.EMAIL: ("ann@example.com", "Ann@Example.Com", "bob"),
    FieldType.TEXT: ("Ann", "Łeeeee", 'A"nn', "a\\b", "two\nlines", "李小龍李小龍"),
    FieldType.PHONE: ("+46 70 1", "404-555-1212", "none", "٣"),
    FieldType.NUMBER: ("12.5", "+7", "-.5", "7.", "1,5", "٣", "1234567890"),
    FieldType.DATE: ("2026-11-24", "11/24/2026", "2026-02-30", "2026-11-24T10:00Z"),
    FieldType.BIRTHDAY: ("11/24", "1980-11-24", "30/2"),
    FieldType.URL: ("https://a", "HTTP://a.b", "https://a\u00a0b", "http:///a", "https://bücher"),
    FieldType.CHOICE: ("small", 'LA"RGE', "medium"),
    FieldType.CHOICES: ("small;SMALL", 'small|la"rge', "medium;small", ";"),
}
around = st.sampled_from(["", "", "", " ", "\u00a0", "\x1f", "\u3000 "])
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


def fitting(rule: Rule, text: str) -> bool:
    return not text or rule.written(text, Habit()) == text


def good(field: Field, rule: Rule) -> st.SearchStrategy[str]:
    """Return what a row may hold and be plain."""
    texts = [text for text in ("", *VALUES[field.kind]) if fitting(rule, text)]
    return st.builds(lambda behind, text: f"{text}{behind}", around, st.sampled_from(texts))


def odd(kind: FieldType) -> st.SearchStrategy[str]:
    usual = st.builds(lambda before, text: f"{before}{text}", around, st.sampled_from(VALUES[kind]))
    return usual | anything


def with_odd(cells: tuple[str, ...], changed: dict[int, str]) -> list[str]:
    return [changed.get(at, cell) for at, cell in enumerate(cells)]


emails = st.sampled_from(
    [
        "ann@example.com",
        " Ann.Lee+x@EXAMPLE.co.uk\t",
        "",
        "ann",
        "ann@bücher.example",
        "ann@xn--bcher-kva.example",
        "a..b@example.com",
        "ann@a--b.example",
        "ann@example.com\x1f",
        "K@example.com",  # the Kelvin sign, whose lower case is k
        "ann@example.c",
        "ann@" + "a" * 60 + ".com",
        "a" * 59 + "@b.co",
    ]
)
ordinary = st.tuples(
    *(good(*each) for each in zip(FIELDS, Values(FIELDS, Target("a1", NAMES)).rules, strict=True))
)
changed = st.integers(0, len(FIELDS) - 1).flatmap(
    lambda at: st.dictionaries(st.just(at), odd(FIELDS[at].kind), max_size=1)
)
rows = st.lists(
    st.tuples(st.just("ann@example.com") | emails, st.builds(with_odd, ordinary, changed)),
    min_size=1,
    max_size=8,
)


def made(clears: Sequence[str], in_bytes: bool, opening: str, longest: int = 63) -> ValuesEncoder:
    own = {name: (f'{{"id":"{name}","value":', "}") for name in NAMES[1::2]}
    template = Template(
        before='{"mail":',
        between=',"more":{"a":1' if opening else ',"more":{',
        groups=[
            Group({name: member(name) for name in NAMES[::2]}, opening=opening),
            Group(own, opening='},"own":[', closing="],{"),
        ],
        after="}}",
    )
    write = {FieldType.BIRTHDAY: lambda text: text.replace("/", "-")}
    leaves_out = {NAMES[-1]: lambda text: text if text.isascii() else None}
    values = Values(FIELDS, Target("a1", NAMES, clears), write, leaves_out, in_bytes)
    return ValuesEncoder(template, values, longest)


@settings(max_examples=300, deadline=None)
@given(
    table=rows,
    clears=st.sets(st.sampled_from(NAMES)),
    in_bytes=st.booleans(),
    opening=st.sampled_from(["", ","]),
)
def test_both_ways_write_the_same(
    table: list[tuple[str, list[str]]], clears: set[str], in_bytes: bool, opening: str
) -> None:
    found = plain(made(sorted(clears), in_bytes, opening), table, len(NAMES))
    event(f"{100 * sum(found) // max(len(found), 1) // 25 * 25} % plain")


def test_what_nothing_is_to_be_decided_about_is_plain() -> None:
    profiles = made((), in_bytes=False, opening=",")
    ordinary = [VALUES[field.kind][0] for field in FIELDS]
    ordinary = [
        value if field.longest is None else ""
        for value, field in zip(ordinary, FIELDS, strict=True)
    ]
    empty = [""] * len(FIELDS)
    table = [("ann@example.com", ordinary), (" Bob@Example.com ", empty)]
    assert plain(profiles, table, len(FIELDS)) == [True, True]
    assert plain(profiles, table[1:], len(FIELDS)) == [True]
    assert plain(profiles, [], len(FIELDS)) == []


@pytest.mark.parametrize("cell", ['A"nn', "a\\b", "a\tb", "\x1b"])
def test_text_is_escaped_as_json_wants_it(cell: str) -> None:
    values = Values([Field("name", "Name", longest=9)], Target("a1", ["name"]))
    template = Template('{"mail":', [Group({"name": member("name")}, opening=",")], "}")
    table = [("ann@example.com", [text]) for text in ("Ann", cell, "李小龍", "", cell)]
    assert plain(ValuesEncoder(template, values), table, 1) == [True] * 5


@pytest.mark.parametrize("cell", ["Annabelle Lee", "李小龍李小龍李小龍李"])
def test_text_is_cut_and_counted(cell: str) -> None:
    values = Values([Field("name", "Name", longest=9)], Target("a1", ["name"]))
    template = Template('{"mail":', [Group({"name": member("name")}, opening=",")], "}")
    table = [("ann@example.com", [text]) for text in ("Ann", cell, "李小龍")]
    table.append(("no address", [cell]))
    assert plain(ValuesEncoder(template, values), table, 1) == [True, True, True, False]
    assert values.rules[0].notes.cut == 2  # in each way once, and none of the row that is not plain


def test_bytes_are_measured_where_the_destination_counts_them() -> None:
    values = Values([Field("name", "Name", longest=9)], Target("a1", ["name"]), in_bytes=True)
    template = Template('{"mail":', [Group({"name": member("name")}, opening=",")], "}")
    table = [("ann@example.com", [text]) for text in ("李小龍", "李小龍李")]
    assert plain(ValuesEncoder(template, values), table, 1) == [True, True]
    assert values.rules[0].notes.cut == 2


def test_what_is_left_out_is_counted_with_its_rows() -> None:
    values = Values([Field("age", "Age", kind=FieldType.NUMBER)], Target("a1", ["age"]))
    template = Template('{"mail":', [Group({"age": member("age")}, opening=",")], "}")
    made = ValuesEncoder(template, values)
    emails = pa.array(["ann@example.com"] * 5 + ["no address"], TEXT)
    cells = pa.array(["7", "old", "1e1", "old", "young", "old"], TEXT)
    _, texts, are_plain = made.encode_plain(emails, [cells], lambda at: say("{at}", at=str(at)))
    assert are_plain.to_pylist() == [True] * 5 + [False]
    assert texts.to_pylist()[:3] == [
        '{"mail":"ann@example.com","age":"7"}',
        '{"mail":"ann@example.com"}',
        '{"mail":"ann@example.com","age":"10"}',
    ]
    assert [str(note) for note in made.notes()] == [
        "3 values of Age (column age) were left out, because it must be a number such as 12.5: 1, 3, 4."
    ]


def test_where_the_export_is_strict_such_a_row_is_not_plain() -> None:
    target = Target("a1", ["age"], strict_fields=True)
    values = Values([Field("age", "Age", kind=FieldType.NUMBER)], target)
    template = Template('{"mail":', [Group({"age": member("age")}, opening=",")], "}")
    made = ValuesEncoder(template, values)
    emails, cells = pa.array(["ann@example.com"] * 2, TEXT), pa.array(["7", "old"], TEXT)
    assert made.encode_plain(emails, [cells])[2].to_pylist() == [True, False]
    assert made.notes() == []


def test_a_longer_address_is_left_to_be_looked_at() -> None:
    profiles = made((), in_bytes=False, opening=",", longest=15)
    table = [("ann@example.com", [""] * len(NAMES)), ("anna@example.com", [""] * len(NAMES))]
    assert plain(profiles, table, len(NAMES)) == [True, False]


like = [
    rule.like
    for rule in Values(FIELDS, Target("a1", NAMES)).rules
    if rule.like is not None and rule.longest is None
]


@pytest.mark.parametrize("pattern", [each for each in like if each])
@given(data=st.data())
def test_what_is_like_a_kind_is_of_it(pattern: str, data: st.DataObject) -> None:
    [rule] = [
        each
        for each in Values(FIELDS, Target("a1", NAMES)).rules
        if each.like == pattern and each.longest is None
    ]
    text = data.draw(st.from_regex(re.compile(pattern)).map(str.strip).filter(bool))
    if re.search(pattern, text):
        assert rule.written(text, Habit()) == text


def test_kinds_that_a_pattern_can_tell_have_one() -> None:
    assert len(like) == 4  # text, phone, number, URL
