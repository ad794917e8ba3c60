"""When the destination is slow, busy, ill or silent: the run waits, says why, and goes on."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from shared.destinations.model import Client, Rate
from shared.domain.run import Mode, Run, RunStatus
from tests.fakes.mailchimp import (
    Fault,
    answers,
    answers_with_a_page,
    forbids_without_a_body,
    hangs,
    resets,
)
from tests.runs.small import (
    SmallBatches,
    delays,
    leftovers,
    now,
    small,
    work_on_visible,
    written_again,
)
from tests.runs.world import World, csv

KINDS: dict[str, tuple[Callable[[World], Fault], str]] = {
    "429": (lambda _: answers(429), "Mailchimp is limiting requests (429)."),
    "a 403 without a body": (
        lambda _: forbids_without_a_body,
        "Mailchimp is limiting requests (a 403 without an explanation).",
    ),
    "500": (lambda _: answers(500), "Mailchimp has a problem of its own (500)."),
    "a reset connection": (
        lambda _: resets,
        "The connection to Mailchimp broke before an answer came.",
    ),
    "silence": (lambda world: hangs(world.clock), "Mailchimp did not answer in time."),
    "a page": (
        lambda _: answers_with_a_page,
        "Mailchimp answered with something that is not data.",
    ),
}


QUICK = {name: kind for name, kind in KINDS.items() if name != "silence"}


@pytest.mark.parametrize(("kind", "_"), QUICK.values(), ids=QUICK.keys())
async def test_what_passes_quickly_is_tried_again_within_the_slice(
    kind: Callable[[World], Fault], _: str
) -> None:
    world = await small()
    world.mailchimp.faults.extend([kind(world), kind(world)])
    await world.drop(csv(95))
    run = await world.start()

    await work_on_visible(world)

    progress = await world.progress(run)
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert (progress.counts.accepted, progress.requests) == (95, 12)
    assert world.mailchimp.calls == 12
    assert written_again(world) == 0


@pytest.mark.parametrize(("kind", "_"), QUICK.values(), ids=QUICK.keys())
async def test_a_read_that_fails_quickly_is_tried_again_within_the_slice(
    kind: Callable[[World], Fault], _: str
) -> None:
    world = await small()
    world.mailchimp.read_faults.extend([kind(world), kind(world)])
    await world.drop(csv(95))
    run = await world.start()
    began = world.clock.monotonic()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert world.mailchimp.reads == 2 + 2  # the audience, and its merge fields
    assert world.clock.monotonic() - began < 5


@pytest.mark.parametrize(
    ("faults", "reads", "delay"),
    [
        ([answers(500)] * 3, 3, 30),
        ([answers(503, retry_after="40")], 1, 40),
        ([answers(429, retry_after="3")], 1, 3),
    ],
    ids=["what lasts", "a longer wait that is asked for", "a limit that lasts"],
)
async def test_a_read_that_fails_for_longer_parks_the_run(
    faults: list[Fault], reads: int, delay: float
) -> None:
    world = await small()
    world.mailchimp.read_faults.extend(faults)
    await world.drop(csv(95))
    run = await world.start()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.FAILURE
    assert (world.mailchimp.reads, world.mailchimp.calls) == (reads, 0)
    assert delays(world) == [delay]


async def test_a_read_that_took_long_to_fail_is_not_tried_again_in_the_slice() -> None:
    world = await small()
    world.mailchimp.read_faults.append(hangs(world.clock))
    await world.drop(csv(95))
    run = await world.start()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.FAILURE
    assert world.mailchimp.reads == 1


async def test_a_destination_that_was_silent_for_long_is_not_waited_for_twice_in_a_slice() -> None:
    world = await small()
    world.mailchimp.faults.append(hangs(world.clock))
    await world.drop(csv(95))
    run = await world.start()
    began = world.clock.monotonic()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.FAILURE
    assert 120 <= world.clock.monotonic() - began < 130
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.accepted == 95


@pytest.mark.parametrize(("kind", "said"), KINDS.values(), ids=KINDS.keys())
async def test_what_lasts_parks_the_run_which_says_so_in_plain_words_and_goes_on_later(
    kind: Callable[[World], Fault], said: str
) -> None:
    world = await small()
    world.mailchimp.down = kind(world)
    await world.drop(csv(95))
    run = await world.start()

    await work_on_visible(world)

    parked = await now(world, run)
    assert parked.status is RunStatus.FAILURE
    assert delays(world) == [30]
    assert parked.resumes_at is not None
    assert str(parked.reason) == f"{said} Trying again at {parked.resumes_at:%H:%M:%S} UTC."
    assert parked.timeline[-1].text == parked.reason

    world.mailchimp.down = None
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert (await now(world, run)).reason is None
    assert (await world.progress(run)).counts.accepted == 95
    assert await leftovers(world) == []


async def test_the_wait_doubles_with_every_setback_up_to_half_an_hour() -> None:
    world = await small()
    world.mailchimp.down = answers(500)
    await world.drop(csv(20))
    await world.start()

    seen = []
    for _ in range(9):
        await work_on_visible(world)
        seen += delays(world)
        world.clock.advance(delays(world)[0])

    assert seen == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]


async def test_a_run_is_given_up_after_two_dozen_setbacks_in_a_row() -> None:
    world = await small()
    world.mailchimp.down = answers(500)
    await world.drop(csv(20))

    run = await world.run()

    assert run.status is RunStatus.FAILED_PERMANENT
    assert str(run.reason) == (
        "Given up after 24 tries in a row. Mailchimp has a problem of its own (500)."
    )
    assert 8 * 3600 < world.clock.monotonic() < 10 * 3600
    assert await leftovers(world) == []


class _LetsThrough:
    """Answers so many calls of each slice, and 500 after those."""

    def __init__(self, world: World, calls: int) -> None:
        self._world = world
        self._calls = self._left = calls

    def again(self) -> None:
        self._left = self._calls

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self._left -= 1
        return self._world.mailchimp.write(request) if self._left >= 0 else httpx.Response(500)


async def test_a_batch_that_was_answered_ends_the_row_of_setbacks() -> None:
    world = await small()
    flaky = _LetsThrough(world, calls=1)
    world.mailchimp.down = flaky
    await world.drop(csv(400))
    run = await world.start()

    slices = 0
    while world.queue.waiting:
        await work_on_visible(world)
        flaky.again()
        slices += 1
        if world.queue.waiting:
            assert delays(world) == [30]
            world.clock.advance(30)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert slices == 40  # more than what a run may have in a row
    assert (await world.progress(run)).counts.accepted == 400
    assert written_again(world) == 0


@pytest.mark.parametrize("seconds", ["3", "90", "3600"])
async def test_a_longer_wait_that_is_asked_for_ends_the_slice_at_once_and_is_kept(
    seconds: str,
) -> None:
    world = await small()
    world.mailchimp.down = answers(429, retry_after=seconds)
    await world.drop(csv(200))
    run = await world.start()
    began = world.clock.monotonic()

    await work_on_visible(world)

    assert world.clock.monotonic() - began < 0.1
    assert world.mailchimp.calls == 8
    assert delays(world) == [float(seconds)]
    assert (await now(world, run)).status is RunStatus.FAILURE


@pytest.mark.parametrize("seconds", ["99999999", "9" * 400], ids=["three years", "no number"])
async def test_a_wait_that_no_queue_can_hold_is_cut_to_a_day(seconds: str) -> None:
    world = await small()
    world.mailchimp.down = answers(429, retry_after=seconds)
    await world.drop(csv(20))
    run = await world.start()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.FAILURE
    assert delays(world) == [24 * 3600]


async def test_a_short_wait_that_is_asked_for_is_slept_in_the_slice() -> None:
    world = await small()
    world.mailchimp.faults.append(answers(429, retry_after="2"))
    await world.drop(csv(200))
    run = await world.start()
    began = world.clock.monotonic()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert 2 <= world.clock.monotonic() - began < 3


async def test_what_does_not_fit_one_slice_goes_on_in_the_next() -> None:
    world = await small(slice_seconds=100)
    world.mailchimp.seconds = 60
    await world.drop(csv(400) + "bad\n" + "x@fake.example,A,B\n" * 2)
    run = await world.start()

    statuses = []
    while world.queue.waiting:
        await work_on_visible(world)
        statuses.append((await now(world, run)).status)

    assert statuses == [RunStatus.QUEUED] * 2 + [RunStatus.SUCCESSFUL]
    progress = await world.progress(run)
    assert (progress.rows_read, progress.counts.total) == (403, 403)
    counts = progress.counts
    assert (counts.accepted, counts.invalid, counts.refused, counts.duplicate) == (400, 1, 1, 1)
    assert written_again(world) == 0
    assert progress.batches == progress.batches_done == world.mailchimp.calls == 41
    assert progress.seconds >= 6 * 60
    texts = [str(event.text) for event in (await now(world, run)).timeline]
    assert texts.count("The time of one slice is up; going on.") == 2
    assert texts.count("Going on.") == 2


async def test_no_slice_begins_a_batch_after_its_time() -> None:
    world = await small(slice_seconds=100)
    world.mailchimp.seconds = 60
    await world.drop(csv(400))
    await world.start()

    await work_on_visible(world)

    assert world.mailchimp.calls == 16
    assert world.clock.monotonic() < 1 + 130


async def test_a_slow_answer_costs_no_batch_that_came_before_it() -> None:
    world = await small()
    world.mailchimp.faults.extend([hangs(world.clock)] * 3)
    world.mailchimp.seconds = 1
    await world.drop(csv(300))

    run = await world.run()

    assert run.status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.accepted == 300


async def test_a_surprise_is_noted_and_comes_out_so_that_the_queue_tries_again() -> None:
    world = await small()

    async def surprise(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError("planted@example.com")

    world.mailchimp.down = surprise
    await world.drop(csv(20))
    run = await world.start()
    [message] = world.queue.waiting

    with pytest.raises(ZeroDivisionError):
        await work_on_visible(world)

    noted = await now(world, run)
    assert noted.status is RunStatus.FAILURE
    assert (
        str(noted.reason)
        == "Something went wrong that should not (ZeroDivisionError). Trying again."
    )
    assert "planted" not in noted.model_dump_json()

    world.mailchimp.down = None
    await world.services.storage.slices.send(message.message)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert await leftovers(world) == []


async def test_a_refusal_costs_its_own_request_a_second_and_no_other_anything() -> None:
    world = await small()
    world.mailchimp.seconds = 5
    world.mailchimp.faults.append(answers(429))
    await world.drop(csv(80))
    assert (await world.run()).status is RunStatus.SUCCESSFUL
    first = world.mailchimp.came_at[0]
    seconds = [round(at - first, 3) for at in world.mailchimp.came_at]
    assert seconds == [0] * 8 + [5 + 1]


async def test_who_is_tried_again_waits_for_room_once_fewer_may_be_under_way() -> None:
    world = await small()

    async def takes_long(request: httpx.Request) -> httpx.Response:
        await world.clock.sleep(20)
        return world.mailchimp.write(request)

    world.mailchimp.faults.extend([*[answers(429)] * 3, *[takes_long] * 5])
    await world.drop(csv(80))
    assert (await world.run()).status is RunStatus.SUCCESSFUL
    first, *_, third_last, _, _ = world.mailchimp.came_at
    assert world.mailchimp.calls == 8 + 3
    assert third_last - first >= 20


class Sedate(SmallBatches):
    """Mailchimp, if it allowed a request in fifteen seconds."""

    limits = replace(SmallBatches.limits, rates=(Rate(1, 15),))


async def test_waiting_for_its_turn_does_not_make_a_failure_one_that_took_long() -> None:
    world = await small()
    destination = Sedate(Client("id", "secret"), "https://login.test", "https://{dc}.test", False)
    world = world.having(destinations={destination.name: destination})
    world.mailchimp.faults.append(answers(500))
    await world.drop(csv(20))
    run = await world.start()

    await work_on_visible(world)

    assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    assert world.mailchimp.calls == 3


async def _seconds(world: World) -> float:
    """Send 400 profiles in 40 requests, and return how long that took."""
    await world.drop(csv(400))
    began = world.clock.monotonic()
    assert (await world.run(Mode.EVERYTHING)).status is RunStatus.SUCCESSFUL
    return world.clock.monotonic() - began


async def test_a_run_that_was_refused_often_is_at_full_speed_ten_minutes_later() -> None:
    world = await small()
    world.mailchimp.seconds = 0.2
    clean = await _seconds(world)
    world.mailchimp.faults.extend([answers(429)] * 5)
    assert clean < await _seconds(world)
    assert clean < await _seconds(world) < 2.5 * clean
    world.clock.advance(600)
    assert await _seconds(world) == pytest.approx(clean)


SLOW = "Mailchimp refuses too many requests. It is asked more slowly for a while."
BACK = "Mailchimp is asked at full speed again."


def _of_its_pace(run: Run) -> list[str]:
    return [text for event in run.timeline if (text := str(event.text)) in (SLOW, BACK)]


async def test_people_see_when_an_account_is_asked_more_slowly_and_when_it_is_no_longer() -> None:
    world = await small(slice_seconds=100)
    world.mailchimp.seconds = 5
    world.mailchimp.faults.extend([answers(429)] * 5)
    await world.drop(csv(2_000))
    assert _of_its_pace(await world.run()) == [SLOW, BACK]

    await world.drop(csv(2_100))
    assert _of_its_pace(await world.run()) == []


async def test_a_run_on_an_account_that_is_still_slow_says_so_once() -> None:
    world = await small(slice_seconds=10)
    world.mailchimp.faults.extend([answers(429)] * 5)
    await world.drop(csv(95))
    assert _of_its_pace(await world.run()) == [SLOW]
    world.mailchimp.seconds = 5
    await world.drop(csv(290))
    run = await world.run()
    assert len(run.timeline) > 3
    assert _of_its_pace(run)[:1] == [SLOW]
    assert _of_its_pace(run).count(SLOW) == 1
