"""The audit trail: everything that people, destinations and the app itself do is in it, and stays."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.audit import Action, Entry
from shared.domain.connection import Connection
from shared.domain.export import Export
from shared.domain.message import say
from shared.domain.schedule import RefreshSchedule
from shared.storage.entries import ALL
from shared.storage.ports import AlreadyExists, Missing, Stale, Unavailable
from shared.triggers.every_minute import tick
from tests.api.office import Office
from tests.api.vendors import LINKED, Vendors
from tests.fakes.storage import MemoryRecords, MemoryTrail, WatchedSecrets

PATH = "/audit"


async def trail(office: Office, **query: str) -> list[Any]:
    page = await office.done("GET", PATH, params={"limit": "100", **query})
    return list(page["items"])


async def newest(office: Office, action: Action) -> Any:
    return next(entry for entry in await trail(office) if entry["action"] == action)


def actions(entries: list[Any]) -> list[str]:
    return sorted(entry["action"] for entry in entries)


async def test_the_life_of_a_connection_is_told_step_by_step(office: Office) -> None:
    key = await office.ready()
    await office.done("PATCH", f"/connections/{key}", {"shared_with": "contributors"})
    await office.done("POST", f"/connections/{key}/check")
    office.accounts.revoke()
    await office.done("POST", f"/connections/{key}/check")
    await office.sign_in(key)
    await office.done("DELETE", f"/connections/{key}")

    told = await trail(office, object=key)

    assert actions(told) == sorted(
        [
            "connection.created",
            "connection.consented",
            "connection.sign_in_begun",
            "connection.sign_in_finished",
            "connection.export_user_added",
            "connection.saved",
            "connection.changed",
            "connection.checked",
            "connection.checked",
            "connection.needs_sign_in",
            "connection.sign_in_begun",
            "connection.sign_in_finished",
            "connection.removed",
        ]
    )
    people = [entry for entry in told if entry["action"] != "connection.needs_sign_in"]
    assert all(entry["by"]["name"] == "Local administrator" for entry in people)
    assert {(entry["object"]["kind"], entry["object"]["id"]) for entry in told} == {
        ("connection", key)
    }


async def test_an_entry_says_who_what_when_and_from_what_to_what(office: Office) -> None:
    key = await office.draft()
    office.clock.advance(60)
    body = {"display_name": "Renamed", "shared_with": "administrators"}
    await office.done("PATCH", f"/connections/{key}", body)

    entry = await newest(office, Action.CONNECTION_CHANGED)

    assert entry.pop("id")
    assert entry.pop("by")["kind"] == "person"
    assert entry == {
        "at": "2026-11-21T09:01:00Z",
        "action": "connection.changed",
        "object": {"kind": "connection", "id": key, "name": "Renamed"},
        "before": {"display_name": "Our Mailchimp"},
        "after": {"display_name": "Renamed"},
        "withdraws": None,
    }


async def test_what_changes_nothing_is_not_a_change(office: Office) -> None:
    key = await office.draft()
    await office.done("PATCH", f"/connections/{key}", {"display_name": "Our Mailchimp"})
    await office.done("PUT", "/refresh-schedule", {})
    assert actions(await trail(office)) == ["connection.created"]


async def test_a_destination_that_no_longer_lets_us_in_is_who_did_it(office: Office) -> None:
    key = await office.ready()
    office.accounts.revoke()
    await office.ask("GET", f"/connections/{key}/lists", role="administrator")

    entry = await newest(office, Action.SIGN_IN_NEEDED)

    assert entry["by"] == {"kind": "destination", "id": "mailchimp", "name": "Mailchimp"}
    assert entry["before"] == {"status": "ready"}
    assert entry["after"]["status"] == "needs_sign_in"
    assert "Sign in again" in entry["after"]["reason"]


async def test_a_connection_that_works_again_by_itself_is_told(office: Office) -> None:
    key = await office.ready()
    stored = await office.services.storage.connections.get(ALL, key)
    assert stored is not None
    broken = stored.value.needing_sign_in(say("For a moment."))
    await office.services.storage.connections.put(ALL, key, broken)
    await office.done("POST", f"/connections/{key}/check")
    assert (await newest(office, Action.CONNECTION_CHECKED))["after"] == {"works": True}
    mended = await newest(office, Action.CONNECTION_MENDED)
    assert mended["before"] == {"status": "needs_sign_in", "reason": "For a moment."}
    assert mended["after"] == {"status": "ready"}


async def test_a_sign_in_that_was_refused_is_told_with_who_began_it(office: Office) -> None:
    key = await office.draft()
    await office.agree(key)
    await office.come_back(state=await office.state(key), error="access_denied")
    entry = await newest(office, Action.SIGN_IN_REFUSED)
    assert entry["by"]["name"] == "Local administrator"
    assert entry["after"] == {"reason": "The sign-in was not completed. Nothing was changed."}


async def test_a_key_is_told_of_without_the_key_or_the_name_of_its_secret(office: Office) -> None:
    vendors = Vendors(office)
    await vendors.linked.set(LINKED, "planted-key")
    key = await vendors.agreed("postbox")
    await vendors.with_key(key, api_key="planted-key")
    await vendors.with_key(key, secret_name=LINKED)
    await office.done("PUT", f"/connections/{key}/export-user")
    await office.done("POST", f"/connections/{key}/save")
    await vendors.linked.delete(LINKED)
    await office.done("POST", f"/connections/{key}/check")

    told = await trail(office, object=key)

    connected = [e["after"] for e in told if e["action"] == Action.KEY_CONNECTED]
    account = {"id": "1", "name": "Postbox account", "endpoint": "acme"}
    assert {"account": account} in connected
    assert {"linked_secret": True} in connected
    text = str(told)
    assert "planted" not in text
    assert LINKED not in text
    assert "connection-" not in text


async def test_exports_and_their_runs_are_told_under_the_export(office: Office) -> None:
    export = await office.export(await office.ready(shared_with="contributors"))
    changed = {"name": "Renamed", "segments": ["Customers"]}
    await office.done("PATCH", f"/exports/{export}", changed)
    run = await office.done("POST", f"/exports/{export}/run", {"mode": "everything"})
    await office.ask("GET", f"/runs/{run['id']}/rejects.csv", role="contributor")
    await office.done("POST", f"/runs/{run['id']}/cancel")
    await office.done("DELETE", f"/exports/{export}")

    told = {entry["action"]: entry for entry in await trail(office, object=export)}

    assert set(told) == {
        "export.created",
        "export.changed",
        "run.started",
        "run.canceled",
        "rejects.viewed",
        "export.removed",
    }
    assert told["export.created"]["before"] == {}
    assert told["export.created"]["after"]["fields"] == {
        "email": "EMail",
        "first_name": "FirstName",
    }
    assert told["export.changed"]["before"] == {"name": "Newsletter"}
    assert told["export.changed"]["after"] == {"name": "Renamed"}
    began = {"run": run["id"], "trigger": "on_demand", "mode": "everything"}
    assert told["run.started"]["after"] == began
    assert told["run.started"]["by"]["name"] == "Local administrator"
    assert told["run.canceled"]["after"] == {"run": run["id"]}
    assert told["rejects.viewed"]["by"]["name"] == "Local contributor"
    assert told["rejects.viewed"]["after"] == {"run": run["id"]}
    assert told["export.removed"]["before"]["name"] == "Renamed"
    assert told["export.removed"]["after"] == {}


async def test_reading_rejects_is_told_once_for_each_person_run_and_hour(office: Office) -> None:
    export = await office.export(await office.ready(shared_with="contributors"))
    modes = ({"mode": "changes"}, {"mode": "everything"})
    runs = [await office.done("POST", f"/exports/{export}/run", mode) for mode in modes]

    async def read(role: str, *, run: int = 0) -> None:
        path = f"/runs/{runs[run]['id']}/rejects"
        asked = [office.ask("GET", f"{path}.csv", role=role) for _ in range(3)]
        asked += [office.ask("POST", f"{path}/search", {}, role=role) for _ in range(3)]
        assert {each.status_code for each in await asyncio.gather(*asked)} == {200}

    def viewed(entries: list[Any]) -> list[tuple[str, str, str]]:
        return [
            (entry["by"]["name"], entry["after"]["run"], entry["at"])
            for entry in entries
            if entry["action"] == "rejects.viewed"
        ]

    office.clock.advance(600)
    await read("administrator")
    office.clock.advance(600)
    await read("contributor")
    await read("administrator")
    await read("administrator", run=1)
    office.clock.advance(3000)
    await read("administrator")

    first, second = (run["id"] for run in runs)
    for entries in (await trail(office, object=export), await trail(office)):
        assert sorted(viewed(entries)) == [
            ("Local administrator", *line)
            for line in sorted(
                [
                    (first, "2026-11-21T09:10:00Z"),
                    (second, "2026-11-21T09:20:00Z"),
                    (first, "2026-11-21T10:10:00Z"),
                ]
            )
        ] + [("Local contributor", first, "2026-11-21T09:20:00Z")]


async def test_a_refused_reader_of_rejects_is_not_told_of_as_one(office: Office) -> None:
    export = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{export}/run", {})
    for role in ("viewer", "contributor"):
        answer = await office.ask("GET", f"/runs/{run['id']}/rejects.csv", role=role)
        assert answer.status_code == 403
    assert "rejects.viewed" not in actions(await trail(office))


async def test_a_schedule_is_told_with_what_it_was(office: Office) -> None:
    await office.done("PUT", "/refresh-schedule", {"times": ["06:30"]})
    await office.done("PUT", "/refresh-schedule", {"times": ["07:00"]})
    entries = await trail(office, object="refresh")
    assert sorted((entry["before"]["times"], entry["after"]["times"]) for entry in entries) == [
        ([], ["06:30:00"]),
        (["06:30:00"], ["07:00:00"]),
    ]


async def test_runs_that_nobody_asked_for_are_the_systems_and_told_once(office: Office) -> None:
    export = await office.export(await office.ready())
    await office.done("PUT", "/refresh-schedule", {"times": ["09:05"]})
    await tick(office.services)
    office.clock.advance(600)
    await tick(office.services)
    await tick(office.services)
    started = [e for e in await trail(office, object=export) if e["action"] == "run.started"]
    system = {"kind": "system", "id": "system", "name": "Segment Exports"}
    assert all(entry["by"] == system for entry in started)
    assert sorted(entry["after"]["trigger"] for entry in started) == ["arrival", "refresh"]


async def test_the_same_request_twice_starts_and_tells_one_run(office: Office) -> None:
    export = await office.export(await office.ready())
    for _ in range(2):
        await office.done("POST", f"/exports/{export}/run", {}, headers={"Idempotency-Key": "a"})
    assert actions(await trail(office, object=export)).count("run.started") == 1


async def test_entries_come_newest_first_in_pages_between_two_times(office: Office) -> None:
    keys = []
    for _ in range(5):
        keys.append(await office.draft())
        office.clock.advance(60)
    seen: list[str] = []
    after = ""
    while True:
        query = {"from": "2026-11-21T09:01:00Z", "until": "2026-11-21T10:04:00+01:00", "limit": "2"}
        page = await office.done("GET", PATH, params={**query, "after": after})
        seen += [entry["object"]["id"] for entry in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [keys[3], keys[2], keys[1]]
    assert [entry["object"]["id"] for entry in await trail(office)] == keys[::-1]
    assert await trail(office, object="unknown") == []


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"from": "2026-11-21"}, "from"),
        ({"from": "2026-11-21T09:00:00"}, "from"),
        ({"until": "yesterday"}, "until"),
        ({"until": "1795338000"}, "until"),
        ({"object": ""}, "object"),
        ({"object": "x" * 1_101}, "object"),
    ],
)
async def test_a_bad_filter_is_named(office: Office, query: dict[str, str], parameter: str) -> None:
    answer = await office.ask("GET", PATH, params=query)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


@pytest.mark.parametrize(
    "query",
    [
        {"from": "0001-01-01T00:00:00+23:00"},
        {"until": "9999-12-31T23:59:59-23:00"},
        {"until": "0001-01-01T00:00:00+23:00"},
        {"object": "x' or PartitionKey ne '"},
        {"object": "\x00/\\#?"},
    ],
)
async def test_a_strange_filter_finds_what_it_says(office: Office, query: dict[str, str]) -> None:
    await office.draft()
    found = await trail(office, **query)
    everything = "from" in query or query.get("until", "").startswith("9999")
    assert len(found) == (1 if everything else 0)


class Silent(MemoryTrail[Entry]):
    """A trail that does not answer so many times."""

    times = 0

    async def insert(self, partition: str, key: str, value: Entry) -> str:
        """Store it, or not: the caller is told nothing either way."""
        if not self.times:
            return await super().insert(partition, key, value)
        self.times -= 1
        if self.times % 2:
            await super().insert(partition, key, value)
        raise Unavailable("audit")


@pytest.fixture
def silent(office: Office) -> Silent:
    made = Silent(Entry)
    use(office, audit=made)
    return made


def use(office: Office, **ports: Any) -> None:
    office.services = replace(office.services, storage=replace(office.services.storage, **ports))


CHANGES = [
    ("POST", "/connections", {"destination": "mailchimp", "display_name": "Another"}),
    ("PATCH", "/connections/KEY", {"display_name": "Renamed"}),
    ("POST", "/connections/KEY/connect", {}),
    ("POST", "/connections/KEY/check", None),
    ("PUT", "/connections/KEY/export-user", None),
    ("POST", "/exports", None),
    ("PATCH", "/exports/EXPORT", {"name": "Renamed"}),
    ("POST", "/exports/EXPORT/run", {"mode": "everything"}),
    ("DELETE", "/exports/EXPORT", None),
    ("DELETE", "/connections/FREE", None),
    ("PUT", "/refresh-schedule", {"times": ["06:30"]}),
    ("GET", "/runs/RUN/rejects.csv", None),
    ("POST", "/runs/RUN/rejects/search", {}),
]


async def everything(office: Office) -> list[Any]:
    """Return all that a change could have touched."""
    storage = office.services.storage
    records = [
        await port.page(ALL) for port in (storage.connections, storage.exports, storage.schedules)
    ]
    exports = [stored.key for stored in records[1]]
    return [*records, *[await storage.runs.page(export) for export in exports]]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES, ids=lambda part: str(part)[:40])
async def test_nothing_is_done_that_the_trail_cannot_tell(
    office: Office, silent: Silent, method: str, path: str, body: Any
) -> None:
    key, free = await office.ready(), await office.ready()
    export = await office.export(key)
    run = await office.done("POST", f"/exports/{export}/run", {})
    names = {"KEY": key, "EXPORT": export, "FREE": free, "RUN": run["id"]}
    if path == "/exports":
        body = (await office.done("GET", f"/exports/{export}")) | {"name": "Another"}
        body = {
            name: body[name] for name in ("name", "connection_id", "list_id", "fields", "segments")
        }
    elif path.endswith("/export-user"):
        await set_export_user(office, key)
    for name, each in names.items():
        path = path.replace(name, each)
    before = await everything(office)
    free_secret = (await stored(office, free)).secret_name or ""
    silent.times = 1_000

    answer = await office.ask(method, path, body)

    assert answer.status_code == 503, answer.text
    assert await everything(office) == before
    assert await office.services.storage.secrets.get(free_secret)
    silent.times = 0
    assert (await office.ask(method, path, body)).is_success


async def stored(office: Office, key: str) -> Connection:
    found = await office.services.storage.connections.get(ALL, key)
    assert found is not None
    return found.value


async def set_export_user(office: Office, key: str) -> None:
    """Let somebody else be the export user, so that adding oneself is a change."""
    connection = await stored(office, key)
    other = connection.consent and connection.consent.by.model_copy(update={"id": "other"})
    await office.services.storage.connections.put(
        ALL, key, connection.model_copy(update={"export_user": other})
    )


async def test_a_sign_in_that_cannot_be_told_leaves_no_secret_behind(
    office: Office, silent: Silent
) -> None:
    vault = WatchedSecrets()
    use(office, secrets=vault)
    key = await office.ready()
    before = await stored(office, key)
    state = await office.state(key)
    vault.stored.clear()
    silent.times = 1_000
    answer = await office.come_back(state=state, code=office.accounts.allow())
    assert answer.status_code == 503
    assert await stored(office, key) == before
    [new] = vault.stored
    with pytest.raises(Missing):
        await vault.get(new)


async def test_an_entry_that_may_have_been_written_is_written_once(
    office: Office, silent: Silent
) -> None:
    silent.times = 2  # the first try is lost, of the second only the answer
    key = await office.draft()
    assert actions(await trail(office)) == ["connection.created"]
    assert actions(await trail(office, object=key)) == ["connection.created"]


class Overtaken(MemoryRecords[Connection]):
    """Somebody else always writes between a reading and a change, or has the key already."""

    on = False

    async def replace(self, partition: str, key: str, value: Connection, etag: str) -> str:
        """Refuse."""
        if self.on:
            raise Stale(key)
        return await super().replace(partition, key, value, etag)

    async def insert(self, partition: str, key: str, value: Connection) -> str:
        """Refuse."""
        if self.on:
            raise AlreadyExists(key)
        return await super().insert(partition, key, value)

    async def delete(self, partition: str, key: str, etag: str | None = None) -> None:
        """Refuse."""
        if self.on:
            raise Stale(key)
        await super().delete(partition, key, etag)


@pytest.mark.parametrize(
    ("method", "body"), [("PATCH", {"display_name": "Renamed"}), ("DELETE", None)]
)
async def test_a_change_that_others_overtook_is_withdrawn(
    office: Office, method: str, body: Any
) -> None:
    records = Overtaken(Connection)
    use(office, connections=records)
    key = await office.draft()
    records.on = True
    assert (await office.ask(method, f"/connections/{key}", body)).status_code == 412
    told = [e for e in await trail(office, object=key) if e["action"] != "connection.created"]
    withdrawn = {entry["withdraws"] for entry in told if entry["withdraws"]}
    assert told
    assert withdrawn == {entry["id"] for entry in told if not entry["withdraws"]}


async def test_copies_schedules_and_changes_of_connection_are_told(office: Office) -> None:
    connection = await office.ready()
    key = await office.export(connection)
    copy = (await office.done("POST", f"/exports/{key}/duplicate"))["id"]
    await office.done("POST", f"/exports/{key}/detach")
    attachment = {"connection_id": connection, "list_id": "a1"}
    await office.done("POST", f"/exports/{key}/attach", attachment)
    await office.done("PUT", f"/exports/{key}/schedule", {"follows": "off"})
    many = {"schedule": {"follows": "off"}, "existing": "override"}
    await office.done("PUT", "/exports/schedules", many)

    told = {entry["action"]: entry for entry in await trail(office, object=key)}
    assert set(told) == {
        "export.created",
        "export.detached",
        "export.attached",
        "export.scheduled",
    }
    scheduled = told["export.scheduled"]
    assert scheduled["before"]["schedule"] != scheduled["after"]["schedule"]
    assert told["export.detached"]["before"] == {"connection_id": connection}
    assert told["export.attached"]["after"] == {"connection_id": connection}
    of_the_copy = {entry["action"] for entry in await trail(office, object=copy)}
    assert of_the_copy == {"export.copied", "export.scheduled"}


def test_what_of_a_thing_is_told_was_decided_member_by_member() -> None:
    hidden = {"id", "created_at", "attached_at", "scheduled_at", "secret_name"}
    assert set(Connection.model_fields) - hidden == {
        "destination",
        "display_name",
        "shared_with",
        "status",
        "reason",
        "consent",
        "account",
        "linked_secret",
        "export_user",
    }
    assert set(Export.model_fields) - hidden == {
        "name",
        "destination",
        "connection_id",
        "list_id",
        "list_name",
        "fields",
        "clear_when_empty",
        "strict_fields",
        "options",
        "segments",
        "on_arrival",
        "schedule",
    }
    assert set(RefreshSchedule.model_fields) == {"times", "days", "time_zone"}
