"""Connections with a key: pasted, or lying in the linked vault."""

from dataclasses import replace

import httpx
import pytest

from shared.connections.waiting_runs import waiting
from shared.domain.audit import Action
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.message import say
from shared.domain.run import RunStatus
from shared.records.app_keys import AppKey
from shared.storage.entries import ALL, ActiveRun
from shared.storage.ports import Missing, Unavailable
from tests.api.office import Office, pointers
from tests.api.vendors import LINKED, Vendors
from tests.contract.destinations.side import InProcess
from tests.contract.postbox.sandbox import create_app
from tests.fakes.storage import MemorySecrets, WatchedSecrets

KEY = "planted-key"


@pytest.fixture
async def vendors(office: Office) -> Vendors:
    vendors = Vendors(office)
    await vendors.linked.set(LINKED, f"{KEY}\n")
    return vendors


async def stored(office: Office, key: str) -> Connection:
    found = await office.services.storage.connections.get(ALL, key)
    assert found is not None
    return found.value


async def ready(vendors: Vendors, **given: str) -> str:
    """Set up a connection to Postbox completely."""
    key = await vendors.agreed("postbox")
    answer = await vendors.with_key(key, **given)
    assert answer.status_code == 200, answer.text
    await vendors.office.done("PUT", f"/connections/{key}/export-user")
    await vendors.office.done("POST", f"/connections/{key}/save")
    return key


async def export(office: Office, connection: str) -> str:
    return await office.export(connection, list_id="news")


async def test_a_key_connects_at_once_and_lies_in_our_vault(
    office: Office, vendors: Vendors
) -> None:
    key = await vendors.agreed("postbox")
    answer = await vendors.with_key(key, api_key=KEY)

    assert answer.status_code == 200
    item = answer.json()
    assert item["account"] == {"id": "1", "name": "Postbox account"}
    assert (item["status"], item["linked_secret"]) == ("draft", False)
    assert KEY not in answer.text
    assert (
        answer.headers["ETag"] == (await office.ask("GET", f"/connections/{key}")).headers["ETag"]
    )
    name = (await stored(office, key)).secret_name or ""
    assert name.startswith("connection-")
    assert KEY in await office.services.storage.secrets.get(name)
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True


async def test_a_linked_key_connects_by_its_name_and_is_never_copied(
    office: Office, vendors: Vendors
) -> None:
    key = await ready(vendors, secret_name=LINKED)
    connection = await stored(office, key)
    assert (connection.secret_name, connection.linked_secret) == (LINKED, True)
    vault = office.services.storage.secrets
    assert isinstance(vault, MemorySecrets)
    assert KEY not in str(vars(vault))
    item = await office.done("GET", f"/connections/{key}")
    assert item["linked_secret"] is True
    assert LINKED not in str(item)
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True


async def test_a_new_key_in_the_linked_vault_is_used_from_then_on(
    office: Office, vendors: Vendors
) -> None:
    key = await ready(vendors, secret_name=LINKED)
    vendors.postbox.key = "planted-another"
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is False
    await vendors.linked.set(LINKED, "planted-another")
    result = await office.done("POST", f"/connections/{key}/check")
    assert result == {"ok": True, "reason": None, "status": "ready"}


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"host": "acme"}, "/api_key"),
        ({"api_key": KEY}, "/host"),
        ({"secret_name": LINKED}, "/host"),
        ({"host": "acme", "api_key": KEY, "secret_name": LINKED}, "/api_key"),
        ({"host": "acme/../other", "api_key": KEY}, "/host"),
        ({"host": "acme", "api_key": ""}, "/api_key"),
        ({"host": "acme", "api_key": "planted-wrong"}, "/api_key"),
        ({"host": "acme", "secret_name": "not there"}, "/secret_name"),
        ({"host": "acme", "secret_name": "segment-exports-not-there"}, "/secret_name"),
        ({"host": "acme", "secret_name": "segment-exports-wrong"}, "/secret_name"),
        ({"host": "acme", "secret_name": "connection-1"}, "/secret_name"),
        ({"host": "acme", "secret_name": "Sign-In-Key"}, "/secret_name"),
        ({"host": "acme", "api_key": KEY, "port": 8080}, "/port"),
        ({}, "/host"),
        (None, "/host"),
    ],
)
async def test_what_does_not_connect_is_named_and_changes_nothing(
    office: Office, vendors: Vendors, given: dict[str, object] | None, pointer: str
) -> None:
    for name in ("segment-exports-wrong", "connection-1", AppKey.SIGN_IN):
        await vendors.linked.set(name, "planted-wrong")
    key = await vendors.agreed("postbox")
    before = await stored(office, key)

    answer = await office.ask("POST", f"/connections/{key}/connect", given)

    assert pointers(answer) == [pointer]
    assert "planted" not in answer.text
    assert await stored(office, key) == before


