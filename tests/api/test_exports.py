from dataclasses import replace
from typing import Any

import httpx
import pytest

from local.sandbox.activecampaign.app import create_app
from local.sandbox.activecampaign.state import Sandbox
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.domain.run import Run, RunStatus
from shared.storage.entries import ALL
from tests.api.office import Office, choices, pointers
from tests.contract.destinations.side import InProcess, SandboxClock
from tests.fakes.accounts import OTHER, web_id


async def test_an_export_is_stored_as_chosen_and_nothing_runs(office: Office) -> None:
    key = await office.export(await office.ready(), name="  Nyhetsbrev ")
    export = await office.done("GET", f"/exports/{key}", role="viewer")
    assert export["name"] == "Nyhetsbrev"
    assert export["destination"] == "mailchimp"
    assert (export["list_id"], export["list_name"]) == ("a1", "Newsletter")
    assert export["fields"] == {"email": "EMail", "first_name": "FirstName"}
    assert (export["on_arrival"], export["schedule"]) == (True, {"follows": "system", "own": None})
    assert (export["status"], export["last_run"]) == ("not_started", None)
    assert (await office.done("GET", "/runs"))["items"] == []


@pytest.mark.parametrize(
    "pasted",
    [" a2 ", str(web_id("a2")), f"https://us1.admin.test/lists/?id={web_id('a2')}" + "&x" * 200],
)
async def test_the_real_id_is_stored_of_a_list_that_was_pasted(office: Office, pasted: str) -> None:
    connection = await office.ready()
    made = await office.export(connection, list_id=pasted)
    changed = await office.export(connection)
    await office.done("PATCH", f"/exports/{changed}", {"list_id": pasted})
    attached = await office.export(connection)
    await office.done("POST", f"/exports/{attached}/detach")
    to = {"connection_id": connection, "list_id": pasted}
    await office.done("POST", f"/exports/{attached}/attach", to)
    for key in (made, changed, attached):
        export = await office.done("GET", f"/exports/{key}")
        assert (export["list_id"], export["list_name"]) == ("a2", "Customers")


async def test_a_list_that_cannot_be_found_is_refused_with_what_an_id_looks_like(
    office: Office,
) -> None:
    await office.drop()
    body = choices(await office.ready(), list_id="https://us1.admin.test/lists/?id=1")
    answer = await office.ask("POST", "/exports", body)
    assert pointers(answer) == ["/list_id"]
    assert "An audience ID looks like" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("chosen", "where"),
    [
        ({"name": ""}, ["/name"]),
        ({"name": " \t "}, ["/name"]),
        ({"name": "x" * 101}, ["/name"]),
        ({"name": None}, ["/name"]),
        ({"connection_id": "unknown"}, ["/connection_id"]),
        ({"connection_id": "a/b#c?"}, ["/connection_id"]),
        ({"list_id": "b1"}, ["/list_id"]),
        ({"list_id": "../ping"}, ["/list_id"]),
        ({"list_id": ""}, ["/list_id"]),
        ({"fields": {}}, ["/fields/email"]),
        ({"fields": {"first_name": "FirstName"}}, ["/fields/email"]),
        ({"fields": {"email": "EMail", "shoe/size": "FirstName"}}, ["/fields/shoe~1size"]),
        ({"fields": {"email": ""}}, ["/fields/email"]),
        ({"fields": {"email": "Mail"}}, ["/fields/email"]),
        ({"fields": {"email": "email"}}, ["/fields/email"]),
        ({"clear_when_empty": ["email"]}, ["/clear_when_empty/0"]),
        ({"clear_when_empty": ["first_name", "last_name"]}, ["/clear_when_empty/1"]),
        ({"clear_when_empty": ["first_name"] * 2}, ["/clear_when_empty/1"]),
        ({"clear_when_empty": "first_name"}, ["/clear_when_empty"]),
        ({"options": ["exclude_automations"]}, ["/options/0"]),
        ({"options": None}, ["/options"]),
        ({"segments": []}, ["/segments"]),
        ({"segments": ["Customers", "Customers"]}, ["/segments/1"]),
        ({"segments": ["Customers", "unknown"]}, ["/segments/1"]),
        ({"segments": "Customers"}, ["/segments"]),
        ({"on_arrival": "sometimes"}, ["/on_arrival"]),
        ({"id": "mine"}, ["/id"]),
    ],
    ids=str,
)
async def test_a_bad_export_is_refused_by_field(
    office: Office, chosen: dict[str, Any], where: list[str]
) -> None:
    await office.drop()
    body = choices(await office.ready(), **chosen)
    assert pointers(await office.ask("POST", "/exports", body)) == where
    assert (await office.done("GET", "/exports"))["items"] == []


