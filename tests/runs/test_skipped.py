"""A scheduled run with nothing new to send is skipped and says so; on demand an export always runs."""

from datetime import timedelta
from typing import Any

from shared.destinations.model import Client, FinishedJob
from shared.domain.message import say
from shared.domain.people import Caller, Person, Role
from shared.domain.reading import Reading
from shared.domain.run import Mode, Run, RunStatus, Trigger, TriggerKind
from shared.domain.schedule import RefreshSchedule
from shared.exports.manage import change_export
from shared.exports.readings import set_reading
from shared.exports.schemas import ExportChanges
from shared.runs.freshness import FAILED_ALREADY, NOTHING_NEW, STILL_INVALID
from shared.runs.start import start_run
from shared.schedules.refresh_schedule import set_schedule
from shared.storage.entries import DueTable
from shared.storage.paths import parts_folder
from shared.triggers.every_minute import tick
from shared.triggers.on_demand import run_on_demand
from tests.fakes.mailchimp import answers
from tests.runs.operations import counted
from tests.runs.slow import Slow
from tests.runs.small import leftovers, small
from tests.runs.world import World, csv

ADMINISTRATOR = Caller(Person(id="1", name="Administrator"), Role.ADMINISTRATOR)
HOUR = timedelta(hours=1).total_seconds()
DAY = timedelta(days=1).total_seconds()


async def daily(**changes: Any) -> World:
    """Return a world at 09:00 whose export runs by no file, and is refreshed at 09:01 every day."""
    world = await small()
    daily = RefreshSchedule.model_validate({"times": ["09:01"]})
    await set_schedule(world.services, ADMINISTRATOR.person, None, daily)
    await change(world, on_arrival=False, **changes)
    await world.drop(csv(20))
    return world


async def change(world: World, **changes: Any) -> None:
    given = ExportChanges.model_validate(changes)
    await change_export(world.services, ADMINISTRATOR, "export", None, given)


async def a_day(world: World) -> None:
    """Let the next refresh come, and its run end."""
    world.clock.advance(DAY)
    await tick(world.services)
    await world.deliver()


async def statuses(world: World) -> list[RunStatus]:
    """Return how the export's runs have ended, newest first."""
    return [stored.value.status for stored in await world.services.storage.runs.page("export")]


async def newest(world: World) -> Run:
    return (await world.services.storage.runs.page("export"))[0].value


async def test_a_refresh_without_a_new_file_is_skipped_and_says_why() -> None:
    world = await daily()
    await a_day(world)
    calls = world.mailchimp.calls
    await a_day(world)

    skipped = await newest(world)
    assert await statuses(world) == [RunStatus.SKIPPED, RunStatus.SUCCESSFUL]
    assert (skipped.reason, skipped.trigger.kind) == (NOTHING_NEW, TriggerKind.REFRESH)
    assert str(skipped.timeline[0].text) == "The scheduled refresh was due."
    assert world.mailchimp.calls == calls
    assert await leftovers(world) == []


async def test_a_refresh_sends_again_what_is_unknown_of_the_run_before() -> None:
    world = await daily()
    destination = Slow(
        Client("id", "secret"),
        "https://login.test",
        "https://{dc}.test",
        False,
        clock=world.clock,
        ends=[lambda job, _: FinishedJob(job, failed=say("It failed."))],
    )
    world.having(destinations={destination.name: destination})
    await a_day(world)
    assert (await world.progress(await newest(world))).counts.unknown == 20
    destination.ends.clear()
    await a_day(world)
    assert (await world.progress(await newest(world))).counts.accepted == 20
    await a_day(world)
    assert await statuses(world) == [RunStatus.SKIPPED, *[RunStatus.SUCCESSFUL] * 2]


async def test_what_is_laid_out_late_of_a_run_that_was_skipped_does_not_stay() -> None:
    world = await daily()
    await a_day(world)
    await a_day(world)
    skipped, files = await newest(world), world.services.storage.run_files
    await files.write(f"{parts_folder(skipped.id)}layout/00000.gz", b"part")
    world.clock.advance(2 * HOUR)
    await tick(world.services)
    assert await leftovers(world) == []


