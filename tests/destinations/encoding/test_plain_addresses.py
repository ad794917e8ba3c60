"""Addresses of many rows at once: whatever is called plain is what a look at the single cell finds."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.arrow import TEXT, pa
from shared.destinations.encoding.plain_addresses import plain_addresses
from shared.domain.email import PLAIN_LENGTH, read_address
from shared.invisible import BLANKS

_AROUND = st.text(st.sampled_from("<>()[]'\"\u2018\u201d;,.:@\u200b" + BLANKS), max_size=4)
_CELLS = st.tuples(
    _AROUND,
    st.sampled_from(["Ann ", "mailto:", "a@example.com", "", "", "", ""]),
    _AROUND,
    st.sampled_from(["Ann@Example.com", "ann@example", "ann", "jürg@x.se", f"{'a' * 60}@x.se"]),
    _AROUND,
).map("".join)


@given(st.lists(_CELLS, max_size=20))
def test_whatever_stands_around_an_address_a_look_at_the_cell_finds_the_same(
    cells: Sequence[str],
) -> None:
    found, plain = plain_addresses(pa.array(cells, TEXT), PLAIN_LENGTH)
    for cell, address, is_plain in zip(cells, found.to_pylist(), plain.to_pylist(), strict=True):
        if is_plain:
            assert read_address(cell) == (address, True), cell


def test_brackets_quotes_and_ends_around_plain_addresses_need_no_look_at_each_cell() -> None:
    cells = ["<Ann@example.com>", " 'ann@example.com' ;", "(ann@example.com).", "ann@example.com"]
    found, plain = plain_addresses(pa.array([*cells, "", "ann"], TEXT), PLAIN_LENGTH)
    assert plain.to_pylist() == [True] * 4 + [False] * 2
    assert found.to_pylist()[:4] == ["ann@example.com"] * 4
