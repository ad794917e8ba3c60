from dataclasses import replace

import httpx
import pytest

from shared.connections.waiting_runs import waiting
from shared.domain.connection import Connection
from shared.domain.run import RunStatus
from shared.storage.entries import ALL, ActiveRun
from shared.storage.ports import Missing, Stored
from shared.transport.day_budget import keep_share, share_of
from shared.transport.share import Share
from tests.api.office import Office, pointers
from tests.fakes.storage import MemoryRecords


async def test_the_whole_walk_makes_a_connection_ready(office: Office) -> None:
    key = await office.ready(shared_with="contributors")
    connection = await office.done("GET", f"/connections/{key}")
    assert connection["status"] == "ready"
    assert connection["account"] == {"id": "us1-1", "name": "Acme"}
    assert connection["export_user"]["name"] == "Local administrator"
    assert connection["consent"]["by"] == connection["export_user"]
    assert connection["consent"]["at"] == "2026-11-21T09:00:00Z"
    assert connection["shared_with"] == "contributors"


async def test_no_answer_names_the_secret_or_holds_the_token(office: Office) -> None:
    key = await office.ready()
    for path in ("/connections", f"/connections/{key}", f"/connections/{key}/lists"):
        text = (await office.ask("GET", path)).text.replace("linked_secret", "")
        assert "planted" not in text
        assert "connection-" not in text
        assert "secret" not in text


async def refusal(office: Office, path: str, method: str = "POST") -> str:
    answer = await office.ask(method, path)
    assert answer.status_code == 409, answer.text
    return str(answer.json()["detail"])


async def test_each_step_out_of_order_says_what_to_do_instead(office: Office) -> None:
    key = await office.draft()
    assert "Select I agree for data privacy and compliance first" in await refusal(
        office, f"/connections/{key}/connect"
    )
    assert "Select I agree for data privacy and compliance first" in await refusal(
        office, f"/connections/{key}/save"
    )
    await office.agree(key)
    assert "Connect to the account" in await refusal(office, f"/connections/{key}/save")
    assert "Connect to the account" in await refusal(office, f"/connections/{key}/check")
    assert "Connect to the account" in await refusal(office, f"/connections/{key}/lists", "GET")
    await office.sign_in(key)
    assert "Add yourself as export user" in await refusal(office, f"/connections/{key}/save")
    await office.done("PUT", f"/connections/{key}/export-user")
    await office.done("POST", f"/connections/{key}/save")


async def test_consent_is_to_the_current_terms_and_really_given(office: Office) -> None:
    path = f"/connections/{await office.draft()}/consent"
    old = {"accepted": True, "terms_version": "2019-01"}
    assert pointers(await office.ask("POST", path, old)) == ["/terms_version"]
    declined = {"accepted": False, "terms_version": "2026-11"}
    assert pointers(await office.ask("POST", path, declined)) == ["/accepted"]


async def test_once_the_terms_have_changed_they_are_accepted_again_first(office: Office) -> None:
    key = await office.ready()
    records = office.services.storage.connections
    stored = await records.get(ALL, key)
    assert stored is not None
    assert stored.value.consent is not None
    old = stored.value.consent.model_copy(update={"terms_version": "2019-01"})
    await records.put(ALL, key, stored.value.agreed(old))
    changed = "The terms of data privacy and compliance have changed"
    assert changed in await refusal(office, f"/connections/{key}/connect")
    assert changed in await refusal(office, f"/connections/{key}/save")
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True
    await office.agree(key)
    assert (await office.sign_in(key)).status_code == 303


async def test_unsharing_keeps_exports_and_takes_them_from_contributors(office: Office) -> None:
    key = await office.ready(shared_with="contributors")
    export = await office.export(key)
    before = await office.done("GET", f"/exports/{export}", role="contributor")

    await office.done("PATCH", f"/connections/{key}", {"shared_with": "administrators"})

    after = await office.done("GET", f"/exports/{export}", role="contributor")
    assert before["can"] == {"edit": True, "run": True, "view": True}
    assert after == before | {"can": {"edit": False, "run": False, "view": True}}
    for method, path, body in (
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/run", {}),
    ):
        answer = await office.ask(method, f"/exports/{export}{path}", body, role="contributor")
        assert answer.status_code == 403
        assert "not shared with contributors" in answer.json()["detail"]
    assert (await office.ask("GET", f"/connections/{key}", role="contributor")).status_code == 404
    assert (await office.done("POST", f"/exports/{export}/run", {}))["status"] == "queued"


