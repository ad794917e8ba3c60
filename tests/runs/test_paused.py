"""A slice is paused beyond its lease, and another goes on: what the first still writes harms nothing."""

from typing import Any

import pytest

from shared.destinations.batch import Batch
from shared.domain.message import say
from shared.domain.outcomes import Outcome, RowOutcome
from shared.domain.run import Checkpoint, Run, RunStatus, SliceMessage
from shared.runs.send.batch_sender import BatchResult
from shared.runs.send.poller import RunFiles
from shared.runs.send.recorder import NoRequests, Recorder
from shared.runs.slice import run_slice
from shared.runs.state.checkpoint import Fenced, OpenCheckpoint
from shared.runs.state.rejects import stored_rejects
from shared.storage.paths import CHECKPOINT
from shared.triggers.every_minute import sweep_runs
from tests.runs.paused import Pause, paused
from tests.runs.small import LANE, SmallBatches, leftovers, now, small
from tests.runs.world import World, csv

OLD_ROWS, NEW_ROWS = 125, 105
OLD = csv(OLD_ROWS) + "".join(f"nobody{number},A,B\n" for number in range(4))
NEW = csv(NEW_ROWS).replace(".com,First", ".com,Newer") + "x@fake.example,A,B\n"
MANY = 400  # rejects, more than a checkpoint holds itself


async def overtaken(at: int | None, slice_seconds: int) -> tuple[World, Run, Pause]:
    """Return a world in which a run's first slice is paused at a write; a newer file and a slice come."""
    world = await small(slice_seconds=slice_seconds)
    world.mailchimp.seconds = 20
    await world.drop(OLD)
    run = await world.start()
    world.queue.waiting.clear()

    async def meanwhile() -> None:
        lanes: Any = world.services.storage.lanes
        lanes.take_away(LANE)
        await world.drop(NEW, "Customers/2.csv")
        stored = await world.services.storage.checkpoints.get(run.id, CHECKPOINT)
        number = stored.value.slice if stored else 0
        await run_slice(world.services, SliceMessage(run_id=run.id, slice=number))

    pause = Pause(at, meanwhile)
    await run_slice(paused(world.services, pause), SliceMessage(run_id=run.id, slice=0))
    return world, run, pause


async def layouts(world: World) -> set[str]:
    """The folders of what is laid out of any run."""
    parts = [each for each in await leftovers(world) if "/parts/" in each]
    return {each.rpartition("/")[0] for each in parts}


async def come_to_an_end(world: World) -> None:
    for _ in range(5):
        world.clock.advance(61)
        await sweep_runs(world.services)
        await world.deliver()


def first_names(world: World, rows: int) -> set[str]:
    """What those are called whom a file of so many good rows has."""
    members = (world.mailchimp.members[f"user{number}@example.com"] for number in range(rows))
    return {member["FNAME"].rstrip("0123456789") for member in members}


async def require_what_was_read(world: World, run: Run, at: str) -> None:
    """Check that a run has sent the file that it says, all of it and nothing else, and counts it so."""
    ended, progress = await now(world, run), await world.progress(run)
    assert ended.status is RunStatus.SUCCESSFUL, (at, [str(each.text) for each in ended.timeline])
    is_newer = [each.path for each in ended.versions] == ["Customers/2.csv"]
    accepted, bad = (NEW_ROWS, 1) if is_newer else (OLD_ROWS, 4)
    assert progress.rows_read == progress.counts.total == accepted + bad, at
    assert progress.counts.accepted == accepted, at
    assert first_names(world, accepted) == {"Newer" if is_newer else "First"}, at
    assert len(await world.rejects(run)) == bad, at
    assert await leftovers(world) == [], at


@pytest.mark.parametrize("slice_seconds", [15, 240], ids=["in slices", "in one slice"])
async def test_whatever_write_a_slice_is_paused_at_its_run_sends_what_it_says(
    slice_seconds: int,
) -> None:
    _, _, undisturbed = await overtaken(None, slice_seconds)
    assert len(undisturbed.writes) > 10
    assert sum("/parts/" in each for each in undisturbed.writes) >= 2
    for at, what in enumerate(undisturbed.writes, start=1):
        world, run, _ = await overtaken(at, slice_seconds)
        assert len(await layouts(world)) <= 1, what
        await come_to_an_end(world)
        await require_what_was_read(world, run, what)
        # What was delivered is known to the row: the next run sends no more than what is newer.
        await world.drop(NEW, "Customers/2.csv")
        sent_before = first_names(world, NEW_ROWS)
        again = (await world.progress(await world.run())).counts
        expected = (0, NEW_ROWS) if sent_before == {"First"} else (NEW_ROWS, 0)
        assert (again.unchanged, again.accepted) == expected, what
        assert first_names(world, NEW_ROWS) == {"Newer"}, what


def refused(code: str) -> BatchResult:
    """A batch whose profiles were all refused, which are more rejects than a checkpoint holds."""
    numbers = range(MANY)
    batch = Batch(
        "\t".join(f"0:{number}" for number in numbers).encode(),
        "\t".join(f"user{number}@example.com" for number in numbers).encode(),
        ",\n".join("{}" for _ in numbers).encode(),
        size=MANY,
        number=0,
    )
    outcomes = [RowOutcome(each, Outcome.REFUSED, code, say("No.")) for each in numbers]
    return BatchResult(batch, outcomes=outcomes)


async def test_rejects_of_a_slice_whose_checkpoint_is_refused_are_nobodys() -> None:
    world = await small()
    await world.drop(csv(1))
    run = await world.run()
    storage = world.services.storage
    both = [await OpenCheckpoint.read(storage.checkpoints, run.id) for _ in range(2)]
    first, second = (
        Recorder(
            world.clock,
            run,
            storage.run_files,
            RunFiles(storage.run_files, run.id, "", SmallBatches.limits),
            checkpoint,
            lambda _: b"",
            NoRequests(),
        )
        for checkpoint in both
    )

    await first.record([refused("first")])
    with pytest.raises(Fenced):
        await second.record([refused("second")])

    stored = await storage.checkpoints.get(run.id, CHECKPOINT)
    assert stored is not None
    found = stored_rejects(storage.run_files, run.id, stored.value)
    assert [each.code async for each, _ in found] == ["first"] * MANY


def test_reject_files_that_were_only_counted_have_the_names_that_they_had() -> None:
    stored = Checkpoint.model_validate_json('{"reject_files": 2}')
    assert stored.reject_files == ["000000", "000001"]
    assert stored.layout == ""