async def test_refreshes_without_a_new_file_fill_no_history() -> None:
    world = await daily()
    for _ in range(6):
        await a_day(world)
    assert await statuses(world) == [RunStatus.SKIPPED, RunStatus.SUCCESSFUL]
    services, operations = counted(world.services)
    world.clock.advance(DAY)
    await tick(services)
    assert {name for name in operations if name.startswith(("audit", "runs.insert"))} == set()


async def test_a_skipped_run_is_to_be_forgotten_some_day_like_any_other() -> None:
    world = await daily()
    for _ in range(3):
        await a_day(world)
    runs = {stored.value.id for stored in await world.services.storage.runs.page("export")}
    ended = await world.services.storage.ended_runs.page(DueTable.ENDED)
    assert {entry.value.run_id for entry in ended} == runs


async def test_a_scheduled_run_that_somebody_asks_for_while_it_waits_does_its_work() -> None:
    world = await daily()
    trigger = Trigger(kind=TriggerKind.REFRESH, key="due", at=world.clock.now())
    run, _ = await start_run(world.services, "export", trigger)
    asked = await run_on_demand(world.services, ADMINISTRATOR, "export", Mode.CHANGES, None)
    assert (asked.run.id, asked.joined) == (run.id, True)

    await world.deliver()

    ended = await newest(world)
    assert (ended.id, ended.status) == (run.id, RunStatus.SUCCESSFUL)
    assert str(ended.timeline[1].text) == "Asked for on demand, too."


async def test_a_new_file_ends_it() -> None:
    world = await daily()
    for _ in range(3):
        await a_day(world)
    await world.drop(csv(25), "Customers/2.csv")
    await a_day(world)
    assert (await statuses(world))[:2] == [RunStatus.SUCCESSFUL, RunStatus.SKIPPED]
    await a_day(world)
    assert (await statuses(world))[:2] == [RunStatus.SKIPPED, RunStatus.SUCCESSFUL]
    assert len(world.mailchimp.members) == 25


async def test_a_file_written_over_is_new() -> None:
    world = await daily()
    await a_day(world)
    await world.drop(csv(20))
    await a_day(world)
    assert await statuses(world) == [RunStatus.SUCCESSFUL] * 2


async def test_a_failure_is_tried_again_without_a_new_file() -> None:
    world = await daily()
    world.mailchimp.down = answers(404)
    await a_day(world)
    await a_day(world)
    world.mailchimp.down = None
    await a_day(world)
    await a_day(world)
    assert await statuses(world) == [
        RunStatus.SKIPPED,
        RunStatus.SUCCESSFUL,
        RunStatus.FAILED_PERMANENT,
        RunStatus.FAILED_PERMANENT,
    ]


async def test_a_failure_since_does_not_make_what_was_sent_before_new() -> None:
    world = await daily()
    await a_day(world)
    world.mailchimp.down = answers(404)
    for _ in range(3):
        await world.run(Mode.EVERYTHING)
    world.mailchimp.down = None
    await a_day(world)
    assert (await newest(world)).reason == NOTHING_NEW


async def test_what_goes_elsewhere_or_is_mapped_otherwise_is_sent_without_a_new_file() -> None:
    world = await daily()
    await a_day(world)
    await change(world, fields={"email": "Email", "first_name": "First"})
    await a_day(world)
    assert await statuses(world) == [RunStatus.SUCCESSFUL] * 2


async def test_another_segment_is_news() -> None:
    world = await daily()
    await a_day(world)
    await world.drop(csv(5, "visitors.example"), "Visitors.csv")
    await change(world, segments=["Customers", "Visitors"])
    await a_day(world)
    await change(world, segments=["Visitors", "Customers"])  # another row of two may count
    await a_day(world)
    assert await statuses(world) == [RunStatus.SUCCESSFUL] * 3


