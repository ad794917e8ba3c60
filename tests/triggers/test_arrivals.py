"""A file lands: the exports that follow its segment run, each once."""

import asyncio

import pytest

from shared.domain.run import Run, RunStatus, TriggerKind
from shared.storage.entries import ALL
from shared.triggers.arrivals import arrive
from tests.runs.small import delays, leftovers, now, small
from tests.runs.world import ACCOUNT, World, csv


async def runs(world: World, export: str = "export") -> list[Run]:
    """Return an export's runs, newest first."""
    return [stored.value for stored in await world.services.storage.runs.page(export)]


async def test_a_file_that_lands_is_sent_by_its_event_alone() -> None:
    world = await small()
    await arrive(world.services, await world.drop(csv(120)))

    [run] = await runs(world)
    assert (run.status, run.trigger.kind) == (RunStatus.SUCCESSFUL, TriggerKind.ARRIVAL)
    assert str(run.timeline[0].text) == "A new file of a segment landed."
    assert world.queue.waiting == []
    assert len(world.mailchimp.members) == 120


async def test_what_does_not_fit_the_first_slice_goes_on_by_queue() -> None:
    world = await small(slice_seconds=10)
    world.mailchimp.seconds = 20
    await arrive(world.services, await world.drop(csv(120)))
    assert len(world.mailchimp.members) == 80
    await world.deliver()
    assert [run.status for run in await runs(world)] == [RunStatus.SUCCESSFUL]
    assert set(world.mailchimp.received.values()) == {1}


async def test_the_same_event_three_times_makes_one_run() -> None:
    world = await small()
    path = await world.drop(csv(120))
    for _ in range(3):
        await arrive(world.services, path)
    assert len(await runs(world)) == 1
    assert set(world.mailchimp.received.values()) == {1}


async def test_the_same_event_three_times_at_once_makes_one_run() -> None:
    world = await small()
    world.mailchimp.seconds = 5
    path = await world.drop(csv(120))
    await asyncio.gather(*(arrive(world.services, path) for _ in range(3)))
    await world.deliver()
    assert [run.status for run in await runs(world)] == [RunStatus.SUCCESSFUL]
    assert set(world.mailchimp.received.values()) == {1}


async def test_a_new_version_of_a_file_makes_another_run() -> None:
    world = await small()
    await arrive(world.services, await world.drop(csv(20)))
    await arrive(world.services, await world.drop(csv(21)))
    newest, oldest = await runs(world)
    assert newest.created_at > oldest.created_at
    assert (await world.progress(newest)).counts.accepted == 1


async def test_several_exports_on_one_account_are_sent_one_after_the_other_at_once() -> None:
    world = await small()
    world.mailchimp.seconds = 1
    others = [(await world.export(name)).id for name in ("second", "third")]

    await arrive(world.services, await world.drop(csv(50)))

    for export in ("export", *others):
        assert [run.status for run in await runs(world, export)] == [RunStatus.SUCCESSFUL]
    assert set(world.mailchimp.received.values()) == {3}
    assert world.mailchimp.most_open <= 8


async def test_what_has_no_time_to_go_on_at_once_goes_on_by_queue() -> None:
    world = await small(slice_seconds=1.5)
    world.mailchimp.seconds = 1
    await world.export("second")
    await world.export("third")

    await arrive(world.services, await world.drop(csv(50)))

    made = [run for export in ("export", "second", "third") for run in await runs(world, export)]
    assert len(made) == 3
    assert [run.status for run in made].count(RunStatus.SUCCESSFUL) == 1
    assert len(delays(world)) == 2
    await world.deliver()
    assert {(await now(world, run)).status for run in made} == {RunStatus.SUCCESSFUL}
    assert set(world.mailchimp.received.values()) == {3}
    assert world.mailchimp.most_open <= 8


async def test_exports_that_do_not_follow_the_segment_do_not_run() -> None:
    world = await small()
    await world.export("other", segments=["Visitors"])
    await world.export("by-hand", on_arrival=False)
    await world.export("both", segments=["Visitors", "Customers"])
    await arrive(world.services, await world.drop(csv(20)))
    assert await runs(world, "other") == []
    assert await runs(world, "by-hand") == []
    assert len(await runs(world, "both")) == 1


async def test_a_file_that_was_there_when_the_export_was_saved_does_not_run_it() -> None:
    world = await small()
    path = await world.drop(csv(20))
    world.clock.advance(10)
    await world.export("later")
    await arrive(world.services, path)
    assert await runs(world, "later") == []
    assert len(await runs(world)) == 1


@pytest.mark.parametrize("path", ["readme.txt", "Customers/1.xlsx", "Customers", ".csv"])
async def test_a_path_that_is_no_segment_file_is_ignored(path: str) -> None:
    world = await small()
    await world.drop(csv(20), path)
    await arrive(world.services, path)
    assert await runs(world) == []


async def test_an_event_of_a_file_that_is_gone_again_is_ignored() -> None:
    world = await small()
    await arrive(world.services, "Customers/gone.csv")
    assert await runs(world) == []


async def test_an_export_that_cannot_run_keeps_no_other_from_running() -> None:
    world = await small()
    await world.export("a-lonely-one", connection_id="gone")
    await arrive(world.services, await world.drop(csv(20)))
    assert [run.status for run in await runs(world)] == [RunStatus.SUCCESSFUL]
    assert await runs(world, "a-lonely-one") == []
    assert await leftovers(world) == []


async def test_a_surprise_in_one_export_comes_out_when_all_others_have_had_their_slice() -> None:
    world = await small()
    world.mailchimp.seconds = 5
    connection = await world.connect("another")
    account = ACCOUNT.model_copy(update={"id": "us1-2"})
    moved = connection.model_copy(update={"account": account})
    await world.services.storage.connections.put(ALL, "another", moved)
    fields = {"first_name": "First"}  # no export is saved without the address
    await world.export("broken", connection_id="another", fields=fields)
    path = await world.drop(csv(200))

    with pytest.raises(KeyError):
        await arrive(world.services, path)

    assert [run.status for run in await runs(world)] == [RunStatus.SUCCESSFUL]
    [broken] = await runs(world, "broken")
    assert broken.status is RunStatus.FAILURE
    assert await leftovers(world) == [broken.id]
