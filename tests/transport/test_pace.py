"""The pace of a lane: never more in any window than the destination allows, and slower when told."""

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.destinations.model import Rate
from shared.transport.pace import Pace
from tests.fakes.clock import FakeClock

PER_SECOND = Rate(5, 1)
IMPORTS = Rate(100, 60, of="POST /import")


async def sent_at(pace: Pace, clock: FakeClock, requests: list[str]) -> list[float]:
    """Ask for all turns at once; return when each was given."""
    at: list[float] = [0.0] * len(requests)

    async def one(number: int, request: str) -> None:
        await pace.turn(request)
        at[number] = clock.monotonic()

    await asyncio.gather(*(one(*each) for each in enumerate(requests)))
    return at


def most_in_a_window(at: list[float], seconds: float) -> int:
    return max(sum(start <= each < start + seconds for each in at) for start in at)


async def test_no_window_holds_more_requests_than_are_allowed() -> None:
    clock = FakeClock()
    at = await sent_at(Pace(clock, [PER_SECOND]), clock, ["GET /lists"] * 60)
    assert most_in_a_window(at, 1) == 5
    assert at == sorted(at)
    assert at[-1] - at[0] <= 59 / 5 * 1.15


async def test_requests_count_for_every_rate_that_they_are_of() -> None:
    clock = FakeClock()
    pace = Pace(clock, [IMPORTS, PER_SECOND])
    at: dict[str, list[float]] = {"POST /import/bulk_import": [], "GET /import/info": []}

    async def ask(request: str, pause: float) -> None:
        for _ in range(220):
            await pace.turn(request)
            at[request].append(clock.monotonic())
            await clock.sleep(pause)

    await asyncio.gather(
        *(ask(request, pause) for request, pause in zip(at, (0, 0.4), strict=True))
    )
    imports, others = at.values()
    assert most_in_a_window(sorted(imports + others), 1) <= 5
    assert most_in_a_window(imports, 60) <= 100
    # Sharing a rate costs the imports next to nothing of their own.
    assert imports[-1] <= 220 * 0.6 * 1.03


@given(
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["POST /import", "GET /x"])), max_size=400)
)
async def test_no_window_has_too_many_however_requests_come(
    asked: list[tuple[float, str]],
) -> None:
    clock = FakeClock()
    pace = Pace(clock, [IMPORTS, PER_SECOND])
    at: list[float] = []
    imports: list[float] = []

    async def ask(request: str, after: float) -> None:
        await clock.sleep(after)
        await pace.turn(request)
        at.append(clock.monotonic())
        if request.startswith("POST"):
            imports.append(clock.monotonic())

    async with asyncio.TaskGroup() as group:
        for after, request in asked:
            group.create_task(ask(request, after))
    for times, seconds, most in ((at, 1, 5), (imports, 60, 100)):
        assert not times or most_in_a_window(sorted(times), seconds) <= most


async def test_a_heavy_request_takes_the_room_of_several() -> None:
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    for _ in range(2):
        await pace.turn("POST /import", weight=5)
    assert clock.monotonic() > 1


async def test_a_pace_begins_as_if_a_request_had_just_been_sent() -> None:
    clock = FakeClock()
    await Pace(clock, [IMPORTS]).turn("POST /import/bulk_import")
    assert clock.monotonic() >= 0.6


async def test_without_rates_nobody_waits() -> None:
    clock = FakeClock()
    await sent_at(Pace(clock), clock, ["GET /ping"] * 100)
    assert clock.monotonic() == 0


def refuse(pace: Pace, times: int) -> list[bool]:
    return [pace.refused() for _ in range(times)]


def answer(pace: Pace, clock: FakeClock, seconds: int) -> None:
    for _ in range(seconds):
        clock.advance(1)
        pace.answered()


def test_a_refusal_now_and_then_changes_nothing() -> None:
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    for _ in range(100):
        assert not pace.refused()
        clock.advance(5.1)
    assert (pace.share, pace.at_once(8)) == (1, 8)
    assert [change.slow for change in pace.changes] == [False]


