"""When exports run, as people set it, and running all of them at once."""

from typing import Any

import pytest

from shared.storage.entries import ALL
from tests.api.office import Office, pointers

OFF = {"follows": "off"}
SYSTEM = {"follows": "system"}
MONTHLY = {
    "follows": "own",
    "own": {"times": ["06:30:00"], "days": [], "time_zone": "Europe/Paris", "day_of_month": "last"},
}
WEEKLY = {"follows": "own", "own": {"times": ["06:30", "18:00"], "days": ["monday"]}}


async def many(office: Office, number: int = 3, **chosen: Any) -> list[str]:
    """Return exports on one connection, the oldest first."""
    connection = await office.ready(**chosen)
    keys = []
    for _ in range(number):
        office.clock.advance(1)
        keys.append(await office.export(connection))
    return keys


async def follows(office: Office, key: str) -> str:
    return str((await office.done("GET", f"/exports/{key}"))["schedule"]["follows"])


def left_out(answer: Any) -> dict[str, str]:
    assert all(each["reason"] for each in answer["left_out"])
    return {each["export_id"]: each["code"] for each in answer["left_out"]}


async def test_an_export_follows_the_system_until_it_has_its_own_schedule(office: Office) -> None:
    [key] = await many(office, 1)
    path = f"/exports/{key}/schedule"
    assert await follows(office, key) == "system"
    office.clock.advance(60)

    answer = await office.ask("PUT", path, MONTHLY)

    assert answer.json()["schedule"] == MONTHLY
    assert answer.json()["scheduled_at"] == "2026-11-21T09:01:01Z"
    read = await office.ask("GET", f"/exports/{key}")
    assert (read.json(), read.headers["ETag"]) == (answer.json(), answer.headers["ETag"])
    for schedule in (OFF, SYSTEM, WEEKLY):
        await office.done("PUT", path, schedule)
        assert await follows(office, key) == schedule["follows"]
    assert (await office.done("GET", "/runs"))["items"] == []


@pytest.mark.parametrize(
    ("schedule", "where"),
    [
        ({}, ["/follows"]),
        ({"follows": "nobody"}, ["/follows"]),
        ({"follows": "own"}, ["/own"]),
        (MONTHLY | OFF, ["/own"]),
        (MONTHLY | {"cron": "* * * * *"}, ["/cron"]),
        ({"follows": "own", "own": {}}, ["/own/times"]),
        ({"follows": "own", "own": {"times": []}}, ["/own/times"]),
        ({"follows": "own", "own": {"times": ["24:00"]}}, ["/own/times/0"]),
        ({"follows": "own", "own": {"times": ["06:30"], "days": ["someday"]}}, ["/own/days/0"]),
        ({"follows": "own", "own": {"times": ["06:30"], "time_zone": "X"}}, ["/own/time_zone"]),
        ({"follows": "own", "own": {"times": ["06:30"], "at": 1}}, ["/own/at"]),
        (
            {"follows": "own", "own": {"times": ["06:30"], "day_of_month": 32}},
            ["/own/day_of_month"],
        ),
        (
            {"follows": "own", "own": {"times": ["6:30"], "days": ["monday"], "day_of_month": 1}},
            ["/own/times/0", "/own/day_of_month"],
        ),
    ],
    ids=str,
)
async def test_a_bad_schedule_is_refused_by_field(
    office: Office, schedule: dict[str, Any], where: list[str]
) -> None:
    [key] = await many(office, 1)
    assert pointers(await office.ask("PUT", f"/exports/{key}/schedule", schedule)) == where
    all_at_once = await office.ask("PUT", "/exports/schedules", {"schedule": schedule})
    if schedule:  # left out, it is asked for as a whole there
        assert pointers(all_at_once) == [f"/schedule{each}" for each in where]
    assert await follows(office, key) == "system"


async def test_an_export_may_be_created_with_a_schedule(office: Office) -> None:
    key = await office.export(await office.ready(), schedule=OFF)
    assert await follows(office, key) == "off"


async def test_an_outdated_etag_stops_a_change(office: Office) -> None:
    [key] = await many(office, 1)
    old = (await office.ask("GET", f"/exports/{key}")).headers["ETag"]
    await office.done("PATCH", f"/exports/{key}", {"name": "By another"})
    path, stale = f"/exports/{key}/schedule", {"If-Match": old}
    assert (await office.ask("PUT", path, OFF, headers=stale)).status_code == 412


