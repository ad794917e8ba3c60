"""An import of Constant Contact whose answer was lost: it is looked for before it is sent again."""

from collections.abc import Collection
from datetime import UTC, datetime

import pytest

from shared.destinations.contract import Api
from shared.domain.job import JobsSeen, ListedJob
from shared.domain.run import RunStatus
from shared.runs.send.lost_jobs import LostJobs
from shared.storage.entries import Quota, SettingsTable
from shared.storage.ports import Records
from tests.contract.destinations.side import fault
from tests.contract.destinations.sides import ConstantContactSide
from tests.contract.destinations.world import World, csv, ready
from tests.destinations.says import Says
from tests.fakes.storage import MemoryRecords

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def imports(world: World) -> list[int]:
    """Return how many contacts each import had that has ever arrived."""
    side = world.side
    assert isinstance(side, ConstantContactSide)
    return [each.size for each in side.sandbox.accounts[1].activities.all]


@pytest.mark.rule("lost-import-found")
@pytest.mark.parametrize("kind", ["reset-after", "silence-after", "cut-200", "odd-200"])
async def test_an_import_that_arrived_is_found(kind: str) -> None:
    side = ConstantContactSide()
    world = await ready(side)
    await world.drop(csv(30))
    side.faults.queued.append(fault(kind, side.write_path, method="POST", count=1))
    run = await world.run()
    assert run.status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.accepted == 30
    assert imports(world) == [30]


@pytest.mark.rule("lost-import-found")
async def test_an_import_that_never_arrived_is_sent_again() -> None:
    side = ConstantContactSide()
    world = await ready(side)
    await world.drop(csv(30))
    side.faults.queued.append(fault("reset-before", side.write_path, method="POST", count=1))
    await world.run()
    assert imports(world) == [30]
    assert len(side.active()) == 30


@pytest.mark.rule("lost-import-found")
@pytest.mark.parametrize(
    "failures",
    [1, 2, 3],
    ids=["one failure passes", "two do", "three end the slice, and the next one looks"],
)
async def test_an_import_is_looked_for_until_it_can_be(failures: int) -> None:
    side = ConstantContactSide()
    world = await ready(side)
    await world.drop(csv(30))
    side.faults.queued += [
        fault("reset-after", side.write_path, method="POST", count=1),
        fault("slow", "*/activities", method="GET", count=1, seconds=0),
        fault("503", "*/activities", method="GET", count=failures),
    ]
    run = await world.run()
    assert run.status is RunStatus.SUCCESSFUL
    assert (await world.progress(run)).counts.accepted == 30
    assert imports(world) == [30]


class Listed:
    """An account whose jobs a test writes down, with how many profiles each has."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes

    async def jobs(self, api: Api, size: int | None = None) -> Collection[ListedJob]:
        return [
            ListedJob(id=key, created_at=NOON)
            for key, its in self.sizes.items()
            if size in (None, its)
        ]


def lost_jobs(
    listed: Listed, quotas: Records[Quota], kept: JobsSeen | None = None, run: str = "run"
) -> LostJobs:
    return LostJobs(listed, Says(), quotas, "lane", run, kept)


async def test_only_a_job_that_can_be_no_other_is_taken_for_the_lost_one() -> None:
    listed = Listed(old=5)
    jobs = lost_jobs(listed, MemoryRecords(Quota))
    assert await jobs.find(5) is None  # nobody knows what was there before
    assert await jobs.watch(0) == JobsSeen(newest=NOON, ids=["old"])
    assert await jobs.find(5) is None
    listed.sizes |= {"other": 4, "mine": 5}
    assert await jobs.find(5) == "mine"
    jobs.began("mine")
    assert await jobs.find(5) is None
    listed.sizes |= {"one": 5, "another": 5}
    assert await jobs.find(5) is None


async def test_a_later_slice_looks_for_the_first_batch_with_what_was_seen_before_it_began() -> None:
    listed, quotas = Listed(old=5), MemoryRecords(Quota)
    killed = lost_jobs(listed, quotas)
    kept = await killed.watch(3)
    await killed.take_lane()
    listed.sizes["mine"] = 5
    later = lost_jobs(listed, quotas, kept)
    assert await later.watch(3) == kept
    assert await later.find_earlier(3, 4) is None
    assert await later.find_earlier(3, 5) == "mine"
    later.began("mine")
    listed.sizes["else"] = 5
    assert await later.watch(4) == kept.with_own(["mine"])
    assert await later.find_earlier(4, 5) is None  # it was never begun


@pytest.mark.parametrize("had_it", ["another", ""], ids=["another run had it", "nobody knows"])
async def test_what_was_seen_counts_only_while_no_other_run_has_had_the_lane(had_it: str) -> None:
    listed, quotas = Listed(old=5), MemoryRecords(Quota)
    kept = await lost_jobs(listed, quotas).watch(0)
    if had_it:
        await lost_jobs(listed, quotas, run=had_it).watch(0)
        await lost_jobs(listed, quotas, run=had_it).take_lane()
    listed.sizes["of the other"] = 5
    later = lost_jobs(listed, quotas, kept)
    assert await later.watch(0) == JobsSeen(newest=NOON, ids=["of the other", "old"])
    assert await later.find_earlier(0, 5) is None


async def test_the_record_of_a_lane_keeps_the_rest_and_is_written_when_the_run_changes() -> None:
    quotas = MemoryRecords(Quota)
    await quotas.put(SettingsTable.QUOTAS, "lane", Quota(used=7, halvings=2))
    etags = []
    for run in ("one", "one", "two"):
        jobs = lost_jobs(Listed(), quotas, run=run)
        await jobs.watch(0)
        await jobs.take_lane()
        await jobs.take_lane()
        stored = await quotas.get(SettingsTable.QUOTAS, "lane")
        assert stored is not None
        assert stored.value == Quota(used=7, halvings=2, jobs_of=run)
        etags.append(stored.etag)
    assert etags[0] == etags[1] != etags[2]