async def test_a_key_needs_consent_first(office: Office, vendors: Vendors) -> None:
    key = await office.draft(destination="postbox")
    answer = await vendors.with_key(key, api_key=KEY)
    assert answer.status_code == 409
    assert "Select I agree for data privacy and compliance first" in answer.json()["detail"]


async def test_where_one_signs_in_no_key_is_taken(office: Office, vendors: Vendors) -> None:
    answer = await vendors.with_key(await vendors.agreed("mailchimp"), api_key=KEY)
    assert pointers(answer) == ["/host"]
    assert "connected by signing in" in answer.text


async def test_without_a_linked_vault_the_setting_is_named(
    office: Office, vendors: Vendors
) -> None:
    storage = replace(office.services.storage, linked_secrets=None)
    office.services = replace(office.services, storage=storage)
    answer = await vendors.with_key(await vendors.agreed("postbox"), secret_name=LINKED)
    assert answer.status_code == 409
    assert "LINKED_KEY_VAULT_URL" in answer.json()["detail"]


class Closed(MemorySecrets):
    """A vault that gives out nothing, as one does whose right to read is missing."""

    async def get(self, name: str) -> str:
        """Refuse."""
        raise Unavailable(name)


async def test_a_linked_vault_that_gives_nothing_says_what_it_may_be(
    office: Office, vendors: Vendors
) -> None:
    storage = replace(office.services.storage, linked_secrets=Closed())
    office.services = replace(office.services, storage=storage)
    answer = await vendors.with_key(await vendors.agreed("postbox"), secret_name=LINKED)
    assert answer.status_code == 503
    assert "must be allowed to read it" in answer.json()["detail"]


async def test_a_pasted_key_can_be_replaced_and_then_linked_but_not_pasted_again(
    office: Office, vendors: Vendors
) -> None:
    key = await ready(vendors, api_key=KEY)
    first = (await stored(office, key)).secret_name or ""
    assert (await vendors.with_key(key, api_key=KEY)).status_code == 200
    second = (await stored(office, key)).secret_name or ""
    assert first != second
    assert (await vendors.with_key(key, secret_name=LINKED)).status_code == 200
    for name in (first, second):
        with pytest.raises(Missing):
            await office.services.storage.secrets.get(name)

    answer = await vendors.with_key(key, api_key=KEY)

    assert answer.status_code == 409
    assert "stays in the linked vault" in answer.json()["detail"]
    await vendors.linked.set("segment-exports-another-key", KEY)
    assert (
        await vendors.with_key(key, secret_name="segment-exports-another-key")
    ).status_code == 200
    assert await vendors.linked.get(LINKED)


class Meanwhile(httpx.AsyncBaseTransport):
    """A network that lets somebody rename a connection while the destination is asked."""

    def __init__(self, office: Office, key: str, then: httpx.AsyncBaseTransport) -> None:
        self._office = office
        self._key = key
        self._then = then

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Rename it, and let the destination answer."""
        body = {"display_name": "By another"}
        await self._office.done("PATCH", f"/connections/{self._key}", body)
        return await self._then.handle_async_request(request)


async def test_a_key_whose_connection_somebody_changed_meanwhile_is_not_kept(
    office: Office, vendors: Vendors
) -> None:
    vault = WatchedSecrets()
    office.services = replace(
        office.services, storage=replace(office.services.storage, secrets=vault)
    )
    key = await vendors.agreed("postbox")
    read = (await office.ask("GET", f"/connections/{key}")).headers["ETag"]
    vendors.use(Meanwhile(office, key, InProcess(create_app(vendors.postbox))))
    body = {"host": "acme", "api_key": KEY}
    path = f"/connections/{key}/connect"

    answer = await office.ask("POST", path, body, headers={"If-Match": read})

    assert answer.status_code == 412
    assert (await stored(office, key)).account is None
    [new] = vault.stored
    with pytest.raises(Missing):
        await vault.get(new)


class ReaderOnly:
    """A vault that can do nothing but read."""

    def __init__(self, kept: dict[str, str]) -> None:
        self._kept = kept

    async def get(self, name: str) -> str:
        """Return a secret's value; raise Missing."""
        if name not in self._kept:
            raise Missing(name)
        return self._kept[name]