async def test_many_get_a_schedule_and_those_with_their_own_or_off_keep_it(office: Office) -> None:
    keys = await many(office, 4)
    await office.done("PUT", f"/exports/{keys[1]}/schedule", MONTHLY)
    await office.done("PUT", f"/exports/{keys[2]}/schedule", OFF)

    answer = await office.done("PUT", "/exports/schedules", {"schedule": WEEKLY})

    assert answer["changed"] == [keys[0], keys[3]]
    assert left_out(answer) == {keys[1]: "kept", keys[2]: "kept"}
    assert [await follows(office, key) for key in keys] == ["own", "own", "off", "own"]
    unchanged = await office.done("GET", f"/exports/{keys[1]}")
    assert unchanged["schedule"] == MONTHLY


async def test_overriding_leaves_none_as_it_was(office: Office) -> None:
    keys = await many(office)
    await office.done("PUT", f"/exports/{keys[0]}/schedule", MONTHLY)
    body = {"schedule": OFF, "existing": "override"}
    answer = await office.done("PUT", "/exports/schedules", body)
    assert (answer["changed"], answer["left_out"]) == (keys, [])
    assert [await follows(office, key) for key in keys] == ["off"] * 3


async def test_only_those_named_are_changed_and_what_is_not_is_said(office: Office) -> None:
    private = await many(office, 1)
    shared = await many(office, 2, shared_with="contributors")
    body = {"schedule": OFF, "exports": [shared[0], "unknown", private[0], shared[0]]}
    answer = await office.done("PUT", "/exports/schedules", body, role="contributor")
    assert answer["changed"] == [shared[0]]
    assert left_out(answer) == {"unknown": "not_found", private[0]: "not_allowed"}
    assert [await follows(office, key) for key in private + shared] == ["system", "off", "system"]


async def test_a_contributor_sets_all_that_they_may_edit(office: Office) -> None:
    private = await many(office, 1)
    shared = await many(office, 2, shared_with="contributors")
    body = {"schedule": OFF}
    answer = await office.done("PUT", "/exports/schedules", body, role="contributor")
    assert (answer["changed"], answer["left_out"]) == (shared, [])
    assert await follows(office, private[0]) == "system"


async def test_run_all_runs_those_with_an_active_schedule_and_says_why_not_the_others(
    office: Office,
) -> None:
    private = await many(office, 1)
    keys = await many(office, 6, shared_with="contributors")
    await office.done("PUT", f"/exports/{keys[1]}/schedule", OFF)
    await office.done("PUT", f"/exports/{keys[2]}/schedule", MONTHLY)
    await office.done("POST", f"/exports/{keys[3]}/detach")
    for key, change in ((keys[4], {"status": "needs_sign_in"}), (keys[5], {"status": "draft"})):
        connection = await office.ready(shared_with="contributors")
        body = {"connection_id": connection}
        await office.done("PATCH", f"/exports/{key}", body)
        records = office.services.storage.connections
        stored = await records.get(ALL, connection)
        assert stored is not None
        changed = stored.value.model_validate(stored.value.model_dump() | change)
        await records.put(ALL, connection, changed)

    body = {"mode": "everything"}
    answer = await office.done("POST", "/exports/run-all", body, role="contributor")

    assert [run["export_id"] for run in answer["runs"]] == [keys[0], keys[2]]
    assert {run["status"] for run in answer["runs"]} == {"queued"}
    assert left_out(answer) == {
        private[0]: "not_allowed",
        keys[1]: "off",
        keys[3]: "detached",
        keys[4]: "needs_sign_in",
        keys[5]: "not_allowed",  # a draft is for administrators
    }
    for run in answer["runs"]:
        detail = await office.done("GET", f"/runs/{run['id']}")
        assert (detail["trigger"], detail["mode"]) == ("on_demand", "everything")
    by_administrator = await office.done("POST", "/exports/run-all")
    assert left_out(by_administrator)[keys[5]] == "draft"


async def test_the_same_idempotency_key_is_the_same_runs(office: Office) -> None:
    keys = await many(office)
    once = {"Idempotency-Key": "this morning"}
    first = await office.done("POST", "/exports/run-all", headers=once)
    office.clock.advance(5)
    again = await office.done("POST", "/exports/run-all", headers=once)
    one = await office.done("POST", f"/exports/{keys[0]}/run", {}, headers=once)
    for run in first["runs"]:
        await office.done("POST", f"/runs/{run['id']}/cancel")
    after = await office.done("POST", "/exports/run-all", headers=once)
    other = await office.done("POST", "/exports/run-all")

    assert again == first
    ids = {run["id"] for run in first["runs"]}
    assert {run["joined"] for run in first["runs"]} == {False}
    assert (one["id"] in ids, one["joined"]) == (True, True)  # it is another key, and that waited
    assert {run["id"] for run in after["runs"]} == ids
    assert not ids & {run["id"] for run in other["runs"]}
    assert len((await office.done("GET", "/runs"))["items"]) == 6
