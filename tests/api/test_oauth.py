import asyncio
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.api.paths import CALLBACK
from shared.connections.check import mark_needs_sign_in
from shared.connections.waiting_runs import waiting
from shared.domain.connection import Account, Connection, ConnectionStatus
from shared.domain.message import say
from shared.domain.run import RunStatus
from shared.storage.entries import ALL, ActiveRun, OAuthState
from shared.storage.ports import Missing, Stored
from tests.api.office import BASE, Office
from tests.fakes.accounts import ACME, OTHER, FakeAccounts
from tests.fakes.storage import MemoryRecords, MemorySecrets


async def agreed(office: Office) -> str:
    key = await office.draft()
    await office.agree(key)
    return key


async def stored(office: Office, key: str) -> Connection:
    found = await office.services.storage.connections.get(ALL, key)
    assert found is not None
    return found.value


async def secret_of(office: Office, key: str) -> str:
    name = (await stored(office, key)).secret_name
    assert name is not None
    return name


async def test_the_sign_in_page_gets_our_client_and_callback(office: Office) -> None:
    key = await agreed(office)
    page = urlsplit((await office.done("POST", f"/connections/{key}/connect"))["authorize_url"])
    query = parse_qs(page.query)
    assert (page.netloc, page.path) == ("login.test", "/oauth2/authorize")
    assert query["redirect_uri"] == [BASE + CALLBACK]
    assert query["client_id"] == ["client"]
    assert len(query["state"][0]) >= 43  # 256 bits


async def test_a_state_is_kept_only_as_a_digest(office: Office) -> None:
    state = await office.state(await agreed(office))
    [kept] = await office.services.storage.oauth_states.page(ALL)
    assert state not in kept.key + kept.value.model_dump_json()


async def test_a_sign_in_ends_at_the_fixed_page_with_credentials_in_the_vault(
    office: Office,
) -> None:
    key = await agreed(office)
    answer = await office.sign_in(key)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{BASE}/api/v1/oauth/done"
    done = await office.http.get(answer.headers["Location"])
    assert "close this window" in done.text

    connection = await stored(office, key)
    assert connection.account is not None
    assert connection.account.name == "Acme"
    assert connection.status is ConnectionStatus.DRAFT
    credentials = json.loads(
        await office.services.storage.secrets.get(await secret_of(office, key))
    )
    assert credentials["access_token"].startswith("planted-token")


async def refused(office: Office, answer: httpx.Response, status: int = 400) -> None:
    assert answer.status_code == status
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "planted" not in answer.text


async def test_a_state_works_once(office: Office) -> None:
    state = await office.state(await agreed(office))
    first = await office.come_back(state=state, code=office.accounts.allow())
    assert first.status_code == 303
    await refused(office, await office.come_back(state=state, code=office.accounts.allow()))


async def test_a_state_works_for_ten_minutes(office: Office) -> None:
    state = await office.state(await agreed(office))
    office.clock.advance(600)
    await refused(office, await office.come_back(state=state, code=office.accounts.allow()))


@pytest.mark.parametrize("state", ["made-up", "", "é" * 43, "a" * 5000])
async def test_a_made_up_state_is_refused(office: Office, state: str) -> None:
    await refused(office, await office.come_back(state=state, code=office.accounts.allow()))
    assert office.accounts.paths == []


async def test_a_callback_without_anything_is_refused(office: Office) -> None:
    await refused(office, await office.come_back())


class PausingRecords(MemoryRecords[OAuthState]):
    """Lets others have a turn after each reading, so that two readers see the same record."""

    async def get(self, partition: str, key: str) -> Stored[OAuthState] | None:
        """Return the record, later."""
        found = await super().get(partition, key)
        await asyncio.sleep(0)
        return found


async def test_head_uses_no_state_up(office: Office) -> None:
    query = {"state": await office.state(await agreed(office)), "code": office.accounts.allow()}
    await office.http.head(CALLBACK, params=query)
    assert office.accounts.paths == []
    assert (await office.come_back(**query)).status_code == 303


async def test_of_two_callbacks_at_once_one_wins(office: Office) -> None:
    storage = replace(office.services.storage, oauth_states=PausingRecords(OAuthState))
    office.services = replace(office.services, storage=storage)
    state = await office.state(await agreed(office))

    answers = await asyncio.gather(
        *(office.come_back(state=state, code=office.accounts.allow()) for _ in range(2))
    )

    assert sorted(answer.status_code for answer in answers) == [303, 400]


async def test_whoever_refuses_at_the_sign_in_page_changes_nothing(office: Office) -> None:
    key = await agreed(office)
    state = await office.state(key)
    answer = await office.come_back(state=state, error="access_denied")
    await refused(office, answer, 409)
    assert "access_denied" not in answer.text
    assert (await stored(office, key)).account is None
    await refused(office, await office.come_back(state=state, code=office.accounts.allow()))


async def test_a_code_that_mailchimp_refuses_connects_nothing(office: Office) -> None:
    key = await agreed(office)
    answer = await office.come_back(state=await office.state(key), code="planted-made-up")
    assert answer.status_code >= 400
    await refused(office, answer, answer.status_code)
    assert (await stored(office, key)).account is None


async def test_while_mailchimp_is_down_the_page_says_to_begin_again(office: Office) -> None:
    key = await agreed(office)
    state = await office.state(key)
    office.accounts.faults = [httpx.Response(500)]
    answer = await office.come_back(state=state, code=office.accounts.allow())
    await refused(office, answer, 503)
    assert "Begin again" in answer.text