async def test_on_demand_it_runs_all_the_same() -> None:
    world = await daily()
    await a_day(world)
    await a_day(world)
    for mode in Mode:
        assert (await world.run(mode)).status is RunStatus.SUCCESSFUL
    await a_day(world)
    assert (await statuses(world))[:2] == [RunStatus.SKIPPED, RunStatus.SUCCESSFUL]


async def test_an_own_schedule_is_skipped_likewise() -> None:
    world = await small()
    await world.export(
        "own", on_arrival=False, schedule={"follows": "own", "own": {"times": ["09:01"]}}
    )
    await world.drop(csv(20))
    for _ in range(4):
        await a_day(world)
    runs = [stored.value for stored in await world.services.storage.runs.page("own")]
    assert [run.status for run in runs] == [RunStatus.SKIPPED, RunStatus.SUCCESSFUL]
    assert {run.trigger.kind for run in runs} == {TriggerKind.SCHEDULE}


async def test_what_a_run_before_it_in_the_queue_has_sent_is_not_read_again() -> None:
    """The file was new when the refresh was due, and is not any more when its run gets the lane."""
    world = await daily()
    world.clock.advance(DAY)
    await tick(world.services)  # begins the run, which waits
    [waiting] = world.queue.take()
    on_demand = await world.run()
    assert on_demand.status is RunStatus.SUCCESSFUL
    calls = world.mailchimp.calls
    await world.services.storage.slices.send(waiting)
    await world.deliver()
    statuses = {
        stored.value.trigger.kind: stored.value.status
        for stored in await world.services.storage.runs.page("export")
    }
    assert statuses == {
        TriggerKind.ON_DEMAND: RunStatus.SUCCESSFUL,
        TriggerKind.REFRESH: RunStatus.SKIPPED,
    }
    assert world.mailchimp.calls == calls
    assert await leftovers(world) == []


async def test_a_run_that_died_and_has_nothing_new_to_send_by_now_leaves_nothing_laid_out() -> None:
    world = await daily()
    world.clock.advance(DAY)
    await tick(world.services)
    run = await newest(world)
    await world.services.storage.run_files.write(f"{parts_folder(run.id)}00000", b"laid out")
    [waiting] = world.queue.take()
    await world.run()
    await world.services.storage.slices.send(waiting)
    await world.deliver()

    assert (await newest(world)).status is RunStatus.SUCCESSFUL
    assert await statuses(world) == [RunStatus.SUCCESSFUL, RunStatus.SKIPPED]
    assert await leftovers(world) == []


async def test_a_segment_without_a_file_is_no_reason_to_skip() -> None:
    world = await daily()
    await world.services.storage.segments.delete("Customers")
    await a_day(world)
    await a_day(world)
    assert await statuses(world) == [RunStatus.FAILED_PERMANENT] * 2


async def test_a_version_without_a_valid_row_fails_once_until_something_is_new() -> None:
    world = await daily()
    await world.drop("Email,First,Last\nnobody,A,B\n", "Customers/2.csv")
    for _ in range(4):
        await a_day(world)
    assert await statuses(world) == [RunStatus.SKIPPED, RunStatus.FAILED_PERMANENT]
    assert (await newest(world)).reason == STILL_INVALID

    await change(world, fields={"email": "Email", "first_name": "First"})
    await a_day(world)
    assert (await statuses(world))[0] is RunStatus.FAILED_PERMANENT

    await world.drop(csv(20), "Customers/3.csv")
    await a_day(world)
    assert (await statuses(world))[0] is RunStatus.SUCCESSFUL


async def test_a_warning_stands_while_nothing_is_new() -> None:
    world = await daily()
    await world.drop(csv(3) + "nobody,A,B\n", "Customers/2.csv")
    for _ in range(2):
        await a_day(world)
    last, before = [each.value for each in await world.services.storage.runs.page("export")]
    assert (last.status, before.status) == (RunStatus.SKIPPED, RunStatus.SUCCESSFUL)
    assert last.warning == before.warning
    assert str(last.warning) == "1 invalid of 4 rows: look at the rejects."


