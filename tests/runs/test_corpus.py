"""Every nasty file through the whole engine: the outcome that was planned for it, or nothing sent."""

import pytest

from shared.domain.run import RunStatus
from shared.segments.catalogue import find_all
from shared.segments.stats import describe
from tests.runs.world import World
from tests.segments.corpus import EXPORT, EXPORTED, Case, Refused, Sent, cases


async def landed(case: Case) -> World:
    """Return a world in which the files of a case have landed, and an export of their segment."""
    world = World()
    await world.connect()
    await world.export(segments=[case.segment])
    for path, data in case.files.items():
        await world.drop(data, path)
    world.clock.advance(60 * case.minutes)
    return world


@pytest.mark.parametrize("case", cases().values(), ids=cases().keys())
async def test_a_nasty_file_has_the_outcome_that_was_planned_for_it(case: Case) -> None:
    world = await landed(case)

    run = await world.run()

    match case.outcome:
        case Refused(said):
            assert run.status is RunStatus.FAILED_PERMANENT
            assert said in str(run.reason)
            assert any(folder in str(run.reason) for folder in _places(case))
            assert world.mailchimp.calls == 0
            assert world.queue.waiting == []
        case Sent(members, rejects):
            ended = RunStatus.SUCCESSFUL if members else RunStatus.FAILED_PERMANENT
            assert run.status is ended, run.reason
            sent = {
                address: (fields.get("FNAME", ""), fields.get("LNAME", ""))
                for address, fields in world.mailchimp.members.items()
            }
            assert sent == members
            assert [(each.row, each.code) for each in await world.rejects(run)] == list(rejects)


@pytest.mark.parametrize("case", cases().values(), ids=cases().keys())
async def test_the_catalogue_shows_every_nasty_file_and_trips_over_none(case: Case) -> None:
    world = await landed(case)
    storage = world.services.storage

    found = await find_all(storage.segments, world.clock.now())
    shown = await describe(storage.segments, storage.versions, case.segment, found[case.segment])

    assert shown.name == case.segment
    assert (shown.reason is None) == (shown.status == "ready")
    if isinstance(case.outcome, Sent):
        assert {"Email", "First", "Last"} <= set(shown.columns)


def test_the_corpus_is_large() -> None:
    assert len(cases()) >= 60


def _places(case: Case) -> list[str]:
    """Return the paths and folders of a case, one of which a message names."""
    folders = {path.rpartition("/")[0] for path in case.files}
    return [*case.files, *folders, EXPORT, EXPORTED]