async def test_any_field_of_the_list_can_be_filled_and_cleared(office: Office) -> None:
    await office.drop("People", "EMail,Size,Born\nana@example.com,S,11/24\n")
    connection = await office.ready()
    office.accounts.paths.clear()
    created = await office.done(
        "POST",
        "/exports",
        choices(
            connection,
            segments=["People"],
            fields={"email": "EMail", "SIZE": "Size", "BIRTHDAY": "Born"},
            clear_when_empty=["SIZE"],
        ),
    )
    assert office.accounts.paths == ["/3.0/lists/a1", "/3.0/lists/a1/merge-fields"]
    export = await office.done("GET", f"/exports/{created['id']}")
    assert export["fields"] == {"email": "EMail", "SIZE": "Size", "BIRTHDAY": "Born"}
    assert (export["clear_when_empty"], export["options"]) == (["SIZE"], [])


async def test_a_field_that_the_list_does_not_have_is_refused_with_those_it_has(
    office: Office,
) -> None:
    await office.drop()
    body = choices(await office.ready(), fields={"email": "EMail", "SHOES": "FirstName"})
    answer = await office.ask("POST", "/exports", body)
    assert pointers(answer) == ["/fields/SHOES"]
    assert answer.json()["errors"][0]["detail"] == (
        "Mailchimp has no such field. It has: email, first_name, last_name, BIRTHDAY, SIZE."
    )


async def test_a_missing_column_is_named_with_those_there_are(office: Office) -> None:
    await office.drop("Wide", ",".join(f"c{number}" for number in range(25)) + "\n")
    body = choices(await office.ready(), segments=["Wide"], fields={"email": "EMail"})
    answer = await office.ask("POST", "/exports", body)
    assert pointers(answer) == ["/fields/email"]
    detail = answer.json()["errors"][0]["detail"]
    assert detail.startswith("The column EMail is not in the segment Wide. It has: c0, c1, ")
    assert detail.endswith("c19 and 5 more.")


async def test_a_column_must_be_in_every_segment(office: Office) -> None:
    await office.drop("Customers")
    await office.drop("Partners", "EMail\nbo@example.com\n")
    body = choices(await office.ready(), segments=["Customers", "Partners"])
    answer = await office.ask("POST", "/exports", body)
    assert pointers(answer) == ["/fields/first_name"]
    assert "Partners" in answer.json()["errors"][0]["detail"]


async def test_a_column_that_only_differs_by_case_is_said_to(office: Office) -> None:
    await office.drop()
    body = choices(await office.ready(), fields={"email": "email"})
    answer = await office.ask("POST", "/exports", body)
    assert answer.json()["errors"] == [
        {
            "pointer": "/fields/email",
            "detail": "The segment Customers has no column email, but EMail. Columns are compared "
            "exactly, upper and lower case included.",
        }
    ]


async def test_a_column_that_a_segment_has_twice_is_refused(office: Office) -> None:
    await office.drop("Double", "EMail,EMail\n")
    body = choices(await office.ready(), segments=["Double"], fields={"email": "EMail"})
    answer = await office.ask("POST", "/exports", body)
    assert pointers(answer) == ["/fields/email"]
    assert "more than one column EMail" in answer.json()["errors"][0]["detail"]


async def test_saving_warns_of_segments_with_more_members_than_the_limit(office: Office) -> None:
    office.services = replace(office.services, max_profiles=2)
    row = "ana@example.com,Ana,Silva\n"
    await office.drop("Large", "EMail,FirstName,LastName\n" + row * 3)
    await office.drop()
    connection = await office.ready()
    body = choices(connection, segments=["Customers", "Large"])

    created = await office.done("POST", "/exports", body)

    [warning] = created["warnings"]
    assert warning["pointer"] == "/segments/1"
    assert warning["detail"].startswith("The segment Large has more than 2 rows")
    path = f"/exports/{created['id']}"
    assert (await office.done("POST", f"{path}/duplicate"))["warnings"] == [warning]
    assert (await office.done("PATCH", path, {"segments": ["Customers"]}))["warnings"] == []
    changed = await office.done("PATCH", path, {"segments": ["Large"]})
    assert changed["warnings"] == [warning | {"pointer": "/segments/0"}]
    await office.done("POST", f"{path}/detach")
    attachment = {"connection_id": connection, "list_id": "a2"}
    attached = await office.done("POST", f"{path}/attach", attachment)
    assert attached["warnings"] == changed["warnings"]
    assert "warnings" not in await office.done("GET", path)


