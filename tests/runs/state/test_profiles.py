"""Profiles in columns behave as a list of profiles would."""

from hypothesis import given
from hypothesis import strategies as st

from shared.runs.state.profiles import Profiles

type Rows = list[tuple[bytes, bytes, bytes]]

ROWS = st.lists(st.tuples(st.binary(), st.binary(), st.binary()))


def in_columns(rows: Rows) -> Profiles:
    return Profiles(*([row[field] for row in rows] for field in range(3)))


def in_rows(profiles: Profiles) -> Rows:
    return list(zip(profiles.origins, profiles.addresses, profiles.fragments, strict=True))


@given(ROWS, ROWS)
def test_others_are_added_behind(rows: Rows, more: Rows) -> None:
    profiles = in_columns(rows)
    profiles.add(in_columns(more))
    assert in_rows(profiles) == rows + more
    assert len(profiles) == len(rows + more)


@given(ROWS, st.integers(0, 20))
def test_the_first_ones_are_taken_away(rows: Rows, size: int) -> None:
    profiles = in_columns(rows)
    assert in_rows(profiles.take(size)) == rows[:size]
    assert in_rows(profiles) == rows[size:]


@given(ROWS, st.data())
def test_those_that_are_chosen_stay_in_their_order(rows: Rows, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    kept = [row for row, choice in zip(rows, chosen, strict=True) if choice]
    assert in_rows(in_columns(rows).only(chosen)) == kept