async def test_a_linked_vault_is_only_ever_read(office: Office, vendors: Vendors) -> None:
    kept = {LINKED: KEY, "segment-exports-second-key": KEY}
    storage = replace(office.services.storage, linked_secrets=ReaderOnly(kept))
    office.services = replace(office.services, storage=storage)
    key = await ready(vendors, secret_name=LINKED)
    assert (
        await vendors.with_key(key, secret_name="segment-exports-second-key")
    ).status_code == 200
    assert (await vendors.with_key(key, api_key=KEY)).status_code == 409
    await office.done("POST", f"/connections/{key}/check")
    del kept["segment-exports-second-key"]
    await office.done("POST", f"/connections/{key}/check")
    assert (await vendors.with_key(key, secret_name=LINKED)).status_code == 200
    await office.done("POST", f"/connections/{key}/save")
    await office.done("DELETE", f"/connections/{key}")
    assert kept == {LINKED: KEY}


async def test_removing_leaves_the_linked_vault_alone(office: Office, vendors: Vendors) -> None:
    key = await ready(vendors, secret_name=LINKED)
    await office.done("DELETE", f"/connections/{key}")
    assert await vendors.linked.get(LINKED)


async def test_removing_takes_a_pasted_key_along(office: Office, vendors: Vendors) -> None:
    key = await ready(vendors, api_key=KEY)
    name = (await stored(office, key)).secret_name or ""
    await office.done("DELETE", f"/connections/{key}")
    with pytest.raises(Missing):
        await office.services.storage.secrets.get(name)


@pytest.mark.parametrize("given", [{"api_key": KEY}, {"secret_name": LINKED}])
async def test_a_key_that_was_withdrawn_needs_attention_until_a_new_one_is_given(
    office: Office, vendors: Vendors, given: dict[str, str]
) -> None:
    key = await ready(vendors, **given)
    export_id = await export(office, key)
    run_id = (await office.done("POST", f"/exports/{export_id}/run", {}))["id"]
    storage, now = office.services.storage, office.clock.now()
    [run] = await storage.runs.page(export_id)
    skipped = run.value.over(RunStatus.SKIPPED, now, say("Sign-in is needed."))
    await storage.runs.put(export_id, run.key, skipped)
    entry = ActiveRun(run_id=run_id, connection_id=key, lane="postbox-1", wakes_at=now)
    await storage.active_runs.put(waiting(key), run_id, entry)
    vendors.postbox.key = "planted-another"
    result = await office.done("POST", f"/connections/{key}/check")
    assert (result["ok"], result["status"]) == (False, "needs_sign_in")

    await vendors.linked.set("segment-exports-another-key", "planted-another")
    new = (
        {"secret_name": "segment-exports-another-key"}
        if "secret_name" in given
        else {"api_key": "planted-another"}
    )
    assert (await vendors.with_key(key, **new)).status_code == 200

    assert (await stored(office, key)).status is ConnectionStatus.READY
    assert (await office.done("GET", f"/runs/{run_id}"))["status"] == "queued"


async def test_a_linked_secret_that_is_gone_needs_attention_and_says_so(
    office: Office, vendors: Vendors
) -> None:
    key = await ready(vendors, secret_name=LINKED)
    await vendors.linked.delete(LINKED)
    result = await office.done("POST", f"/connections/{key}/check")
    assert result["status"] == "needs_sign_in"
    assert "The linked vault holds no usable key" in result["reason"]
    assert LINKED not in result["reason"]


async def test_a_key_of_another_account_is_refused_while_exports_use_lists_of_the_first(
    office: Office, vendors: Vendors
) -> None:
    key = await ready(vendors, api_key=KEY)
    await export(office, key)
    before = await stored(office, key)
    other = before.model_copy(
        update={"account": before.account and before.account.model_copy(update={"id": "2"})}
    )
    await office.services.storage.connections.put(ALL, key, other)

    answer = await vendors.with_key(key, api_key=KEY)

    assert answer.status_code == 409
    assert "use lists of" in answer.json()["detail"]
    assert await stored(office, key) == other


async def test_a_key_of_another_account_connects_only_if_that_was_allowed(
    office: Office, vendors: Vendors
) -> None:
    key = await ready(vendors, api_key=KEY)
    before = await stored(office, key)
    assert before.account is not None
    other = before.account.model_copy(update={"id": "2", "name": "Another"})
    moved = before.model_copy(update={"account": other})
    await office.services.storage.connections.put(ALL, key, moved)

    answer = await vendors.with_key(key, api_key=KEY)

    assert answer.status_code == 409
    assert f"This is the account {before.account.name}, but Another" in answer.json()["detail"]
    assert await stored(office, key) == moved
    body = {"host": "acme", "api_key": KEY, "allow_other_account": True}
    connected = await office.done("POST", f"/connections/{key}/connect", body)
    assert connected["account"]["id"] == before.account.id


