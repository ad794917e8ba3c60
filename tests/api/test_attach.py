"""Copying exports, detaching them from their connection, and attaching them to another one."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.domain.connection import ConnectionStatus
from shared.domain.export import Export
from shared.domain.run import RunStatus
from shared.storage.entries import ALL
from shared.storage.paths import layout_folder, part
from tests.api.office import Office, choices, pointers
from tests.contract.postbox.destination import Postbox
from tests.fakes.storage import MemoryRecords


async def detached(office: Office, **chosen: Any) -> str:
    """Return an export without a connection."""
    key = await office.export(await office.ready(), **chosen)
    await office.done("POST", f"/exports/{key}/detach")
    return key


async def refusal(office: Office, path: str, body: Any = None, method: str = "POST") -> str:
    answer = await office.ask(method, path, body)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["detail"])


async def end(office: Office, key: str, status: RunStatus) -> str:
    """Let the newest run of an export end; return its id."""
    runs = office.services.storage.runs
    [stored] = await runs.page(key, limit=1)
    await runs.put(key, stored.key, stored.value.model_copy(update={"status": status}))
    return stored.value.id


async def test_a_copy_is_as_the_original_and_runs_nothing(office: Office) -> None:
    connection = await office.ready()
    own = {"follows": "own", "own": {"times": ["06:30"], "day_of_month": "last"}}
    key = await office.export(connection, on_arrival=False, schedule=own)
    original = await office.done("GET", f"/exports/{key}")
    office.clock.advance(60)
    office.accounts.paths.clear()

    answer = await office.ask("POST", f"/exports/{key}/duplicate")

    copy = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/exports/{copy['id']}"
    assert copy["name"] == "Copy of Newsletter"
    changed = {"id", "name", "created_at", "attached_at", "scheduled_at", "warnings"}
    assert {k: v for k, v in copy.items() if k not in changed} == {
        k: v for k, v in original.items() if k not in changed
    }
    assert not changed & {k for k in original if k != "warnings" and copy[k] == original[k]}
    assert office.accounts.paths == []
    assert (await office.done("GET", "/runs"))["items"] == []
    stored = await office.done("GET", f"/exports/{copy['id']}")
    assert stored == {k: v for k, v in copy.items() if k != "warnings"}


async def test_a_copy_has_the_name_that_is_given(office: Office) -> None:
    key = await office.export(await office.ready(), name="x" * 100)
    long = await office.done("POST", f"/exports/{key}/duplicate", {})
    assert long["name"] == f"Copy of {'x' * 92}"
    named = await office.done("POST", f"/exports/{key}/duplicate", {"name": "  Våren "})
    assert named["name"] == "Våren"
    bad = await office.ask("POST", f"/exports/{key}/duplicate", {"name": " "})
    assert pointers(bad) == ["/name"]


async def test_a_copy_of_a_detached_export_is_detached(office: Office) -> None:
    copy = await office.done("POST", f"/exports/{await detached(office)}/duplicate")
    assert (copy["connection_id"], copy["idle"]) == (None, "detached")


async def test_a_detached_export_is_idle_and_remembers_where_it_went(office: Office) -> None:
    export = await office.done("GET", f"/exports/{await detached(office)}", role="contributor")
    assert export["connection_id"] is None
    assert (export["destination"], export["list_id"]) == ("mailchimp", "a1")
    assert export["fields"] == {"email": "EMail", "first_name": "FirstName"}
    assert (export["active"], export["idle"]) == (False, "detached")
    assert "Attach a connection" in export["idle_reason"]
    assert export["can"] == {"edit": True, "run": False, "view": True}


async def test_nothing_runs_a_detached_export(office: Office) -> None:
    key = await detached(office)
    assert "Attach a connection" in await refusal(office, f"/exports/{key}/run", {})
    assert "detached already" in await refusal(office, f"/exports/{key}/detach")
    assert (await office.done("GET", "/runs"))["items"] == []


async def test_an_export_is_not_detached_under_its_run(office: Office) -> None:
    key = await office.export(await office.ready())
    await office.done("POST", f"/exports/{key}/run", {})
    assert "Detach the export when it is over" in await refusal(office, f"/exports/{key}/detach")
    await end(office, key, RunStatus.SUCCESSFUL)
    await office.done("POST", f"/exports/{key}/detach")


async def test_detaching_forgets_what_was_delivered_and_what_waited_to_be(office: Office) -> None:
    key = await office.export(await office.ready())
    await office.done("POST", f"/exports/{key}/run", {})
    run = await end(office, key, RunStatus.SKIPPED)
    storage = office.services.storage
    await storage.run_files.write(part(layout_folder(run, "layout"), 0), b"profiles")
    await storage.delivered.write(f"{key}/state", b"digests")

    await office.done("POST", f"/exports/{key}/detach")

    assert [blob async for blob in storage.run_files.list()] == []
    assert [blob async for blob in storage.delivered.list()] == []


async def test_a_connection_can_be_removed_once_its_exports_are_detached(office: Office) -> None:
    connection = await office.ready()
    keys = []
    for name in ("One", "Two"):
        office.clock.advance(1)
        keys.append(await office.export(connection, name=name))
    path = f"/connections/{connection}"
    detail = await refusal(office, path, method="DELETE")
    assert detail == "Remove or detach the exports on this connection first: One, Two."
    await office.done("POST", f"/exports/{keys[0]}/detach")
    assert await refusal(office, path, method="DELETE") == (
        "Remove or detach the exports on this connection first: Two."
    )
    await office.done("DELETE", f"/exports/{keys[1]}")
    await office.done("DELETE", path)
    assert (await office.done("GET", f"/exports/{keys[0]}"))["idle"] == "detached"


async def test_an_export_is_attached_to_another_connection_once_its_list_is_there(
    office: Office,
) -> None:
    key = await detached(office)
    other = await office.ready(shared_with="contributors")
    office.clock.advance(60)
    body = {"connection_id": other, "list_id": "a2"}

    export = await office.done("POST", f"/exports/{key}/attach", body, role="contributor")

    assert (export["connection_id"], export["list_name"]) == (other, "Customers")
    assert (export["active"], export["idle"], export["warnings"]) == (True, None, [])
    assert export["attached_at"] == export["scheduled_at"] == "2026-11-21T09:01:00Z"
    assert export["created_at"] == "2026-11-21T09:00:00Z"
    run = await office.done("POST", f"/exports/{key}/run", {}, role="contributor")
    assert run["status"] == "queued"


async def test_what_does_not_fit_the_new_list_is_refused_and_can_be_given_anew(
    office: Office,
) -> None:
    fields = {"email": "EMail", "SIZE": "FirstName"}
    key = await detached(office, fields=fields, clear_when_empty=["SIZE"])
    body = {"connection_id": await office.ready(), "list_id": "a1"}
    path = f"/exports/{key}/attach"

    for wrong, where in (
        ({"list_id": "gone"}, "/list_id"),
        ({"connection_id": "unknown"}, "/connection_id"),
        ({"fields": {"email": "Nowhere"}}, "/fields/email"),
        ({"fields": {"email": "EMail"}}, "/clear_when_empty/0"),
        ({"fields": fields | {"SHOES": "FirstName"}}, "/fields/SHOES"),
        ({"options": ["double"]}, "/options/0"),
        ({"name": "Renamed"}, "/name"),
    ):
        assert pointers(await office.ask("POST", path, body | wrong)) == [where]
    assert (await office.done("GET", f"/exports/{key}"))["connection_id"] is None

    anew = {"fields": {"email": "EMail"}, "clear_when_empty": []}
    export = await office.done("POST", path, body | anew)
    assert (export["fields"], export["clear_when_empty"]) == ({"email": "EMail"}, [])


async def test_only_a_usable_connection_of_the_same_destination_is_attached(
    office: Office,
) -> None:
    key = await detached(office)
    path = f"/exports/{key}/attach"
    draft = {"connection_id": await office.draft(), "list_id": "a1"}
    assert "Save it first" in await refusal(office, path, draft)

    ready = {"connection_id": await office.ready(), "list_id": "a1"}
    office.accounts.revoke()
    assert "needs sign-in" in await refusal(office, path, ready)
    assert "needs sign-in" in await refusal(office, path, ready)

    postbox = Postbox("https://postbox.test")
    both = {**office.services.destinations, postbox.name: postbox}
    office.services = replace(office.services, destinations=both)
    stored = await office.services.storage.connections.get(ALL, ready["connection_id"])
    assert stored is not None
    elsewhere = {"destination": postbox.name, "status": ConnectionStatus.READY}
    await office.services.storage.connections.put(
        ALL, stored.key, stored.value.model_copy(update=elsewhere)
    )
    answer = await office.ask("POST", path, ready)
    assert pointers(answer) == ["/connection_id"]
    assert "Attach a connection to Mailchimp" in answer.json()["errors"][0]["detail"]


async def test_an_export_with_a_connection_is_detached_first(office: Office) -> None:
    connection = await office.ready()
    key = await office.export(connection)
    body = {"connection_id": connection, "list_id": "a2"}
    assert "Detach it first" in await refusal(office, f"/exports/{key}/attach", body)


async def test_an_export_whose_connection_is_gone_can_be_attached(office: Office) -> None:
    connection = await office.ready()
    key = await office.export(connection)
    await office.services.storage.connections.delete(ALL, connection)
    assert (await office.done("GET", f"/exports/{key}"))["idle"] == "connection_gone"
    body = {"connection_id": await office.ready(), "list_id": "a2"}
    assert (await office.done("POST", f"/exports/{key}/attach", body))["active"] is True


async def test_of_a_detached_export_all_can_be_changed_that_no_account_is_asked_for(
    office: Office,
) -> None:
    key = await detached(office)
    await office.drop("Others")
    office.accounts.paths.clear()
    changes = {"name": "Renamed", "segments": ["Others"], "on_arrival": False}
    changed = await office.done("PATCH", f"/exports/{key}", changes)
    assert {name: changed[name] for name in changes} == changes
    wrong = await office.ask("PATCH", f"/exports/{key}", {"segments": ["unknown"]})
    assert pointers(wrong) == ["/segments/0"]
    connection = await office.ready()
    for change in (
        {"connection_id": connection},
        {"list_id": "a2"},
        {"fields": {"email": "LastName"}},
        {"clear_when_empty": ["first_name"]},
    ):
        assert "Attach it first" in await refusal(office, f"/exports/{key}", change, "PATCH")


@pytest.mark.parametrize("what", ["detach", "attach"])
async def test_an_outdated_etag_stops_it(office: Office, what: str) -> None:
    connection = await office.ready()
    key = await office.export(connection)
    if what == "attach":
        await office.done("POST", f"/exports/{key}/detach")
    old = (await office.ask("GET", f"/exports/{key}")).headers["ETag"]
    new = (await office.ask("PATCH", f"/exports/{key}", {"name": "By another"})).headers["ETag"]
    body = {"connection_id": connection, "list_id": "a2"} if what == "attach" else None

    async def ask(etag: str) -> httpx.Response:
        headers = {"If-Match": etag}
        return await office.ask("POST", f"/exports/{key}/{what}", body, headers=headers)

    stale, fresh = await ask(old), await ask(new)

    assert (stale.status_code, fresh.status_code) == (412, 200)
    now = await office.ask("GET", f"/exports/{key}")
    versions = [each.headers["ETag"].partition(".")[0] for each in (fresh, now)]
    assert versions[0] == versions[1]  # what attach warns of makes its answer another one


class Overtaken(MemoryRecords[Export]):
    """Somebody else changes the export right before the next change of it is stored."""

    rival: dict[str, Any] | None = None

    async def replace(self, partition: str, key: str, value: Export, etag: str) -> str:
        """Store the rival's change, if there is one to come, then try this one."""
        if self.rival is not None:
            update, self.rival = self.rival, None
            now = await self.get(partition, key)
            assert now is not None
            await self.put(partition, key, now.value.model_copy(update=update))
        return await super().replace(partition, key, value, etag)