async def test_exports_are_searched_sorted_and_filtered(office: Office) -> None:
    one, two = await office.ready(), await office.ready()
    for name, connection in (("Våren", one), ("alpha", two), ("Beta", one), ("vårrea", two)):
        office.clock.advance(1)
        await office.export(connection, name=name)

    async def names(**params: str) -> list[str]:
        found = await office.done("GET", "/exports", params=params, role="viewer")
        return [item["name"] for item in found["items"]]

    assert await names(sort="name") == ["alpha", "Beta", "Våren", "vårrea"]
    assert await names(sort="-created_at", limit="3") == ["vårrea", "Beta", "alpha"]
    assert await names(search="vår") == ["Våren", "vårrea"]
    assert await names(connection=one) == ["Våren", "Beta"]
    assert await names(connection=one, sort="name", search="b") == ["Beta"]
    assert await names(destination="mailchimp", limit="1") == ["Våren"]
    assert await names(destination="activecampaign") == []

    found = await office.done("GET", "/exports", params={"search": "alpha"})
    await office.done("POST", f"/exports/{found['items'][0]['id']}/detach")
    assert await names(active="false") == ["alpha"]
    assert await names(active="true") == ["Våren", "Beta", "vårrea"]
    assert await names(connection=two) == ["vårrea"]
    unknown = await office.ask("GET", "/exports", params={"sort": "-size", "active": "perhaps"})
    wrong = {error["parameter"] for error in unknown.json()["errors"]}
    assert wrong == {"sort", "active"}


async def test_pages_in_any_order_hold_each_export_once(office: Office) -> None:
    connection = await office.ready()
    keys = {await office.export(connection, name=name) for name in "aAbBaäÄ"}
    for sort in ("created_at", "-created_at", "name", "-name"):
        seen, after = [], ""
        while after is not None:
            params = {"sort": sort, "limit": "2", "after": after}
            page = await office.done("GET", "/exports", params=params)
            seen += [item["id"] for item in page["items"]]
            after = page["next"]
        assert len(seen) == len(keys)
        assert set(seen) == keys


async def test_what_waits_for_a_sign_in_is_not_active(office: Office) -> None:
    connection = await office.ready()
    key = await office.export(connection)
    assert (await office.done("GET", f"/exports/{key}"))["active"] is True
    office.accounts.revoke()
    await office.done("POST", f"/connections/{connection}/check")
    export = await office.done("GET", f"/exports/{key}")
    assert (export["active"], export["idle"]) == (False, "needs_sign_in")
    assert export["idle_reason"] == "The connection of the export needs sign-in."
    assert export["can"] == {"edit": True, "run": False, "view": True}


async def test_a_segment_whose_header_cannot_be_read_is_refused(office: Office) -> None:
    await office.services.storage.segments.write("Broken.csv", b"EMail,\xff\xfe\n")
    body = choices(await office.ready(), segments=["Broken"])
    assert pointers(await office.ask("POST", "/exports", body)) == ["/segments/0"]


async def test_a_draft_takes_no_exports(office: Office) -> None:
    await office.drop()
    answer = await office.ask("POST", "/exports", choices(await office.draft()))
    assert answer.status_code == 409
    assert "Save it first" in answer.json()["detail"]


async def test_a_connection_that_needs_sign_in_takes_no_new_exports(office: Office) -> None:
    await office.drop()
    key = await office.ready()
    office.accounts.revoke()
    await office.done("POST", f"/connections/{key}/check")
    answer = await office.ask("POST", "/exports", choices(key))
    assert answer.status_code == 409
    assert "needs sign-in" in answer.json()["detail"]


async def test_a_name_may_be_used_twice(office: Office) -> None:
    key = await office.ready()
    await office.export(key)
    await office.export(key)
    assert len((await office.done("GET", "/exports"))["items"]) == 2


