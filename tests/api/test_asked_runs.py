"""Asking for runs: what an `Idempotency-Key` stands for, and runs that wait and are joined."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.domain.message import say
from shared.domain.reading import Reading
from shared.domain.run import Checkpoint, Phase, Run, RunStatus, Trigger, TriggerKind
from shared.domain.segment import SegmentVersion
from shared.runs.start import start_run
from shared.storage.entries import Bookmark, SettingsTable
from shared.storage.paths import CHECKPOINT
from tests.api.office import Office
from tests.fakes.storage import MemoryQueue

EVERYTHING = {"mode": "everything"}
KEY = {"Idempotency-Key": "monday"}


async def shared_export(office: Office) -> str:
    return await office.export(await office.ready(shared_with="contributors"))


async def runs_of(office: Office, key: str) -> list[Run]:
    return [stored.value for stored in await office.services.storage.runs.page(key)]


async def become(office: Office, run: Any, status: RunStatus) -> None:
    """Have a slice do something with a run."""
    records, export = office.services.storage.runs, run["export_id"]
    stored = await records.get(export, run["id"].partition(".")[2])
    assert stored is not None
    now = office.clock.now()
    changed = (
        stored.value.over(status, now, say("Done."))
        if status.is_over
        else stored.value.waiting(status, now, now + timedelta(minutes=5), say("Waiting."))
    )
    await records.replace(export, stored.key, changed, stored.etag)


def refused_key(answer: httpx.Response) -> bool:
    """Whether an answer refuses a key that was used with another body."""
    problem = answer.json()
    where = [each.get("parameter") for each in problem.get("errors", [])]
    return answer.status_code == 422 and where == ["Idempotency-Key"]


async def test_the_same_key_is_the_same_run_whatever_became_of_it(office: Office) -> None:
    export = await office.export(await office.ready())
    path = f"/exports/{export}/run"
    first = await office.done("POST", path, {}, headers=KEY)
    office.clock.advance(60)
    assert await office.done("POST", path, {}, headers=KEY) == first

    await become(office, first, RunStatus.SUCCESSFUL)
    again = await office.done("POST", path, {}, headers=KEY)
    other = await office.done("POST", path, {}, headers={"Idempotency-Key": "tuesday"})

    assert (again["id"], again["joined"], again["status"]) == (first["id"], False, "successful")
    assert other["id"] != first["id"]
    queue = office.services.storage.slices
    assert isinstance(queue, MemoryQueue)
    assert len(queue.waiting) == 2


async def test_a_key_of_somebody_else_is_another_key(office: Office) -> None:
    export = await shared_export(office)
    path = f"/exports/{export}/run"
    ours = await office.done("POST", path, {}, headers=KEY)
    await become(office, ours, RunStatus.SUCCESSFUL)

    theirs = await office.done("POST", path, EVERYTHING, headers=KEY, role="contributor")

    assert theirs["id"] != ours["id"]
    assert (await office.done("POST", path, {}, headers=KEY))["id"] == ours["id"]


async def test_a_key_of_somebody_else_is_another_key_of_all_exports(office: Office) -> None:
    await shared_export(office)
    [ours] = (await office.done("POST", "/exports/run-all", {}, headers=KEY))["runs"]
    await become(office, ours, RunStatus.SUCCESSFUL)

    answer = await office.done(
        "POST", "/exports/run-all", EVERYTHING, headers=KEY, role="contributor"
    )

    [theirs] = answer["runs"]
    assert theirs["id"] != ours["id"]


@pytest.mark.parametrize(
    ("first", "second"), [({}, EVERYTHING), (None, EVERYTHING), (EVERYTHING, {})]
)
@pytest.mark.parametrize("what", ["run", "run-all"])
async def test_a_key_with_another_body_is_refused(
    office: Office, what: str, first: Any, second: Any
) -> None:
    export = await office.export(await office.ready())
    path = f"/exports/{export}/run" if what == "run" else "/exports/run-all"
    await office.done("POST", path, first, headers=KEY)

    assert refused_key(await office.ask("POST", path, second, headers=KEY))

    assert len(await runs_of(office, export)) == 1
    await office.done("POST", path, first, headers=KEY)


async def test_bodies_that_say_the_same_are_the_same(office: Office) -> None:
    export = await office.export(await office.ready())
    bodies: tuple[Any, ...] = (None, {}, {"mode": "changes"})
    asked = [
        await office.done("POST", f"/exports/{export}/run", body, headers=KEY) for body in bodies
    ]
    assert [each["id"] for each in asked] == [asked[0]["id"]] * 3


async def test_a_run_that_waits_is_joined_by_whoever_asks_for_the_same(office: Office) -> None:
    export = await shared_export(office)
    path = f"/exports/{export}/run"
    first = await office.ask("POST", path, {})
    office.clock.advance(60)
    second = await office.ask("POST", path, {}, role="contributor")

    assert second.status_code == 202
    assert second.headers["Location"] == first.headers["Location"]
    assert (first.json()["joined"], second.json()["joined"]) == (False, True)
    assert len(await runs_of(office, export)) == 1


async def test_a_run_of_another_mode_or_export_is_not_joined(office: Office) -> None:
    connection = await office.ready()
    exports = [await office.export(connection) for _ in range(2)]
    paths = [f"/exports/{export}/run" for export in exports]
    asked = [
        await office.done("POST", path, body) for path in paths for body in ({}, EVERYTHING) * 2
    ]
    assert [each["joined"] for each in asked] == [False, False, True, True] * 2
    assert [each["mode"] for each in asked] == ["changes", "everything"] * 4
    assert [len(await runs_of(office, export)) for export in exports] == [2, 2]


async def test_of_many_who_ask_at_once_one_begins_a_run(office: Office) -> None:
    export = await office.export(await office.ready())
    asked = await asyncio.gather(
        *(office.done("POST", f"/exports/{export}/run", {}) for _ in range(10))
    )
    assert sorted(each["joined"] for each in asked) == [False] + [True] * 9
    assert len(await runs_of(office, export)) == 1


@pytest.mark.parametrize(
    ("phase", "status", "joined"),
    [
        (Phase.PREPARE, RunStatus.QUEUED, True),
        (Phase.PREPARE, RunStatus.FAILURE, True),
        (Phase.PREPARE, RunStatus.PROCESSING, False),
        (Phase.PREPARE, RunStatus.FAILED_PERMANENT, False),
        (Phase.SEND, RunStatus.QUEUED, False),  # it goes on with the file of yesterday, maybe
        (Phase.SETTLE, RunStatus.FAILURE, False),
    ],
)
async def test_a_run_is_joined_as_long_as_it_has_read_nothing(
    office: Office, phase: Phase, status: RunStatus, joined: bool
) -> None:
    export = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{export}/run", {})
    await office.services.storage.checkpoints.insert(run["id"], CHECKPOINT, Checkpoint(phase=phase))
    await become(office, run, status)
    office.clock.advance(1)
    assert (await office.done("POST", f"/exports/{export}/run", {}))["joined"] is joined


async def test_a_run_that_is_canceled_is_not_joined(office: Office) -> None:
    export = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{export}/run", {})
    await office.services.storage.bookmarks.insert(
        SettingsTable.CANCELS, run["id"], Bookmark(at=office.clock.now())
    )
    office.clock.advance(1)
    assert not (await office.done("POST", f"/exports/{export}/run", {}))["joined"]


async def waiting(office: Office, export: str, kind: TriggerKind) -> Run:
    trigger = Trigger(kind=kind, key="what began it", at=office.clock.now())
    run, _ = await start_run(office.services, export, trigger)
    return run


@pytest.mark.parametrize("kind", list(TriggerKind))
async def test_it_makes_no_difference_what_began_a_run_that_waits(
    office: Office, kind: TriggerKind
) -> None:
    export = await office.export(await office.ready())
    run = await waiting(office, export, kind)
    asked = await office.done("POST", f"/exports/{export}/run", {})
    assert (asked["id"], asked["joined"]) == (run.id, True)


@pytest.mark.parametrize("kind", [TriggerKind.REFRESH, TriggerKind.SCHEDULE])
async def test_a_run_of_a_schedule_tells_once_that_it_was_asked_for(
    office: Office, kind: TriggerKind
) -> None:
    export = await office.export(await office.ready())
    await waiting(office, export, kind)
    for _ in range(2):
        asked = await office.done("POST", f"/exports/{export}/run", {})
    assert [each["text"] for each in asked["timeline"]][1:] == ["Asked for on demand, too."]
    told = (await office.done("GET", "/audit", params={"object": export}))["items"]
    [joined] = [each for each in told if each["action"] == "run.joined"]
    assert joined["by"]["name"] == "Local administrator"
    assert joined["after"] == {"run": asked["id"]}


async def test_a_run_that_reads_in_an_older_way_is_not_joined(office: Office) -> None:
    export = await office.export(await office.ready())
    run = await waiting(office, export, TriggerKind.ARRIVAL)
    records = office.services.storage.runs
    stored = await records.get(export, run.key)
    assert stored is not None
    version = SegmentVersion(
        segment="Customers",
        path="Customers.csv",
        etag="1",
        size=1,
        modified=office.clock.now(),
        reading=Reading(delimiter=";"),
    )
    older = stored.value.model_copy(update={"versions": [version]})
    await records.replace(export, run.key, older, stored.etag)
    office.clock.advance(1)
    assert not (await office.done("POST", f"/exports/{export}/run", {}))["joined"]


@pytest.mark.parametrize("what", ["run", "run-all"])
async def test_a_key_stands_for_the_run_that_it_joined_when_that_is_over(
    office: Office, what: str
) -> None:
    export = await office.export(await office.ready())
    path = f"/exports/{export}/run" if what == "run" else "/exports/run-all"
    first = await office.done("POST", f"/exports/{export}/run", {})

    async def ask() -> Any:
        answer = await office.done("POST", path, {}, headers=KEY)
        return answer if what == "run" else answer["runs"][0]

    joined = await ask()
    await become(office, first, RunStatus.SUCCESSFUL)
    office.clock.advance(60)
    again = await ask()

    assert (joined["id"], joined["joined"]) == (first["id"], True)
    assert (again["id"], again["joined"], again["status"]) == (first["id"], True, "successful")
    assert len(await runs_of(office, export)) == 1


@pytest.mark.parametrize(("hours", "is_the_same"), [(1, True), (25, False)])
async def test_a_key_that_an_earlier_version_kept_counts_for_a_day(
    office: Office, hours: int, is_the_same: bool
) -> None:
    export = await office.export(await office.ready())
    at = office.clock.now()
    digest = hashlib.sha256(f"{export} monday".encode()).hexdigest()
    await office.services.storage.bookmarks.insert(export, digest, Bookmark(at=at))
    trigger = Trigger(kind=TriggerKind.ON_DEMAND, key=digest, at=at)
    run, _ = await start_run(office.services, export, trigger)
    await become(office, {"id": run.id, "export_id": export}, RunStatus.SUCCESSFUL)
    office.clock.advance(hours * 3_600)

    asked = await office.done("POST", f"/exports/{export}/run", {}, headers=KEY)
    other_body = await office.ask("POST", f"/exports/{export}/run", EVERYTHING, headers=KEY)

    assert (asked["id"] == run.id) is is_the_same
    assert refused_key(other_body)


async def test_neither_a_key_nor_who_used_it_is_kept_in_readable_form(office: Office) -> None:
    export = await office.export(await office.ready())
    headers = {"Idempotency-Key": "ana@example.com"}
    await office.done("POST", f"/exports/{export}/run", {}, headers=headers)
    [kept] = await office.services.storage.request_keys.page(export)
    assert len(kept.key) == 64
    assert not {"ana", "local"} & set(str(kept).split())
    await office.done("POST", f"/runs/{(await runs_of(office, export))[0].id}/cancel")
    await office.done("DELETE", f"/exports/{export}")
    assert await office.services.storage.request_keys.page(export) == []
