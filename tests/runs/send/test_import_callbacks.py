"""Reports of destinations: only to an address that we gave out, only while the run lasts."""

import pytest

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.run import RunStatus
from shared.runs.send.import_callbacks import accept_report, report_url
from shared.runs.send.poller import RunFiles
from tests.runs.slow import slow
from tests.runs.small import leftovers, now, work_on_visible
from tests.runs.world import World, csv


async def token_of(world: World, run_id: str) -> str:
    address = await report_url(world.services, run_id)
    beginning, _, token = address.rpartition("/")
    assert beginning == f"https://exports.test/api/v1/reports/{run_id}"
    return token


async def under_way(world: World) -> tuple[str, str]:
    """Return the id of a run that waits for its jobs, and the token of its reports."""
    await world.drop(csv(25))
    run = await world.start()
    await work_on_visible(world)
    assert (await now(world, run)).status is RunStatus.QUEUED
    return run.id, await token_of(world, run.id)


async def test_a_report_is_there_for_the_job_of_its_batch_until_the_run_ends() -> None:
    world, destination = await slow(seconds=60)
    run_id, token = await under_way(world)
    await accept_report(world.services, run_id, token, 1, b"first")
    await accept_report(world.services, run_id, token, 1, b"second")

    files = RunFiles(world.services.storage.run_files, run_id, "", destination.limits)
    jobs = [Job(id="x", batch=batch, size=10, sent_at=world.clock.now()) for batch in range(3)]
    assert [await files.reports(job) for job in jobs] == [[], [b"first", b"second"], []]

    await world.deliver()
    assert await leftovers(world) == []
    with pytest.raises(NotFound):
        await accept_report(world.services, run_id, token, 1, b"late")


async def test_an_address_that_was_not_given_out_takes_nothing() -> None:
    world, _ = await slow(seconds=60)
    run_id, token = await under_way(world)
    other, other_token = f"{run_id}0", await token_of(world, "another.run")
    for wrong in ((run_id, "0" * 64), (run_id, other_token), (other, token), (run_id, "")):
        with pytest.raises(NotFound):
            await accept_report(world.services, *wrong, 1, b"planted")
    kept = [info.name async for info in world.services.storage.run_files.list()]
    assert not [name for name in kept if "/reports/" in name]


async def test_a_run_that_never_was_takes_nothing_even_with_the_right_token() -> None:
    world, _ = await slow()
    token = await token_of(world, "export.never")
    with pytest.raises(NotFound):
        await accept_report(world.services, "export.never", token, 0, b"x")


async def test_a_destination_cannot_fill_storage() -> None:
    world, _ = await slow(seconds=60)
    run_id, token = await under_way(world)
    for number in range(20):
        await accept_report(world.services, run_id, token, 0, b"%d" % number)
    folder = [
        info async for info in world.services.storage.run_files.list(f"{run_id}/parts/reports")
    ]
    assert len(folder) == 5