async def test_a_rename_asks_nothing_of_the_destination(office: Office) -> None:
    key = await office.export(await office.ready())
    office.accounts.paths.clear()
    await office.done("PATCH", f"/exports/{key}", {"name": "Renamed", "on_arrival": False})
    assert office.accounts.paths == []
    export = await office.done("GET", f"/exports/{key}")
    assert (export["name"], export["on_arrival"]) == ("Renamed", False)


async def test_another_list_is_looked_up(office: Office) -> None:
    key = await office.export(await office.ready())
    changed = await office.done("PATCH", f"/exports/{key}", {"list_id": "a2"})
    assert changed["list_name"] == "Customers"


async def test_another_segment_asks_nothing_of_the_destination(office: Office) -> None:
    key = await office.export(await office.ready())
    await office.drop("Others")
    office.accounts.paths.clear()
    await office.done("PATCH", f"/exports/{key}", {"segments": ["Others"]})
    assert office.accounts.paths == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"list_id": "gone"}, ["/list_id"]),
        ({"fields": {"email": "Nowhere"}}, ["/fields/email"]),
        ({"fields": {"first_name": "FirstName"}}, ["/fields/email"]),
        ({"clear_when_empty": ["last_name"]}, ["/clear_when_empty/0"]),
        ({"options": ["double"]}, ["/options/0"]),
        ({"segments": ["unknown"]}, ["/segments/0"]),
        ({"segments": []}, ["/segments"]),
        ({"connection_id": "unknown"}, ["/connection_id"]),
        ({"name": None}, ["/name"]),
    ],
    ids=str,
)
async def test_a_bad_change_is_refused_by_field_and_changes_nothing(
    office: Office, change: dict[str, Any], where: list[str]
) -> None:
    key = await office.export(await office.ready())
    before = await office.done("GET", f"/exports/{key}")
    assert pointers(await office.ask("PATCH", f"/exports/{key}", change)) == where
    assert await office.done("GET", f"/exports/{key}") == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_an_outdated_etag_stops_a_change(office: Office, method: str) -> None:
    key = await office.export(await office.ready())
    old = (await office.ask("GET", f"/exports/{key}")).headers["ETag"]
    new = (await office.ask("PATCH", f"/exports/{key}", {"name": "By another"})).headers["ETag"]
    body = {"name": "Renamed"} if method == "PATCH" else None

    stale = await office.ask(method, f"/exports/{key}", body, headers={"If-Match": old})
    fresh = await office.ask(method, f"/exports/{key}", body, headers={"If-Match": new})

    assert (stale.status_code, fresh.is_success) == (412, True)


async def last(office: Office, key: str) -> Run:
    [stored] = await office.services.storage.runs.page(key, limit=1)
    return stored.value


async def become(office: Office, key: str, status: RunStatus) -> None:
    run = await last(office, key)
    await office.services.storage.runs.put(key, run.key, run.model_copy(update={"status": status}))


@pytest.mark.parametrize(
    "change",
    [{"list_id": "a2"}, {"fields": {"email": "EMail"}}, {"clear_when_empty": ["first_name"]}],
)
async def test_what_a_run_depends_on_cannot_change_under_it(
    office: Office, change: dict[str, Any]
) -> None:
    key = await office.export(await office.ready())
    await office.done("POST", f"/exports/{key}/run", {})
    assert (await office.ask("PATCH", f"/exports/{key}", change)).status_code == 409
    await office.done("PATCH", f"/exports/{key}", {"name": "Renamed"})
    await become(office, key, RunStatus.SUCCESSFUL)
    await office.done("PATCH", f"/exports/{key}", change)


async def test_removing_waits_for_a_slice_and_then_takes_personal_data_along(
    office: Office,
) -> None:
    key = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{key}/run", {}, headers={"Idempotency-Key": "once"})
    storage = office.services.storage
    await storage.run_files.write(f"{run['id']}/rejects/000000.jsonl", b"[]")
    await storage.delivered.write(f"{key}/state", b"digests")
    await become(office, key, RunStatus.PROCESSING)
    assert (await office.ask("DELETE", f"/exports/{key}")).status_code == 409

    await become(office, key, RunStatus.SUCCESSFUL)
    await office.done("DELETE", f"/exports/{key}")

    assert (await office.ask("GET", f"/exports/{key}")).status_code == 404
    assert [blob async for blob in storage.run_files.list()] == []
    assert [blob async for blob in storage.delivered.list()] == []
    assert await storage.bookmarks.page(key) == []
    assert (await office.done("GET", f"/runs/{run['id']}"))["status"] == "successful"