async def test_signing_in_again_touches_no_export(office: Office) -> None:
    key = await office.ready()
    export = await office.export(key)
    before = await office.ask("GET", f"/exports/{export}")
    office.accounts.revoke()
    await office.done("POST", f"/connections/{key}/check")
    broken = await office.ask("GET", f"/exports/{export}")
    assert broken.json()["can"] == {"edit": True, "run": False, "view": True}
    await office.sign_in(key)
    after = await office.ask("GET", f"/exports/{export}")
    assert (after.json(), after.headers["ETag"]) == (before.json(), before.headers["ETag"])


@pytest.mark.parametrize(
    ("chosen", "pointer"),
    [
        ({"destination": "nowhere"}, "/destination"),
        ({"display_name": ""}, "/display_name"),
        ({"display_name": "   "}, "/display_name"),
        ({"display_name": "x" * 101}, "/display_name"),
        ({"display_name": "two\nlines"}, "/display_name"),
        ({"shared_with": "everybody"}, "/shared_with"),
        ({"secret_name": "mine"}, "/secret_name"),
    ],
)
async def test_a_bad_connection_is_refused_by_field(
    office: Office, chosen: dict[str, str], pointer: str
) -> None:
    body = {"destination": "mailchimp", "display_name": "Name"} | chosen
    assert pointers(await office.ask("POST", "/connections", body)) == [pointer]


async def test_a_name_is_trimmed(office: Office) -> None:
    key = await office.draft(display_name="  Våra kunder ")
    assert (await office.done("GET", f"/connections/{key}"))["display_name"] == "Våra kunder"


async def test_a_change_leaves_what_is_not_given(office: Office) -> None:
    key = await office.draft(shared_with="contributors")
    changed = await office.done("PATCH", f"/connections/{key}", {"display_name": "Renamed"})
    assert (changed["display_name"], changed["shared_with"]) == ("Renamed", "contributors")


@pytest.mark.parametrize("null", ["display_name", "shared_with"])
async def test_a_change_to_null_is_refused(office: Office, null: str) -> None:
    key = await office.draft()
    assert pointers(await office.ask("PATCH", f"/connections/{key}", {null: None})) == [f"/{null}"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"display_name": "Renamed"}),
        ("DELETE", "", None),
        ("PUT", "/export-user", None),
        ("POST", "/consent", {"accepted": True, "terms_version": "2026-11"}),
    ],
)
async def test_an_outdated_etag_stops_a_change(
    office: Office, method: str, path: str, body: object
) -> None:
    key = await office.draft()
    old = (await office.ask("GET", f"/connections/{key}")).headers["ETag"]
    await office.done("PATCH", f"/connections/{key}", {"display_name": "By another"})

    answer = await office.ask(method, f"/connections/{key}{path}", body, headers={"If-Match": old})

    assert answer.status_code == 412
    assert answer.json()["type"] == "/api/problems/outdated"
    now = await office.ask("GET", f"/connections/{key}")
    assert now.json()["display_name"] == "By another"
    fresh = {"If-Match": now.headers["ETag"]}
    again = await office.ask(method, f"/connections/{key}{path}", body, headers=fresh)
    assert again.is_success


async def test_a_star_matches_whatever_is_there(office: Office) -> None:
    key = await office.draft()
    body = {"display_name": "Renamed"}
    answer = await office.ask("PATCH", f"/connections/{key}", body, headers={"If-Match": "*"})
    assert answer.status_code == 200


class Contested(MemoryRecords[Connection]):
    """Somebody else shares the connection after each of the next few readings."""

    rivals = 0

    async def get(self, partition: str, key: str) -> Stored[Connection] | None:
        """Return the record as it was before the rival's change."""
        found = await super().get(partition, key)
        if found and self.rivals:
            self.rivals -= 1
            await self.put(partition, key, found.value)
        return found


