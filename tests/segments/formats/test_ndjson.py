"""NDJSON: whatever pieces its bytes come in, each object is the row that it is by itself."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.errors import BadSegment
from shared.segments.formats.cell_text import text_of
from shared.segments.formats.ndjson import LOOKED_AT, NdjsonRows
from shared.segments.formats.rows import MAX_FIELD

WANTED = ["Email", "Näme", "Score"]
TEXTS = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=8)
VALUES = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.lists(st.integers()))
PLAIN = st.fixed_dictionaries(dict.fromkeys(WANTED, TEXTS))
OBJECTS = st.one_of(PLAIN, st.dictionaries(st.sampled_from([*WANTED, "Else"]), VALUES))
LINES = st.lists(st.one_of(OBJECTS, st.just(None)), min_size=1, max_size=20)  # None is blank
FULL: dict[str, object] = {"Email": "a@example.com", "Näme": "Ann", "Score": "1"}
MANY: list[dict[str, object] | None] = [
    FULL
] * LOOKED_AT  # after which nothing is looked for in an object any more


def encoded(lines: list[dict[str, object] | None]) -> bytes:
    texts = ["" if each is None else json.dumps(each, ensure_ascii=False) for each in lines]
    return "".join(f"{text}\n" for text in texts).encode()


@settings(max_examples=200, deadline=None)
@given(st.booleans(), LINES, st.integers(1, 400))
def test_each_object_is_a_row_with_the_number_of_its_line(
    behind_many: bool, lines: list[dict[str, object] | None], piece: int
) -> None:
    everything = [*(MANY if behind_many else ()), *lines, FULL]
    data, rows = encoded(everything), NdjsonRows("1.ndjson", WANTED)
    found = [row for at in range(0, len(data), piece) for row in rows.feed(data[at : at + piece])]
    found += rows.close()
    assert found == [
        (number, tuple(text_of(each.get(name)) for name in WANTED))
        for number, each in enumerate(everything, start=1)
        if each is not None
    ]
    assert rows.unseen == frozenset()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"Email": ', "this is not JSON"),
        (b'["a@example.com"]', "not an object"),
        (b'{"Email": "\xff"}', "not UTF-8"),
        (b'{"Email": "a\\u0000"}', "NUL"),
        (b'{"Email": "%b"}' % (b"x" * (MAX_FIELD + 1)), "longer than"),
        (b'{"Email": [%b1]}' % (b"1e15," * (MAX_FIELD // 10)), "longer than"),
    ],
)
@pytest.mark.parametrize("before", [[], MANY], ids=["first", "behind many"])
def test_what_is_wrong_is_told_by_its_line(
    line: bytes, said: str, before: list[dict[str, object] | None]
) -> None:
    rows = NdjsonRows("1.ndjson", ["Email"])
    rows.feed(encoded(before))
    with pytest.raises(BadSegment, match=said) as caught:
        rows.feed(encoded([FULL, None]) + line + b"\n")
    assert f"line {len(before) + 3}:" in str(caught.value.reason)
