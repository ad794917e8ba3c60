"""Reports of destinations: only to an address that we gave out, only while the run lasts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from shared.domain.errors import NotFound
from shared.domain.job import Job
from shared.domain.run import RunStatus
from shared.runs.send.import_callbacks import MOST_BYTES, accept_report, report_url
from shared.runs.send.poller import RunFiles
from shared.storage.paths import CHECKPOINT
from shared.storage.ports import BlobInfo
from tests.fakes.storage import MemoryBlobs
from tests.runs.slow import slow
from tests.runs.small import leftovers, now, work_on_visible
from tests.runs.world import World, csv


async def token_of(world: World, run_id: str) -> str:
    address = await report_url(world.services, run_id)
    beginning, _, token = address.partition("?token=")
    assert beginning == f"https://exports.test/api/v1/reports/{run_id}/{{batch}}"
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


def reports(world: World, run_id: str) -> dict[str, bytes]:
    files = world.services.storage.run_files
    assert isinstance(files, MemoryBlobs)
    return {name: data for name, data in files.kept() if name.startswith(f"{run_id}/parts/reports")}


async def test_a_destination_cannot_fill_storage() -> None:
    world, _ = await slow(seconds=60)
    run_id, token = await under_way(world)
    for number in range(20):
        await accept_report(world.services, run_id, token, 0, b"%d" % number)
    assert list(reports(world, run_id).values()) == [b"0", b"1", b"2", b"3", b"4"]


class Crowded(MemoryBlobs):
    """A container whose every listing lets all others list first, as it is when many come at once."""

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield what was there before anybody wrote."""
        found = [info async for info in super().list(prefix)]
        for _ in range(10):
            await asyncio.sleep(0)
        for each in found:
            yield each


async def test_five_reports_of_a_batch_are_kept_whatever_comes_at_once() -> None:
    world, _ = await slow(seconds=60)
    run_id, token = await under_way(world)
    files = Crowded(world.clock)
    world.having(storage=replace(world.services.storage, run_files=files))
    sent = [b"%d" % number for number in range(20)]
    many = (accept_report(world.services, run_id, token, 0, body) for body in sent)
    await asyncio.gather(*many)
    kept = reports(world, run_id)
    assert list(kept) == [f"{run_id}/parts/reports/0/{number}" for number in range(5)]
    assert len(set(kept.values()) & set(sent)) == 5


async def test_reports_that_an_earlier_version_kept_count_too() -> None:
    world, destination = await slow(seconds=60)
    run_id, token = await under_way(world)
    files = world.services.storage.run_files
    for number in range(2):
        await files.write(f"{run_id}/parts/reports/1/{number}-{'ab' * 16}", b"old %d" % number)
    for number in range(20):
        await accept_report(world.services, run_id, token, 1, b"new %d" % number)
    job = Job(id="x", batch=1, size=10, sent_at=world.clock.now())
    said = await RunFiles(files, run_id, "", destination.limits).reports(job)
    assert said == [b"old 0", b"old 1", b"new 0", b"new 1", b"new 2"]


async def test_a_batch_that_the_run_does_not_have_takes_nothing() -> None:
    world, _ = await slow(seconds=60)
    run_id, token = await under_way(world)
    [checkpoint] = [await world.services.storage.checkpoints.get(run_id, CHECKPOINT)]
    assert checkpoint is not None
    batches = checkpoint.value.batches
    assert batches > 1
    await accept_report(world.services, run_id, token, batches - 1, b"x")
    for batch in (batches, batches + 1, 10_000_000):
        with pytest.raises(NotFound):
            await accept_report(world.services, run_id, token, batch, b"x")
    assert len(reports(world, run_id)) == 1


async def test_a_run_keeps_so_many_bytes_of_reports_and_no_more() -> None:
    world, _ = await slow(seconds=60)
    run_id, token = await under_way(world)
    body = bytes(MOST_BYTES // 4)
    for batch in (0, 0, 0, 1, 1, 2):
        await accept_report(world.services, run_id, token, batch, body)
    await accept_report(world.services, run_id, token, 2, b"")
    kept = reports(world, run_id)
    assert sum(map(len, kept.values())) == MOST_BYTES
    assert list(kept) == [
        f"{run_id}/parts/reports/{each}" for each in ("0/0", "0/1", "0/2", "1/0", "2/0")
    ]