@pytest.mark.parametrize(("rivals", "status"), [(2, 200), (3, 412)])
async def test_a_change_that_others_overtake_is_made_again_but_not_for_ever(
    office: Office, rivals: int, status: int
) -> None:
    records = Contested(Connection)
    storage = replace(office.services.storage, connections=records)
    office.services = replace(office.services, storage=storage)
    key = await office.draft()
    records.rivals = rivals

    answer = await office.ask("PATCH", f"/connections/{key}", {"display_name": "Renamed"})

    assert answer.status_code == status


async def test_connections_are_listed_in_pages_the_oldest_first(office: Office) -> None:
    keys = []
    for _ in range(5):
        office.clock.advance(1)
        keys.append(await office.draft())
    seen: list[str] = []
    after = ""
    while True:
        page = await office.done("GET", "/connections", params={"limit": "2", "after": after})
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == keys


async def test_connections_are_searched_and_sorted(office: Office) -> None:
    for name in ("Våren", "alpha", "Beta", "vårkampanj"):
        office.clock.advance(1)
        await office.draft(display_name=name)

    async def names(**params: str) -> list[str]:
        found = await office.done("GET", "/connections", params=params)
        return [item["display_name"] for item in found["items"]]

    assert await names(sort="name") == ["alpha", "Beta", "Våren", "vårkampanj"]
    assert await names(sort="-name", limit="2") == ["vårkampanj", "Våren"]
    assert await names(sort="-created_at") == ["vårkampanj", "Beta", "alpha", "Våren"]
    assert await names(search="VÅR") == ["Våren", "vårkampanj"]
    unknown = await office.ask("GET", "/connections", params={"sort": "size"})
    assert unknown.json()["errors"][0]["parameter"] == "sort"


