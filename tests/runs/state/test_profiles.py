"""Profiles in columns behave as a list of profiles would."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.arrow import pa
from shared.runs.state.profiles import Profiles, file_and_row, origins_of

type Rows = list[tuple[int, bytes, bytes]]

FILES, NUMBERS = st.integers(0, 2**20), st.integers(0, 2**40 - 1)
ORIGINS = st.integers(0, 2**60 - 1)
ROWS = st.lists(st.tuples(ORIGINS, st.binary(), st.binary()))


def _range(start: int, size: int) -> range:
    return range(start, start + size)


def in_rows(profiles: Profiles) -> Rows:
    columns = (profiles.origins, profiles.addresses, profiles.fragments)
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


@given(ROWS, ROWS)
def test_others_are_added_behind(rows: Rows, more: Rows) -> None:
    profiles = Profiles.of(rows).and_then(Profiles.of(more))
    assert in_rows(profiles) == rows + more
    assert len(profiles) == len(rows + more)


@given(ROWS, st.data())
def test_those_behind_an_index_stay(rows: Rows, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(rows)))
    assert in_rows(Profiles.of(rows).behind(start)) == rows[start:]


@given(ROWS, st.data())
def test_those_that_are_chosen_stay_in_their_order(rows: Rows, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    kept = [row for row, choice in zip(rows, chosen, strict=True) if choice]
    assert in_rows(Profiles.of(rows).only(pa.array(chosen, pa.bool_()))) == kept


@given(st.lists(st.integers(), unique=True), st.data())
def test_they_can_be_put_in_any_order(names: list[int], data: st.DataObject) -> None:
    rows = [(at, b"%d" % name, b"{}") for at, name in enumerate(names)]
    order = data.draw(st.permutations(range(len(rows))))
    ordered = Profiles.of(rows).ordered(pa.array(order, pa.int64()))
    assert in_rows(ordered) == [rows[at] for at in order]


@given(ROWS, st.data())
def test_batches_are_texts(rows: Rows, data: st.DataObject) -> None:
    """Also those of profiles of which the first ones are gone."""
    gone = data.draw(st.integers(0, len(rows)))
    rows, profiles = rows[gone:], Profiles.of(rows).behind(gone)
    bounds = sorted(data.draw(st.sets(st.integers(0, len(rows)))) | {0})
    batches = [rows[start:end] for start, end in pairwise(bounds)]
    origins, addresses, fragments = profiles.texts(bounds)
    assert origins == [
        b"\t".join(b"%d:%d" % file_and_row(origin) for origin, _, _ in batch) for batch in batches
    ]
    assert addresses == [b"\t".join(address for _, address, _ in batch) for batch in batches]
    assert fragments == [b",\n".join(fragment for _, _, fragment in batch) for batch in batches]
    assert profiles.sizes() == [len(fragment) for _, _, fragment in rows]


@given(
    FILES,
    st.one_of(st.lists(NUMBERS), st.builds(_range, st.integers(0, 2**39), st.integers(0, 50))),
)
def test_an_origin_tells_the_file_and_the_row(file: int, numbers: Sequence[int]) -> None:
    origins = origins_of(file, numbers).to_pylist()
    assert [file_and_row(origin) for origin in origins] == [(file, number) for number in numbers]