async def test_an_export_without_its_connection_is_for_administrators(office: Office) -> None:
    key = await office.export(await office.ready(shared_with="contributors"))
    stored = await office.services.storage.exports.get(ALL, key)
    assert stored is not None
    await office.services.storage.connections.delete(ALL, str(stored.value.connection_id))

    export = await office.done("GET", f"/exports/{key}")
    assert (export["active"], export["idle"]) == (False, "connection_gone")
    assert export["can"] == {"edit": True, "run": False, "view": True}
    assert (await office.ask("DELETE", f"/exports/{key}", role="contributor")).status_code == 403
    assert (await office.ask("POST", f"/exports/{key}/run", {})).status_code == 409
    await office.done("DELETE", f"/exports/{key}")


async def test_while_the_destination_is_down_an_export_is_not_saved(office: Office) -> None:
    await office.drop()
    key = await office.ready()
    office.accounts.faults = [httpx.Response(503, json={})]
    assert (await office.ask("POST", "/exports", choices(key))).status_code == 503
    assert (await office.done("GET", "/exports"))["items"] == []


class Moving(httpx.AsyncBaseTransport):
    """Lets somebody connect another account while the destination is asked for a list."""

    def __init__(self, office: Office, connection: str) -> None:
        self._office = office
        self._connection = connection

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the accounts do; sign in elsewhere first."""
        office = self._office
        answer = await office.accounts.handle_async_request(request)
        if "/lists/" in request.url.path:
            office.services = replace(
                office.services, http=httpx.AsyncClient(transport=office.accounts)
            )
            signed_in = await office.sign_in(self._connection, OTHER, allow_other_account=True)
            assert signed_in.status_code == 303
        return answer


async def test_no_export_is_put_on_an_account_whose_lists_were_not_asked(office: Office) -> None:
    connection = await office.ready()
    detached = await office.export(connection)
    await office.done("POST", f"/exports/{detached}/detach")
    to = {"connection_id": connection, "list_id": "a2"}
    for path, body in (
        ("/exports", choices(connection)),
        (f"/exports/{detached}/attach", to),
    ):
        office.services = replace(
            office.services, http=httpx.AsyncClient(transport=Moving(office, connection))
        )
        answer = await office.ask("POST", path, body)
        assert answer.status_code == 409
        assert "another account" in answer.json()["detail"]
        assert (await office.sign_in(connection, allow_other_account=True)).status_code == 303
    [only] = (await office.done("GET", "/exports"))["items"]
    assert (only["id"], only["connection_id"]) == (detached, None)


async def test_exports_are_listed_in_pages_with_their_last_run(office: Office) -> None:
    connection = await office.ready()
    keys = []
    for _ in range(3):
        office.clock.advance(1)
        keys.append(await office.export(connection))
    run = await office.done("POST", f"/exports/{keys[2]}/run", {})

    first = await office.done("GET", "/exports", params={"limit": "2"})
    second = await office.done("GET", "/exports", params={"limit": "2", "after": first["next"]})

    assert [item["id"] for item in first["items"] + second["items"]] == keys
    assert second["next"] is None
    assert second["items"][0]["status"] == "queued"
    assert second["items"][0]["last_run"]["id"] == run["id"]


async def test_options_are_those_of_the_destination(office: Office) -> None:
    await office.drop()
    sandbox = Sandbox(SandboxClock(office.clock))
    office.services = replace(
        office.services,
        destinations={"activecampaign": ActiveCampaign("http://ac.test/{host}", ["api-us1.com"])},
        http=httpx.AsyncClient(transport=InProcess(create_app(sandbox))),
    )
    account = sandbox.accounts[1]
    connection = await office.draft(destination="activecampaign")
    await office.agree(connection)
    key = {"host": account.host, "api_key": account.api_key}
    await office.done("POST", f"/connections/{connection}/connect", key)
    await office.done("PUT", f"/connections/{connection}/export-user")
    await office.done("POST", f"/connections/{connection}/save")
    body = choices(connection, list_id="1", options=["exclude_automations"])
    created = await office.done("POST", "/exports", body)
    assert created["options"] == ["exclude_automations"]
    changed = await office.done("PATCH", f"/exports/{created['id']}", {"options": []})
    assert changed["options"] == []