async def test_signing_in_again_replaces_the_secret_under_a_new_name(office: Office) -> None:
    key = await agreed(office)
    await office.sign_in(key)
    before = await secret_of(office, key)
    await office.sign_in(key)

    assert await secret_of(office, key) != before
    with pytest.raises(Missing):
        await office.services.storage.secrets.get(before)


async def test_a_connection_without_exports_can_move_to_another_account(office: Office) -> None:
    key = await office.ready()
    assert (await office.sign_in(key, OTHER, allow_other_account=True)).status_code == 303
    account = (await stored(office, key)).account
    assert account is not None
    assert account.name == "Other"


async def test_a_connection_moves_to_another_account_only_if_that_was_allowed(
    office: Office,
) -> None:
    key = await office.ready()
    before = await stored(office, key)

    for chosen in ({}, {"allow_other_account": False}, {"return_to_portal": True}):
        answer = await office.sign_in(key, OTHER, **chosen)
        await refused(office, answer, 409)
        assert "This is the account Other, but Acme is connected." in answer.text
        assert await stored(office, key) == before

    assert (await office.sign_in(key)).status_code == 303


@pytest.mark.parametrize("allow", [False, True])
async def test_a_draft_that_was_connected_meanwhile_stays_with_that_account(
    office: Office, allow: bool
) -> None:
    key = await agreed(office)

    class Overtaken(FakeAccounts):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            if request.url.path == "/oauth2/metadata":
                connections = office.services.storage.connections
                account = Account(id="us1-1", name="Acme", endpoint="us1")
                connected = (await stored(office, key)).connected(account, "connection-1")
                await connections.put(ALL, key, connected)
            return answer

    accounts = Overtaken(BASE + CALLBACK)
    vault = NamingSecrets()
    storage = replace(office.services.storage, secrets=vault)
    http = httpx.AsyncClient(transport=accounts)
    office.services = replace(office.services, http=http, storage=storage)
    state = await office.state(key, allow_other_account=allow)

    answer = await office.come_back(state=state, code=accounts.allow(OTHER))

    await refused(office, answer, 409)
    assert "This is the account Other, but Acme is connected." in answer.text
    assert (await secret_of(office, key)) == "connection-1"
    [name] = [each for each in vault.names if each.startswith("connection-")]
    with pytest.raises(Missing):
        await vault.get(name)


@pytest.mark.parametrize("allow", [False, True])
async def test_a_connection_with_exports_stays_with_its_account(
    office: Office, allow: bool
) -> None:
    key = await office.ready()
    await office.export(key)
    before = await stored(office, key)

    answer = await office.sign_in(key, OTHER, allow_other_account=allow)

    await refused(office, answer, 409)
    assert "use lists of Acme" in answer.text
    assert await stored(office, key) == before


async def test_a_connection_removed_meanwhile_leaves_no_secret(office: Office) -> None:
    key = await agreed(office)
    state = await office.state(key)
    await office.done("DELETE", f"/connections/{key}")
    answer = await office.come_back(state=state, code=office.accounts.allow(ACME))
    await refused(office, answer, 404)
    assert office.accounts.paths == []


async def test_states_that_nobody_came_back_with_are_forgotten(office: Office) -> None:
    key = await agreed(office)
    for _ in range(3):
        await office.state(key)
    office.clock.advance(601)
    await office.state(key)
    assert len(await office.services.storage.oauth_states.page(ALL)) == 1


class NamingSecrets(MemorySecrets):
    """Remembers which names were ever used."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    async def set(self, name: str, value: str) -> None:
        """Store a secret."""
        self.names.append(name)
        await super().set(name, value)


async def test_a_connection_removed_during_the_exchange_leaves_no_secret(office: Office) -> None:
    key = await agreed(office)
    vault = NamingSecrets()
    storage = replace(office.services.storage, secrets=vault)

    class Interrupted(FakeAccounts):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/oauth2/metadata":
                await office.services.storage.connections.delete(ALL, key)
            return await super().handle_async_request(request)

    accounts = Interrupted(BASE + CALLBACK)
    http = httpx.AsyncClient(transport=accounts)
    office.services = replace(office.services, http=http, storage=storage)

    answer = await office.come_back(state=await office.state(key), code=accounts.allow())

    await refused(office, answer, 404)
    [name] = [each for each in vault.names if each.startswith("connection-")]
    with pytest.raises(Missing):
        await vault.get(name)


async def test_what_old_credentials_found_out_does_not_mark_newer_ones(office: Office) -> None:
    key = await office.ready()
    old = await stored(office, key)
    await office.sign_in(key)
    marked = await mark_needs_sign_in(office.services, old, say("Revoked."))
    assert marked.value.status is ConnectionStatus.READY


async def test_a_run_that_waited_for_a_sign_in_goes_on_after_it(office: Office) -> None:
    key = await office.ready()
    export = await office.export(key)
    run_id = (await office.done("POST", f"/exports/{export}/run", {}))["id"]
    storage, now = office.services.storage, office.clock.now()
    [run] = await storage.runs.page(export)
    stopped = run.value.over(RunStatus.SKIPPED, now, say("Sign-in is needed."))
    await storage.runs.put(export, run.key, stopped)
    entry = ActiveRun(run_id=run_id, connection_id=key, lane="mailchimp-us1-1", wakes_at=now)
    await storage.active_runs.put(waiting(key), run_id, entry)
    office.accounts.revoke()
    await office.done("POST", f"/connections/{key}/check")

    await office.sign_in(key)

    assert (await office.done("GET", f"/runs/{run_id}"))["status"] == "queued"
