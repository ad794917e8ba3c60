"""Of rows that never reached the destination a run keeps so many rejects; it counts them all."""

import pytest

from shared.domain.outcomes import Counts, Outcome
from shared.domain.run import Run, RunStatus
from shared.settings import Settings
from tests.runs.world import World, csv, ready

FILE = (
    csv(5)
    + "bad1,A,B\nbad2,A,B\nbad3,A,B\nno@fake.example,A,B\n"
    + "user1@example.com,A,B\nuser2@example.com,A,B\n"
)


async def with_at_most(most: int) -> tuple[World, Run]:
    """Run the file once, with a bound for the rejects of what is not sent."""
    world = await ready(max_unsent_rejects=most)
    await world.drop(FILE)
    return world, await world.run()


@pytest.mark.parametrize(
    ("most", "invalid", "duplicate"), [(5, 3, 2), (4, 3, 1), (3, 3, 0), (2, 2, 0)]
)
async def test_the_first_are_kept_and_all_are_counted(
    most: int, invalid: int, duplicate: int
) -> None:
    world, run = await with_at_most(most)
    assert run.status is RunStatus.SUCCESSFUL
    counts = Counts(accepted=5, invalid=3, duplicate=2, refused=1)
    assert (await world.progress(run)).counts == counts
    kept = [each.outcome for each in await world.rejects(run)]
    assert kept.count(Outcome.INVALID) == invalid
    assert kept.count(Outcome.DUPLICATE) == duplicate
    assert kept.count(Outcome.REFUSED) == 1


async def test_the_timeline_says_when_not_all_are_kept() -> None:
    said = (
        "5 rows that are invalid or duplicate: the first 4 are kept as rejects, the others counted."
    )
    _, few = await with_at_most(4)
    _, all_of_them = await with_at_most(5)
    assert [str(event.text) for event in few.timeline].count(said) == 1
    assert not [event for event in all_of_them.timeline if "kept as rejects" in str(event.text)]


async def test_a_refused_run_says_so_too() -> None:
    world = await ready(max_unsent_rejects=1, max_profiles=3)
    await world.drop(FILE)
    run = await world.run()
    assert run.status is RunStatus.FAILED_PERMANENT
    assert any("the first 1 are kept" in str(event.text) for event in run.timeline)
    assert len(await world.rejects(run)) == 1


async def test_what_is_delivered_does_not_depend_on_what_is_kept() -> None:
    found = []
    for most in (1, 100):
        world, _ = await with_at_most(most)
        again = await world.run()
        found.append((await world.progress(again)).counts)
    assert found[0] == found[1] == Counts(unchanged=5, invalid=3, duplicate=2, refused=1)


async def test_what_is_refused_is_kept_in_full() -> None:
    world = await ready(max_unsent_rejects=1)
    await world.drop(csv(40, "fake.example") + "bad,A,B\nworse,A,B\n")
    run = await world.run()
    kept = [each.outcome for each in await world.rejects(run)]
    assert (kept.count(Outcome.REFUSED), kept.count(Outcome.INVALID)) == (40, 1)


def test_a_hundred_thousand_are_kept_if_nothing_is_set() -> None:
    assert Settings.model_fields["max_unsent_rejects"].default == 100_000
