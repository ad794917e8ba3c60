"""The share of the limits that a lane makes use of: how far it sinks, and how it comes back."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.transport.share import LEAST, MOST_HALVINGS, Share

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)

events = st.lists(st.tuples(st.booleans(), st.floats(0, 700)), max_size=100)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def halved(times: int) -> Share:
    """Return a share that was halved so often at once."""
    share = Share()
    for _ in range(times):
        share = share.halved(START)
    return share


def sending(share: Share, seconds: int) -> list[float]:
    """Return the sizes while there is an answer each second, from START."""
    sizes = []
    for second in range(1, seconds + 1):
        share = share.answered(after(second))
        sizes.append(share.size)
    return sizes


@given(events)
def test_it_stays_in_its_bounds_and_answers_never_lessen_it(
    events: list[tuple[bool, float]],
) -> None:
    share, now = Share(), START
    for good, seconds in events:
        now += timedelta(seconds=seconds)
        before = share.size_at(now)
        share = share.answered(now) if good else share.halved(now)
        assert LEAST <= share.size <= 1
        assert 0 <= share.halvings <= MOST_HALVINGS
        assert share.size >= before if good else share.size == max(before / 2, LEAST)


@given(st.integers(1, 10), st.floats(0, 700), st.floats(0, 700))
def test_silence_never_lessens_it(times: int, first: float, second: float) -> None:
    share = halved(times)
    sooner, later = sorted((first, second))
    assert share.size <= share.size_at(after(sooner)) <= share.size_at(after(later)) <= 1


@pytest.mark.parametrize("times", [1, 2, 3, 10])
def test_ten_minutes_of_silence_bring_all_of_it_back_and_nothing_is_remembered(times: int) -> None:
    share = halved(times)
    assert share.size_at(after(200)) < 1
    assert share.size_at(after(600)) == 1
    assert share.answered(after(600)) == Share(at=after(600))
    assert share.halved(after(600)).halvings == 1


def test_it_comes_back_by_equal_steps_and_sooner_while_there_are_answers() -> None:
    share = halved(1)
    busy = sending(share, 24)[10:]
    quiet = [share.size_at(after(second)) for second in range(20, 44)]
    for sizes in (busy, quiet):
        steps = [later - sooner for sooner, later in pairwise(sizes)]
        assert steps == pytest.approx([steps[0]] * len(steps))
    assert busy[1] - busy[0] > 4 * (quiet[1] - quiet[0]) > 0


@pytest.mark.parametrize(("times", "seconds"), [(1, 25), (2, 100)])
def test_one_halving_is_made_good_in_half_a_minute_of_sending_and_two_in_less_than_two(
    times: int, seconds: int
) -> None:
    sizes = sending(halved(times), 120)
    assert sizes[seconds - 2] < 1 == sizes[seconds]


def test_who_is_halved_again_comes_back_more_slowly_up_to_half_an_hour() -> None:
    first = [sending(halved(times), 11)[-1] - 2**-times for times in range(1, 7)]
    assert first == pytest.approx([1 / 30, 1 / 120, 1 / 480, 1 / 1920, 1 / 1920, 1 / 1920])


def test_ten_minutes_at_the_full_limits_forget_what_was() -> None:
    share = halved(2)
    for second in range(1, 120):
        share = share.answered(after(second))
    assert (share.size, share.halvings) == (1, 2)
    assert share.answered(after(600)).halvings == 2
    assert share.answered(after(700)).halvings == 0


def test_an_answer_of_before_it_was_halved_brings_nothing_back() -> None:
    share = halved(1)
    assert share.answered(after(-5)) == share.answered(after(9.9)) == share