async def test_connections_that_a_contributor_may_not_see_leave_no_gap_in_pages(
    office: Office,
) -> None:
    for shared_with in ("contributors", "administrators", "administrators", "contributors"):
        office.clock.advance(1)
        await office.ready(shared_with=shared_with)
    page = await office.done("GET", "/connections", role="contributor", params={"limit": "2"})
    assert len(page["items"]) == 2
    assert page["next"] is None


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many"])
async def test_a_page_holds_up_to_a_hundred(office: Office, limit: str) -> None:
    answer = await office.ask("GET", "/connections", params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("after", ["%00", "nonsense!", "AAA", "gICA"])
async def test_a_made_up_cursor_is_the_first_page(office: Office, after: str) -> None:
    key = await office.draft()
    page = await office.done("GET", f"/connections?after={after}")
    assert [item["id"] for item in page["items"]] == [key]


async def test_removing_takes_the_credentials_along(office: Office) -> None:
    key = await office.ready()
    stored = await office.services.storage.connections.get(ALL, key)
    assert stored is not None
    assert stored.value.secret_name is not None
    await office.done("DELETE", f"/connections/{key}")
    with pytest.raises(Missing):
        await office.services.storage.secrets.get(stored.value.secret_name)
    assert (await office.ask("GET", f"/connections/{key}")).status_code == 404


async def test_exports_in_the_way_of_removing_are_named(office: Office) -> None:
    key = await office.ready()
    for number in range(12):
        office.clock.advance(1)
        await office.export(key, name=f"Export {number}")
    detail = await refusal(office, f"/connections/{key}", "DELETE")
    assert "Export 0, Export 1," in detail
    assert detail.endswith("Export 9 and 2 more.")


async def test_an_export_is_in_the_way_wherever_it_was_copied_or_moved_to(office: Office) -> None:
    first, second = await office.ready(), await office.ready()
    export = await office.export(first)
    copy = (await office.done("POST", f"/exports/{export}/duplicate", {"name": "Copy"}))["id"]
    await office.done("PATCH", f"/exports/{export}", {"connection_id": second})
    assert (await refusal(office, f"/connections/{first}", "DELETE")).endswith(": Copy.")
    await office.done("DELETE", f"/exports/{copy}")
    await office.done("DELETE", f"/connections/{first}")
    assert (await refusal(office, f"/connections/{second}", "DELETE")).endswith(": Newsletter.")


async def test_a_check_of_a_working_connection_says_so(office: Office) -> None:
    key = await office.ready()
    result = await office.done("POST", f"/connections/{key}/check")
    assert result == {"ok": True, "reason": None, "status": "ready"}


async def test_a_revoked_connection_needs_sign_in_and_signing_in_mends_it(office: Office) -> None:
    key = await office.ready()
    office.accounts.revoke()
    result = await office.done("POST", f"/connections/{key}/check")
    assert result["ok"] is False
    assert "Sign in again" in result["reason"]
    assert result["status"] == "needs_sign_in"
    connection = await office.done("GET", f"/connections/{key}")
    assert connection["reason"] == result["reason"]

    assert (await office.sign_in(key)).status_code == 303
    connection = await office.done("GET", f"/connections/{key}")
    assert (connection["status"], connection["reason"]) == ("ready", None)


async def test_a_connection_whose_secret_is_gone_needs_sign_in(office: Office) -> None:
    key = await office.ready()
    stored = await office.services.storage.connections.get(ALL, key)
    assert stored is not None
    assert stored.value.secret_name is not None
    await office.services.storage.secrets.delete(stored.value.secret_name)
    result = await office.done("POST", f"/connections/{key}/check")
    assert result["status"] == "needs_sign_in"


async def test_asking_for_lists_finds_out_that_sign_in_is_needed(office: Office) -> None:
    key = await office.ready()
    office.accounts.revoke()
    assert "needs sign-in" in await refusal(office, f"/connections/{key}/lists", "GET")
    assert (await office.done("GET", f"/connections/{key}"))["status"] == "needs_sign_in"


async def test_a_check_that_passes_again_mends_the_connection(office: Office) -> None:
    key = await office.ready()
    office.accounts.faults = [httpx.Response(401, json={})]
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is False
    result = await office.done("POST", f"/connections/{key}/check")
    assert result == {"ok": True, "reason": None, "status": "ready"}


async def test_a_check_that_passes_forgets_that_the_account_was_asked_more_slowly(
    office: Office,
) -> None:
    key = await office.ready()
    stored = await office.services.storage.connections.get(ALL, key)
    assert stored is not None
    assert stored.value.account is not None
    lane = office.services.destinations[stored.value.destination].lane(stored.value.account)
    quotas, now = office.services.storage.quotas, office.clock.now()
    await keep_share(quotas, lane, Share(), Share(0.125, now, halvings=3))

    office.accounts.faults = [httpx.Response(401, json={})]
    await office.done("POST", f"/connections/{key}/check")
    assert (await share_of(quotas, lane, now)).size == 0.125
    await office.done("POST", f"/connections/{key}/check")
    share = await share_of(quotas, lane, now)
    assert (share.size, share.halvings) == (1, 0)


async def test_a_draft_that_fails_its_check_stays_a_draft(office: Office) -> None:
    key = await office.draft()
    await office.agree(key)
    await office.sign_in(key)
    office.accounts.revoke()
    result = await office.done("POST", f"/connections/{key}/check")
    assert (result["ok"], result["status"]) == (False, "draft")


async def test_while_the_destination_is_busy_a_check_says_when_to_try_again(
    office: Office,
) -> None:
    key = await office.ready()
    for asked, told in (("7", "7"), ("9" * 400, "86400")):
        office.accounts.faults = [httpx.Response(429, headers={"Retry-After": asked}, json={})]
        answer = await office.ask("POST", f"/connections/{key}/check")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == told
    assert (await office.done("GET", f"/connections/{key}"))["status"] == "ready"


async def test_a_run_asked_for_while_sign_in_is_needed_is_skipped_with_the_reason(
    office: Office,
) -> None:
    key = await office.ready()
    export = await office.export(key)
    office.accounts.revoke()
    await office.done("POST", f"/connections/{key}/check")
    run = await office.done("POST", f"/exports/{export}/run", {})
    assert run["status"] == RunStatus.SKIPPED
    assert "needs sign-in" in run["reason"]


async def test_removing_forgets_the_runs_that_wait_for_a_sign_in(office: Office) -> None:
    key = await office.ready()
    entry = ActiveRun(
        run_id="export.run", connection_id=key, lane="lane", wakes_at=office.clock.now()
    )
    await office.services.storage.active_runs.insert(waiting(key), entry.run_id, entry)
    await office.done("DELETE", f"/connections/{key}")
    assert await office.services.storage.active_runs.page(waiting(key)) == []
