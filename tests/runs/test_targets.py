"""A run works for the connection and the list that it began with, or not at all."""

from typing import Any

import pytest

from shared.connections.waiting_runs import resume_runs
from shared.domain.people import Caller, Person, Role
from shared.domain.run import Run, RunStatus, TriggerKind
from shared.exports.attach import attach_export, detach_export
from shared.exports.manage import copy_export
from shared.exports.schemas import Attachment
from shared.storage.entries import ALL
from shared.triggers.arrivals import arrive
from shared.triggers.every_minute import tick
from tests.fakes.mailchimp import LIST_ID, answers
from tests.runs.small import leftovers, now, sign_in_again, small, work_on_visible
from tests.runs.world import World, csv


async def change(world: World, **update: Any) -> None:
    """Change the export in the moment that no check sees: whoever changes it has looked for runs."""
    records = world.services.storage.exports
    stored = await records.get(ALL, "export")
    assert stored is not None
    changed = stored.value.model_validate(stored.value.model_dump() | update)
    await records.put(ALL, "export", changed)


async def runs(world: World) -> list[Run]:
    return [stored.value for stored in await world.services.storage.runs.page("export")]


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"connection_id": None}, "The export was detached from its connection."),
    ({"connection_id": "other"}, "The export was changed after this run began. Run it again."),
    ({"list_id": "b2"}, "The export was changed after this run began. Run it again."),
    ({"fields": {"email": "Email"}}, "The export was changed after this run began. Run it again."),
]


@pytest.mark.parametrize(("update", "reason"), CHANGES, ids=lambda each: str(each)[:30])
async def test_a_run_that_was_not_prepared_sends_nothing_for_what_the_export_is_now(
    update: dict[str, Any], reason: str
) -> None:
    world = await small()
    await world.connect("other")
    await world.drop(csv(20))
    run = await world.start()
    await change(world, **update)

    await world.deliver()

    canceled = await now(world, run)
    assert (canceled.status, str(canceled.reason)) == (RunStatus.CANCELED, reason)
    assert world.mailchimp.calls == 0
    assert await leftovers(world) == []


@pytest.mark.parametrize(("update", "reason"), CHANGES, ids=lambda each: str(each)[:30])
async def test_a_prepared_run_does_not_go_on_to_another_list(
    update: dict[str, Any], reason: str
) -> None:
    world = await small(slice_seconds=10)
    await world.connect("other")
    world.mailchimp.seconds = 20
    await world.drop(csv(200))
    run = await world.start()
    await work_on_visible(world)
    sent = world.mailchimp.calls
    assert (await now(world, run)).status is RunStatus.QUEUED
    await change(world, **update)

    await world.deliver()

    canceled = await now(world, run)
    assert (canceled.status, str(canceled.reason)) == (RunStatus.CANCELED, reason)
    assert world.mailchimp.calls == sent
    assert await leftovers(world) == []


async def test_a_run_that_waited_for_a_sign_in_does_not_go_on_after_a_detachment() -> None:
    world = await small()
    world.mailchimp.down = answers(401)
    await world.drop(csv(20))
    run = await world.run()
    assert run.status is RunStatus.SKIPPED
    await change(world, attached_at=world.clock.now())  # detached, and attached to the same again
    await sign_in_again(world)
    calls = world.mailchimp.calls

    await resume_runs(world.services, "connection")
    await world.deliver()

    assert (await now(world, run)).status is RunStatus.CANCELED
    assert world.mailchimp.calls == calls
    assert await leftovers(world) == []


async def test_other_changes_do_not_stop_a_run() -> None:
    world = await small(slice_seconds=10)
    world.mailchimp.seconds = 20
    await world.drop(csv(200))
    run = await world.start()
    await work_on_visible(world)
    await change(world, name="Renamed", on_arrival=False, schedule={"follows": "off"})
    await world.deliver()
    assert (await now(world, run)).status is RunStatus.SUCCESSFUL


async def test_a_detached_export_is_run_by_no_file_and_no_schedule() -> None:
    world = await small()
    own = {"follows": "own", "own": {"times": ["09:05"]}}
    await change(world, connection_id=None, schedule=own)
    await tick(world.services)
    path = await world.drop(csv(20))
    await arrive(world.services, path)
    for _ in range(10):
        world.clock.advance(60)
        await tick(world.services)
    assert await runs(world) == []


async def test_a_file_that_landed_while_it_was_detached_does_not_run_it_once_attached() -> None:
    world = await small()
    await tick(world.services)
    await world.drop(csv(20))
    world.clock.advance(2)
    await change(world, attached_at=world.clock.now())
    for _ in range(5):
        world.clock.advance(60)
        await tick(world.services)
    assert await runs(world) == []


async def test_an_own_schedule_runs_its_export_and_the_refresh_does_not() -> None:
    world = await small()
    await change(world, schedule={"follows": "own", "own": {"times": ["09:05", "09:07"]}})
    await world.export("system", segments=["Others"])
    for _ in range(10):
        world.clock.advance(60)
        await tick(world.services)
        await tick(world.services)
    begun = await runs(world)
    assert [f"{run.trigger.at:%H:%M}" for run in begun] == ["09:07", "09:05"]
    assert {run.trigger.kind for run in begun} == {TriggerKind.SCHEDULE}
    assert str(begun[0].timeline[0].text) == "The export's own schedule was due."
    assert await world.services.storage.runs.page("system") == []


async def test_instants_from_before_a_schedule_was_set_are_not_made_up_for() -> None:
    world = await small()
    await tick(world.services)
    world.clock.advance(3 * 86_400)  # the timer rests while the API goes on
    schedule = {"follows": "own", "own": {"times": ["08:59"]}}
    await change(world, schedule=schedule, scheduled_at=world.clock.now())
    await tick(world.services)
    assert await runs(world) == []
    world.clock.advance(86_400)
    await tick(world.services)
    assert len(await runs(world)) == 1


ADMINISTRATOR = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)


async def test_a_copy_delivers_everything_on_its_first_run() -> None:
    world = await small()
    await world.drop(csv(20))
    await world.run()
    copy = await copy_export(world.services, ADMINISTRATOR, "export", None, str)
    run = await world.run(export=copy.key)
    assert (await world.progress(run)).counts.accepted == 20
    again = await world.run(export=copy.key)
    assert (await world.progress(again)).counts.unchanged == 20


async def test_attached_again_an_export_delivers_everything_even_to_the_same_list() -> None:
    world = await small()
    await world.drop(csv(20))
    await world.run()
    await detach_export(world.services, ADMINISTRATOR, "export", None)
    world.clock.advance(1)
    body = Attachment(connection_id="connection", list_id=LIST_ID)
    await attach_export(world.services, ADMINISTRATOR, "export", None, body)
    run = await world.run()
    assert (await world.progress(run)).counts.accepted == 20