@pytest.mark.parametrize("what", ["detach", "attach", "change"])
async def test_of_two_at_once_one_is_told(office: Office, what: str) -> None:
    records = Overtaken(Export)
    storage = replace(office.services.storage, exports=records)
    office.services = replace(office.services, storage=storage)
    connection, other = await office.ready(), await office.ready()
    key = await office.export(connection)
    if what == "attach":
        await office.done("POST", f"/exports/{key}/detach")
        records.rival = {"connection_id": other, "list_id": "a1"}
        body = {"connection_id": connection, "list_id": "a2"}
        answer = await office.ask("POST", f"/exports/{key}/attach", body)
    elif what == "detach":
        records.rival = {"connection_id": other, "list_id": "a1"}
        answer = await office.ask("POST", f"/exports/{key}/detach")
    else:
        records.rival = {"connection_id": None}
        answer = await office.ask("PATCH", f"/exports/{key}", {"list_id": "a2"})

    assert answer.status_code == 412
    export = await office.done("GET", f"/exports/{key}")
    assert export["list_id"] == "a1"
    assert export["connection_id"] == (None if what == "change" else other)


async def test_unsharing_keeps_exports_for_contributors_to_read_only(office: Office) -> None:
    connection = await office.ready(shared_with="contributors")
    key = await office.export(connection)

    async def ask(method: str, path: str, body: Any = None) -> int:
        answer = await office.ask(method, f"/exports/{key}{path}", body, role="contributor")
        return answer.status_code

    changes = {"name": "Renamed"}
    assert await ask("PATCH", "", changes) == 200
    private = {"shared_with": "administrators"}
    await office.done("PATCH", f"/connections/{connection}", private)

    export = await office.done("GET", f"/exports/{key}", role="contributor")
    assert export["can"] == {"edit": False, "run": False, "view": True}
    assert export["active"] is True
    listed = await office.done("GET", "/exports", role="contributor")
    assert listed["items"] == [export]
    attachment = {"connection_id": connection, "list_id": "a2"}
    refused = {
        await ask("PATCH", "", changes),
        await ask("DELETE", ""),
        await ask("POST", "/run"),
        await ask("POST", "/duplicate"),
        await ask("POST", "/detach"),
        await ask("POST", "/attach", attachment),
        await ask("PUT", "/schedule", {"follows": "off"}),
    }
    assert refused == {403}
    assert await ask("GET", "/runs") == 200


async def test_a_contributor_attaches_only_to_what_they_may_use(office: Office) -> None:
    key = await detached(office)
    private = await office.ready()
    body = choices(private)
    attachment = {"connection_id": private, "list_id": body["list_id"]}
    answer = await office.ask("POST", f"/exports/{key}/attach", attachment, role="contributor")
    assert pointers(answer) == ["/connection_id"]
