"""Two runs of one export: neither sends what is older than what the other has sent."""

from typing import Any

import pytest

from shared.domain.run import Checkpoint, Mode, Phase, Run, RunStatus, SliceMessage
from shared.runs.slice import run_slice
from shared.storage.entries import ALL, ActiveRun
from shared.storage.paths import CHECKPOINT
from shared.triggers.every_minute import sweep_runs
from tests.runs.paused import Pause, paused
from tests.runs.small import LANE, leftovers, now, small, work_on_visible
from tests.runs.world import World, csv

ROWS = 200


async def let_overtake(world: World, run: Run) -> None:
    """Deliver the messages of one run for some minutes, and leave all others where they are."""
    for _ in range(20):
        for waiting in world.queue.waiting:
            message = waiting.message
            if isinstance(message, SliceMessage) and message.run_id == run.id:
                world.queue.waiting.remove(waiting)
                await run_slice(world.services, message)
                break
        world.clock.advance(30)


@pytest.mark.parametrize("mode", Mode)
async def test_a_run_does_not_overtake_another_of_its_export_that_is_under_way(mode: Mode) -> None:
    world = await small(slice_seconds=15)
    world.mailchimp.seconds = 20
    await world.drop(csv(ROWS))
    first = await world.start()
    await work_on_visible(world)
    assert (await now(world, first)).status is RunStatus.QUEUED
    await world.drop(csv(ROWS).replace(",Last", ",New").replace("First,New", "First,Last"))
    second = await world.start(mode)

    await let_overtake(world, second)
    reason = (await now(world, second)).reason
    await world.deliver()

    for run in (first, second):
        assert (await now(world, run)).status is RunStatus.SUCCESSFUL
    names = {each: member["LNAME"] for each, member in world.mailchimp.members.items()}
    assert names == {f"user{n}@example.com": f"New{n}" for n in range(ROWS)}
    again = (await world.progress(await world.run())).counts
    assert (again.unchanged, again.accepted) == (ROWS, 0)
    assert await leftovers(world) == []
    assert str(reason) == "Waiting for another run of this export to end."


async def test_runs_of_other_exports_wait_for_nobody() -> None:
    world = await small(slice_seconds=15)
    world.mailchimp.seconds = 20
    await world.export("export-2")
    await world.drop(csv(ROWS))
    await world.start()
    await work_on_visible(world)
    other = await world.start(export="export-2")
    await let_overtake(world, other)
    assert (await world.progress(other)).batches > 0
    await world.deliver()


@pytest.mark.parametrize("phase", [Phase.SEND, Phase.SETTLE, Phase.DONE])
async def test_a_run_waits_until_the_other_one_is_over(phase: Phase) -> None:
    """Also while that has only its end to write: a slice that died there settles once more."""
    world = await small()
    storage = world.services.storage
    other = "export.other"
    entry = ActiveRun(
        run_id=other, connection_id="connection", lane=LANE, wakes_at=world.clock.now()
    )
    await storage.active_runs.put(ALL, other, entry)
    await storage.checkpoints.insert(other, CHECKPOINT, Checkpoint(phase=phase))
    await world.drop(csv(20))
    run = await world.start()
    await work_on_visible(world)
    assert (await world.progress(run)).phase is Phase.PREPARE
    assert world.mailchimp.calls == 0

    await storage.active_runs.delete(ALL, other)
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def paused_beside_a_newer(at: int | None) -> tuple[World, list[Run], Pause]:
    """Return a world in which an older run's slice is paused at a write while a newer run has its first."""
    world = await small(slice_seconds=15)
    world.mailchimp.seconds = 20
    await world.drop(csv(ROWS))
    runs = [await world.start()]
    world.queue.waiting.clear()

    async def meanwhile() -> None:
        lanes: Any = world.services.storage.lanes
        lanes.take_away(LANE)
        await world.drop(csv(ROWS).replace(".com,First", ".com,New"), "Customers/2.csv")
        runs.append(await world.start())
        await run_slice(world.services, SliceMessage(run_id=runs[1].id, slice=0))

    pause = Pause(at, meanwhile)
    await run_slice(paused(world.services, pause), SliceMessage(run_id=runs[0].id, slice=0))
    return world, runs, pause


async def test_a_run_whose_slice_was_paused_while_it_was_laid_out_does_not_send_beside_a_newer_one() -> (
    None
):
    _, _, undisturbed = await paused_beside_a_newer(None)
    [claim, *_] = [
        at for at, what in enumerate(undisturbed.writes, start=1) if "checkpoint" in what
    ]
    written = [at for at, what in enumerate(undisturbed.writes, start=1) if "/parts/" in what]
    for at in range(claim, max(written) + 2):  # the checkpoint that says it is laid out comes next
        world, runs, pause = await paused_beside_a_newer(at)
        assert len(runs) == 2, at
        for _ in range(5):
            world.clock.advance(61)
            await sweep_runs(world.services)
            await world.deliver()
        for run in runs:
            assert (await now(world, run)).status is RunStatus.SUCCESSFUL, pause.writes[at - 1]
        names = {
            member["FNAME"].rstrip("0123456789") for member in world.mailchimp.members.values()
        }
        assert names == {"New"}, pause.writes[at - 1]
        assert await leftovers(world) == [], pause.writes[at - 1]
