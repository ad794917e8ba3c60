"""What somebody deletes, or a queue loses: the run ends right, or says clearly that it failed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from shared.domain.run import Run, RunStatus
from shared.storage.entries import ALL
from shared.storage.paths import CHECKPOINT, digests, folder, layout_folder
from shared.triggers.every_minute import tick
from tests.runs.slow import slow
from tests.runs.small import LANE, leftovers, now, small, work_on_visible
from tests.runs.world import World, csv

ROWS = 300
BAD = "bad,A,B\nuser3@example.com,C,D\n"

type Loss = Callable[[World, Run], Awaitable[None]]


async def laid_out(world: World, run: Run) -> str:
    """The folder of what is laid out of a run."""
    stored = await world.services.storage.checkpoints.get(run.id, CHECKPOINT)
    return layout_folder(run.id, stored.value.layout if stored else "")


async def the_message(world: World, run: Run) -> None:
    world.queue.waiting.clear()


async def the_lane(world: World, run: Run) -> None:
    lanes: Any = world.services.storage.lanes
    lanes.take_away(LANE)


async def the_checkpoint(world: World, run: Run) -> None:
    checkpoints: Any = world.services.storage.checkpoints
    await checkpoints.delete(run.id, CHECKPOINT)


async def the_entry(world: World, run: Run) -> None:
    await world.services.storage.active_runs.delete(ALL, run.id)


async def the_parts(world: World, run: Run) -> None:
    await world.services.storage.run_files.delete(f"{await laid_out(world, run)}0")


async def the_digests(world: World, run: Run) -> None:
    await world.services.storage.run_files.delete(digests(await laid_out(world, run)))


async def the_rejects(world: World, run: Run) -> None:
    await world.services.storage.run_files.delete(f"{run.id}/rejects/")


async def all_files(world: World, run: Run) -> None:
    await world.services.storage.run_files.delete(folder(run.id))


async def the_state(world: World, run: Run) -> None:
    await world.services.storage.delivered.delete("export/")


LOSSES: tuple[Loss, ...] = (
    the_message,
    the_lane,
    the_checkpoint,
    the_entry,
    the_parts,
    the_digests,
    the_rejects,
    all_files,
    the_state,
)


async def no_moment(world: World, run: Run, loss: Loss) -> None:
    """Lose it before a slice has begun."""
    await loss(world, run)


async def between_slices(world: World, run: Run, loss: Loss) -> None:
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.QUEUED
    await loss(world, run)


def amid(nth: int) -> Callable[[World, Run, Loss], Awaitable[None]]:
    """Lose it while a request is under way."""

    async def moment(world: World, run: Run, loss: Loss) -> None:
        async def fault(request: httpx.Request) -> httpx.Response:
            await loss(world, run)
            await world.clock.sleep(21)  # long enough to notice that a lease is gone
            return world.mailchimp.write(request)

        async def fine(request: httpx.Request) -> httpx.Response:
            return world.mailchimp.write(request)

        world.mailchimp.faults.extend([fine] * nth + [fault])
        await work_on_visible(world)

    return moment


MOMENTS = {
    "before it begins": no_moment,
    "amid the first batches": amid(0),
    "amid later ones": amid(12),
    "amid the last": amid(29),
    "between slices": between_slices,
}


@dataclass(frozen=True)
class End:
    """How a run may end."""

    status: RunStatus
    reason: str = ""


GONE = End(RunStatus.FAILED_PERMANENT, "What was prepared for this run is gone from storage.")


async def let_time_go_by(world: World, minutes: int = 12) -> None:
    for _ in range(minutes):
        world.clock.advance(60)
        await tick(world.services)
        await world.deliver()


async def require_a_right_end(world: World, run: Run, rows: int) -> None:
    ended = await now(world, run)
    progress = await world.progress(run)
    if ended.status is RunStatus.SUCCESSFUL:
        assert (progress.rows_read, progress.counts.total) == (rows, rows)
    else:
        assert ended.status is GONE.status, [str(each.text) for each in ended.timeline]
        assert str(ended.reason).startswith(GONE.reason)
        assert progress.counts.total + progress.not_sent == progress.rows_read
    assert await leftovers(world) == []
    assert world.queue.waiting == []


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
async def test_whatever_is_lost_whenever_the_run_ends_right_or_says_why_not(
    loss: Loss, moment: Callable[[World, Run, Loss], Awaitable[None]]
) -> None:
    world = await small(slice_seconds=15)
    await world.drop(csv(ROWS))
    await world.run()
    await world.drop(csv(ROWS).replace(",Last", ",New").replace("First,New", "First,Last") + BAD)
    world.mailchimp.seconds = 1 if moment is not between_slices else 20
    run = await world.start()

    await moment(world, run, loss)
    await let_time_go_by(world)

    await require_a_right_end(world, run, ROWS + 2)
    await world.run()
    names = {each: member["LNAME"] for each, member in world.mailchimp.members.items()}
    assert names == {f"user{n}@example.com": f"New{n}" for n in range(ROWS)}
    again = (await world.progress(await world.run())).counts
    assert (again.unchanged, again.accepted) == (ROWS, 0)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
async def test_whatever_is_lost_while_jobs_are_waited_for(loss: Loss) -> None:
    world, destination = await slow(seconds=300)
    await world.drop(csv(95))
    run = await world.start()
    await work_on_visible(world)

    await loss(world, run)
    await let_time_go_by(world)

    await require_a_right_end(world, run, 95)
    await world.run()
    assert set(destination.written()) == {f"user{n}@example.com" for n in range(95)}
    again = (await world.progress(await world.run())).counts
    assert (again.unchanged, again.accepted) == (95, 0)


async def test_of_a_run_whose_record_is_gone_nothing_is_left() -> None:
    world = await small(slice_seconds=15)
    world.mailchimp.seconds = 20
    await world.drop(csv(ROWS))
    run = await world.start()
    await work_on_visible(world)
    await world.services.storage.runs.delete("export", run.key)

    await let_time_go_by(world, minutes=30)

    assert await leftovers(world) == []
    left = [each.name async for each in world.services.storage.run_files.list(folder(run.id))]
    assert left == []
