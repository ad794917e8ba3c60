"""The pace of a lane: never more in any window than the destination allows, and slower when told."""

import asyncio

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


async def test_refusals_of_requests_sent_together_slow_it_down_once() -> None:
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    for _ in range(8):
        pace.slow_down()
    assert pace.slowness == 2
    clock.advance(5)
    pace.slow_down()
    assert pace.slowness == 4
    assert (pace.at_once(10), pace.at_once(1)) == (2, 1)


@given(st.lists(st.booleans(), max_size=2000))
def test_it_is_never_faster_than_published_and_never_stands_still(answers: list[bool]) -> None:
    clock = FakeClock()
    pace = Pace(clock, [PER_SECOND])
    for good in answers:
        clock.advance(2)
        pace.speed_up() if good else pace.slow_down()
        assert 1 <= pace.slowness <= 64
        assert 1 <= pace.at_once(10) <= 10
