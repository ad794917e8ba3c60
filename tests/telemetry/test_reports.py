"""Metrics, events and log lines are reported by the names that docs/operations.md gives."""

import asyncio
import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.people import Person
from shared.domain.run import Run, RunStatus, SliceMessage
from shared.domain.schedule import RefreshSchedule
from shared.runs.ending import give_up
from shared.runs.lanes.lane import lane
from shared.runs.slice import run_slice
from shared.schedules.refresh_schedule import set_schedule
from shared.telemetry import metrics
from shared.telemetry.logs import about_run
from shared.triggers.every_minute import tick
from tests.contract.destinations.side import Side, fault
from tests.contract.destinations.world import World, csv, ready
from tests.fakes.storage import MemoryQueue
from tests.infra.test_alerts import EVENTS, METRICS
from tests.runs.small import small
from tests.runs.world import csv as small_csv
from tests.telemetry.recorder import Recorder

ROWS = 300


def events(told: Recorder, name: str) -> list[dict[str, Any]]:
    """The properties of every event of this name."""
    found = [dict(attributes) for _, attributes in told.lines() if attributes.get("event") == name]
    for each in found:
        del each["event"]
    return found


def values(points: dict[str, list[tuple[dict[str, Any], float]]], name: str) -> dict[str, float]:
    """The values of a metric by what its attributes say beside the destination."""
    return {
        " ".join(str(each) for key, each in attributes.items() if key != "destination"): value
        for attributes, value in points.get(f"segment_exports.{name}", [])
    }


def test_every_documented_metric_is_reported_with_its_attributes_and_no_other(
    told: Recorder,
) -> None:
    metrics.slice_worked("acme", 1.5, {"accepted": 2, "refused": 0})
    metrics.request("acme", "answered")
    metrics.lane_wait("acme")
    metrics.pace_halved("acme")
    metrics.queue_age("slices", 3)
    metrics.poison_messages("slices-poison", 0)
    metrics.schedule_lag(0)
    metrics.quota_used("acme", 0.5)
    points = told.points()
    assert {name: set(each[0][0]) for name, each in points.items()} == METRICS
    assert values(points, "profiles") == {"accepted": 2}
    assert values(points, "schedule.lag") == {"": 0}


def test_what_was_told_once_is_not_told_again(told: Recorder) -> None:
    metrics.schedule_lag(1200)
    metrics.schedule_lag(0)
    metrics.queue_age("slices", 3)
    assert values(told.points(), "schedule.lag") == {"": 0}
    assert told.points() == {}
    metrics.schedule_lag(60)
    assert values(told.points(), "schedule.lag") == {"": 60}


async def test_a_run_reports_its_rows_its_requests_and_its_slices(
    side: Side, told: Recorder
) -> None:
    world = await ready(side)
    await world.drop(csv(ROWS) + "not an address,Bob,Lee\n")
    told.points()
    before = len(world.wire.requests)
    await world.run()
    points = told.points()
    assert values(points, "profiles") == {"accepted": ROWS, "invalid": 1}
    assert sum(values(points, "requests").values()) == len(world.wire.requests) - before
    assert set(values(points, "requests")) == {"answered"}
    assert values(points, "slice.seconds")[""] == sum(world.slice_seconds)
    destinations = {attributes["destination"] for each in points.values() for attributes, _ in each}
    assert destinations == {side.destination.name}
    per_day = side.destination.limits.requests_per_day
    assert ("segment_exports.quota.used" in points) == (per_day is not None)
    if per_day is not None:
        assert 0 < values(points, "quota.used")[""] <= 64 / per_day
    await world.run()
    assert values(told.points(), "profiles") == {"unchanged": ROWS, "invalid": 1}


async def test_a_run_that_ends_is_an_event_that_names_it(side: Side, told: Recorder) -> None:
    world = await ready(side)
    await world.drop(csv(10))
    run = await world.run()
    [ended] = events(told, "run_ended")
    assert ended == {
        "run_id": run.id,
        "export_id": "export",
        "destination": side.destination.name,
        "status": "successful",
    }
    assert ended.keys() == EVENTS["run_ended"]


async def stopped(world: World) -> Run:
    """A run that finds the account closed to it."""
    world.side.revoke()
    await world.drop(csv(10))
    return await world.run()


async def test_a_connection_that_needs_sign_in_is_an_event_once(side: Side, told: Recorder) -> None:
    world = await ready(side)
    run = await stopped(world)
    assert run.status is RunStatus.SKIPPED
    [needed] = events(told, "sign_in_needed")
    run_id = needed.pop("run_id")  # as on every line that is written while working on a run
    assert run_id == run.id
    assert needed == {"connection_id": "connection", "destination": side.destination.name}
    assert needed.keys() == EVENTS["sign_in_needed"]
    assert (await world.connection()).status is ConnectionStatus.NEEDS_SIGN_IN
    again = await world.run()
    assert again.status is RunStatus.SKIPPED
    assert len(events(told, "sign_in_needed")) == 1
    assert [each["status"] for each in events(told, "run_ended")] == ["skipped", "skipped"]


