"""An import of Constant Contact whose answer was lost: it is looked for before it is sent again."""

from collections.abc import Collection

import pytest

from shared.destinations.contract import Api
from shared.domain.run import RunStatus
from shared.runs.send.lost_jobs import LostJobs
from tests.contract.destinations.side import fault
from tests.contract.destinations.sides import ConstantContactSide
from tests.contract.destinations.world import World, csv, ready
from tests.destinations.says import Says


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
    ("failures", "sent"),
    [(1, [30]), (2, [30]), (3, [30, 30])],
    ids=["one failure passes", "two do", "three end the slice"],
)
async def test_an_import_that_cannot_be_looked_for_is_sent_again(
    failures: int, sent: list[int]
) -> None:
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
    assert imports(world) == sent


class Listed:
    """An account whose jobs a test writes down, with how many profiles each has."""

    def __init__(self, **sizes: int) -> None:
        self.sizes = sizes

    async def jobs(self, api: Api, size: int | None = None) -> Collection[str]:
        return [key for key, its in self.sizes.items() if size in (None, its)]


async def test_only_a_job_that_can_be_no_other_is_taken_for_the_lost_one() -> None:
    listed = Listed(old=5)
    jobs = LostJobs(listed, Says())
    assert await jobs.find(5) is None  # nobody knows what was there before
    await jobs.watch()
    assert await jobs.find(5) is None
    listed.sizes |= {"other": 4, "mine": 5}
    assert await jobs.find(5) == "mine"
    jobs.began("mine")
    assert await jobs.find(5) is None
    listed.sizes |= {"one": 5, "another": 5}
    assert await jobs.find(5) is None