async def test_with_a_key_nobody_returns_to_the_portal(office: Office, vendors: Vendors) -> None:
    body = {"host": "acme", "api_key": KEY, "return_to_portal": True}
    key = await vendors.agreed("postbox")
    answer = await office.ask("POST", f"/connections/{key}/connect", body)
    assert pointers(answer) == ["/return_to_portal"]


async def test_while_the_destination_is_away_nothing_is_stored(
    office: Office, vendors: Vendors
) -> None:
    key = await vendors.agreed("postbox")
    vendors.use(httpx.MockTransport(lambda _: httpx.Response(503)))
    assert (await vendors.with_key(key, api_key=KEY)).status_code == 503
    assert (await stored(office, key)).account is None


class Noting(MemorySecrets):
    """A vault that notes which names are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def get(self, name: str) -> str:
        """Return a secret's value; raise Missing."""
        self.read.append(name)
        return await super().get(name)


def linked(office: Office) -> Noting:
    """Link a vault that notes what is read of it, and has no secret yet."""
    vault = Noting()
    storage = replace(office.services.storage, linked_secrets=vault)
    office.services = replace(office.services, storage=storage)
    return vault


async def test_absent_forbidden_and_empty_names_of_the_linked_vault_are_answered_alike(
    office: Office, vendors: Vendors
) -> None:
    vault = linked(office)
    names = {
        "absent": "segment-exports-absent",
        "empty": "segment-exports-empty",
        "blank": "segment-exports-blank",
        "no key": "segment-exports-several-lines",
        "of others": "payroll-database",
        "absent and of others": "payroll-absent",
        "almost": "segment-export-x",
        "our own": "connection-1",
    }
    for name, value in (
        ("empty", ""),
        ("blank", " \n"),
        ("no key", "planted\x00\nlines"),
        ("of others", "planted"),
        ("almost", KEY),
        ("our own", "planted"),
    ):
        await vault.set(names[name], value)
    key = await vendors.agreed("postbox")
    answers = [await vendors.with_key(key, secret_name=name) for name in names.values()]
    bodies = [{k: v for k, v in each.json().items() if k != "id"} for each in answers]
    assert {each.status_code for each in answers} == {422}
    assert bodies == [bodies[0]] * len(names)
    assert [name for name in vault.read if not name.startswith("segment-exports-")] == []


async def test_every_try_of_a_linked_secret_is_in_the_trail_without_its_name(
    office: Office, vendors: Vendors
) -> None:
    key = await vendors.agreed("postbox")
    tried = ("segment-exports-absent", "payroll-database", LINKED)
    for name in tried:
        office.clock.advance(1)
        await vendors.with_key(key, secret_name=name)
    items = (await office.done("GET", f"/audit?object={key}"))["items"]
    told = [each for each in items if each["action"] == Action.LINKED_KEY_TRIED]
    assert [each["after"] for each in told] == [
        {"allowed": True},
        {"allowed": False},
        {"allowed": True},
    ]
    assert not [name for name in tried if name in str(items)]


async def test_a_name_that_a_connection_used_before_there_was_a_prefix_stays_allowed(
    office: Office, vendors: Vendors
) -> None:
    legacy = "Marketing-Key"
    await vendors.linked.set(legacy, KEY)
    key = await ready(vendors, secret_name=LINKED)
    assert (await vendors.with_key(key, secret_name=legacy)).status_code == 422
    before = (await stored(office, key)).model_copy(update={"secret_name": legacy})
    await office.services.storage.connections.put(ALL, key, before)  # as it was before

    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True
    assert (await vendors.with_key(key, secret_name=legacy)).status_code == 200
    other = await vendors.agreed("postbox")
    assert (await vendors.with_key(other, secret_name=legacy)).status_code == 200


async def test_the_prefix_is_a_setting_and_case_is_none_of_its_matters(
    office: Office, vendors: Vendors
) -> None:
    office.services = replace(office.services, linked_prefix="Acme-")
    await vendors.linked.set("acme-key", KEY)
    key = await vendors.agreed("postbox")
    assert (await vendors.with_key(key, secret_name="acme-key")).status_code == 200
    refused = await vendors.with_key(key, secret_name=LINKED)
    assert refused.status_code == 422
    assert "begin with Acme-" in refused.text