async def test_a_message_that_was_given_up_is_an_event(side: Side, told: Recorder) -> None:
    world = await ready(side)
    run = await world.start()
    await give_up(world.services, SliceMessage(run_id=run.id, slice=0))
    [given_up] = events(told, "message_given_up")
    assert given_up == {"run_id": run.id}
    assert given_up.keys() == EVENTS["message_given_up"]
    assert [each["status"] for each in events(told, "run_ended")] == ["failed_permanent"]


async def test_waiting_for_a_lane_is_counted(side: Side, told: Recorder) -> None:
    world = await ready(side)
    await world.drop(csv(10))
    run = await world.start()
    account = (await world.connection()).account
    assert account is not None
    storage = world.services.storage
    told.points()
    async with lane(storage.lanes, side.clock, side.destination.lane(account)):
        await run_slice(world.services, SliceMessage(run_id=run.id, slice=0))
    assert values(told.points(), "lane.waits") == {"": 1}


async def test_an_account_that_is_asked_more_slowly_is_counted(side: Side, told: Recorder) -> None:
    world = await ready(side)
    side.faults.queued.append(fault("429", "*", count=3))
    await world.drop(csv(10))
    told.points()
    await world.run()
    assert values(told.points(), "pace.halvings") == {"": 1}


async def test_every_tick_tells_how_late_it_is(side: Side, told: Recorder) -> None:
    world = await ready(side)
    await tick(world.services)
    quiet = told.points()
    assert values(quiet, "schedule.lag") == {"": 0}
    assert values(quiet, "queue.age") == {"slices": 0}
    due = side.clock.now().replace(second=0, microsecond=0) + timedelta(minutes=2)
    schedule = RefreshSchedule.model_validate({"times": [f"{due:%H:%M}"], "time_zone": "UTC"})
    await set_schedule(world.services, Person(id="ann", name="Ann"), None, schedule)
    await world.export(schedule={"follows": "system"})
    side.clock.advance((due + timedelta(minutes=20) - side.clock.now()).total_seconds())
    await tick(world.services)
    assert values(told.points(), "schedule.lag") == {"": 1200}


async def test_what_lies_in_a_poison_queue_is_counted_once_in_ten_minutes(
    side: Side, told: Recorder
) -> None:
    world = await ready(side)
    poison = world.services.storage.poison_slices
    assert isinstance(poison, MemoryQueue)
    await poison.send(SliceMessage(run_id="export.1", slice=0))
    counts = []
    for _ in range(20):
        side.clock.advance(60)
        await tick(world.services)
        counts.append(values(told.points(), "poison.messages"))
    assert [each for each in counts if each] == 2 * [
        {"slices-poison": 1, "webjobs-blobtrigger-poison": 0}
    ]


async def test_a_message_that_nobody_takes_grows_old(side: Side, told: Recorder) -> None:
    world = await ready(side)
    await world.drop(csv(10))
    await world.start()
    side.clock.advance(100)
    await tick(world.services)
    assert values(told.points(), "queue.age") == {"slices": 40}  # a minute is nothing to speak of


async def test_every_line_that_is_written_while_working_on_a_run_has_its_id(
    side: Side, told: Recorder
) -> None:
    world = await ready(side)
    await world.drop(csv(10))
    await world.run()
    assert {attributes.get("run_id") for _, attributes in told.lines()} == {
        (await world.services.storage.runs.page("export", limit=1))[0].value.id
    }


async def test_lines_of_libraries_and_of_tasks_that_a_run_began_have_its_id_too(
    told: Recorder,
) -> None:
    library = logging.getLogger("some.library")

    async def in_a_task() -> None:
        library.warning("in a task")

    with about_run("export.1"):
        library.warning("during")
        task = asyncio.create_task(in_a_task())
    library.warning("after")
    await task
    lines = [(body, attributes.get("run_id")) for body, attributes in told.lines()]
    assert lines == [("during", "export.1"), ("after", None), ("in a task", "export.1")]


async def test_a_surprise_is_logged_with_its_place_and_without_its_words(told: Recorder) -> None:
    world = await small()

    words = "planted@example.com"

    async def surprise(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError(words)

    world.mailchimp.down = surprise
    await world.drop(small_csv(20))
    run = await world.start()
    with pytest.raises(ZeroDivisionError):
        await world.deliver()
    [(line, attributes)] = [each for each in told.lines() if "ZeroDivisionError" in each[0]]
    assert attributes["run_id"] == run.id
    assert "in surprise" in line
    assert not any("planted" in text for _, text in told.texts())