def test_three_refusals_within_ten_seconds_halve_it_once() -> None:
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    halved = []
    for _ in range(5):  # in 2.7 seconds
        halved += refuse(pace, 1)
        clock.advance(2.7 / 4)
    assert halved == [False, False, True, False, False]
    assert (pace.share, pace.at_once(8), pace.at_once(1)) == (0.5, 4, 1)


def test_it_is_halved_at_most_once_in_ten_seconds() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    assert any(refuse(pace, 3))
    clock.advance(9.9)
    assert not any(refuse(pace, 30))
    clock.advance(0.1)
    assert refuse(pace, 2) == [True, False]
    assert pace.share == 0.25


async def test_requests_are_as_far_apart_as_its_share_is_small() -> None:
    clock = FakeClock()
    pace = Pace(clock, [IMPORTS])
    refuse(pace, 3)
    began = clock.monotonic()
    await sent_at(pace, clock, ["POST /import"] * 5)
    assert clock.monotonic() - began >= 4 * 1.2


seven = st.lists(st.floats(0, 60), min_size=7, max_size=7).map(sorted)


def weather(at: list[float]) -> tuple[Pace, FakeClock]:
    """Return a pace that was refused at those seconds, and answered in the others."""
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    for each in at:
        answer(pace, clock, int(each - clock.monotonic()))
        clock.advance(each - clock.monotonic())
        refuse(pace, 1)
    return pace, clock


@given(seven)
def test_after_seven_refusals_in_a_minute_all_is_back_after_two_minutes_of_sending(
    at: list[float],
) -> None:
    pace, clock = weather(at)
    answer(pace, clock, 120)
    assert (pace.share, pace.at_once(8), pace.changes[-1].slow) == (1, 8, False)


@given(seven, st.booleans())
def test_after_seven_refusals_in_a_minute_all_is_back_after_ten_minutes_of_silence(
    at: list[float], in_another_slice: bool
) -> None:
    pace, clock = weather(at)
    clock.advance(600)
    later = Pace(clock, [PER_SECOND], pace.kept) if in_another_slice else pace
    assert (later.share, later.at_once(8)) == (1, 8)


def test_a_slice_that_ends_with_a_long_wait_leaves_its_refusal_to_the_next() -> None:
    clock = FakeClock()
    kept = None
    for number in range(3):
        pace = Pace(clock, kept=kept)
        clock.advance(1)
        pace.answered()
        assert refuse(pace, 1) == [number == 2]
        kept = pace.kept
        clock.advance(30)
    assert kept is not None
    assert (kept.size, kept.refusals) == (0.5, 0)


def test_a_refusal_long_before_the_end_of_a_slice_is_not_left_to_the_next() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    refuse(pace, 2)
    clock.advance(10.1)
    assert pace.kept.refusals == 0


def test_it_tells_when_it_was_slowed_and_when_it_was_back() -> None:
    clock = FakeClock()
    pace = Pace(clock)
    refuse(pace, 3)
    slowed = clock.now()
    answer(pace, clock, 120)
    refuse(pace, 1)
    assert [change.slow for change in pace.changes] == [False, True, False]
    assert pace.changes[1].at == slowed < pace.changes[2].at < clock.now()


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 30)), max_size=300))
async def test_it_is_never_faster_than_published_and_never_stands_still(
    answers: list[tuple[bool, float]],
) -> None:
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    at, halved = [], []
    for good, seconds in answers:
        clock.advance(seconds)
        await pace.turn("GET /x")
        at.append(clock.monotonic())
        if good:
            pace.answered()
        elif pace.refused():
            halved.append(clock.monotonic())
        assert 1 / 64 <= pace.share <= 1
        assert 1 <= pace.at_once(10) <= 10
    assert not at or most_in_a_window(at, 1) <= 5
    assert all(after - before >= 10 for before, after in pairwise(halved))