BAD = "Email,First\na@x.com,A\n"  # without the column Last


async def test_a_version_with_which_a_run_failed_is_tried_once_and_said_once() -> None:
    world = await daily()
    await world.drop(BAD, "Customers/2.csv")
    for _ in range(4):
        await a_day(world)
    assert await statuses(world) == [RunStatus.SKIPPED, RunStatus.FAILED_PERMANENT]
    assert (await newest(world)).reason == FAILED_ALREADY


async def test_a_version_that_a_run_on_demand_failed_with_is_not_tried_by_a_schedule() -> None:
    world = await daily()
    await world.drop(BAD, "Customers/2.csv")
    assert (await world.run()).status is RunStatus.FAILED_PERMANENT
    await a_day(world)
    assert await statuses(world) == [RunStatus.SKIPPED, RunStatus.FAILED_PERMANENT]


async def test_on_demand_what_failed_is_tried_again_and_fails_as_before() -> None:
    world = await daily()
    await world.drop(BAD, "Customers/2.csv")
    await a_day(world)
    assert (await world.run()).status is RunStatus.FAILED_PERMANENT


async def test_what_failed_is_tried_again_with_a_new_file_or_a_new_mapping() -> None:
    world = await daily()
    await world.drop(BAD, "Customers/2.csv")
    await a_day(world)
    await world.drop(BAD, "Customers/2.csv")
    await a_day(world)
    assert await statuses(world) == [RunStatus.FAILED_PERMANENT] * 2
    await change(world, fields={"email": "Email", "first_name": "First"})
    await a_day(world)
    assert (await statuses(world))[0] is RunStatus.SUCCESSFUL


async def test_what_failed_is_tried_again_once_for_each_way_in_which_it_is_read() -> None:
    world = await daily()
    await world.drop("Email,First,Last\na@x.com,Å,B\n".encode("cp1252"), "Customers/2.csv")
    failed, skipped = RunStatus.FAILED_PERMANENT, RunStatus.SKIPPED
    for _ in range(3):
        await a_day(world)
    assert await statuses(world) == [skipped, failed]
    for said in (Reading(decimal=","), Reading(decimal=",", nulls=["-"])):
        await set_reading(world.services, ADMINISTRATOR, "Customers", None, said)
        for _ in range(3):
            await a_day(world)
        assert (await statuses(world))[:2] == [skipped, failed]
    assert (await statuses(world)) == [skipped, failed] * 3
    await set_reading(
        world.services, ADMINISTRATOR, "Customers", None, Reading(encoding="windows-1252")
    )
    await a_day(world)
    assert (await statuses(world))[0] is RunStatus.SUCCESSFUL


async def test_a_segment_of_nothing_that_can_be_read_fails_once() -> None:
    world = await daily()
    await world.services.storage.segments.delete("Customers")
    await world.drop(b"PK", "Customers/1.xlsx")
    for _ in range(3):
        await a_day(world)
    assert await statuses(world) == [RunStatus.SKIPPED, RunStatus.FAILED_PERMANENT]
    await world.drop(csv(20))
    await a_day(world)
    assert (await statuses(world))[0] is RunStatus.SUCCESSFUL


async def test_a_run_that_was_created_before_another_failed_by_the_same_is_skipped() -> None:
    world = await daily()
    await world.drop(BAD, "Customers/2.csv")
    world.clock.advance(DAY)
    await tick(world.services)  # which creates the run
    assert (await world.run()).status is RunStatus.FAILED_PERMANENT
    assert (await statuses(world)).count(RunStatus.FAILED_PERMANENT) >= 1


async def test_what_failed_for_another_reason_than_its_files_is_tried_again() -> None:
    world = await daily()
    world.mailchimp.down = answers(404)
    await a_day(world)
    await a_day(world)
    assert (await statuses(world)).count(RunStatus.SKIPPED) == 0
