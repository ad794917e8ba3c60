"""Signing in where PKCE is asked for and tokens end, and giving them back."""

import json
import logging
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.destinations.model import Credentials
from shared.domain.connection import Connection
from shared.storage.entries import ALL
from shared.storage.ports import Missing
from tests.api.office import BASE, Office
from tests.api.vendors import Vendors


@pytest.fixture
def vendors(office: Office) -> Vendors:
    return Vendors(office)


async def stored(office: Office, key: str) -> Connection:
    found = await office.services.storage.connections.get(ALL, key)
    assert found is not None
    return found.value


async def credentials(office: Office, key: str) -> Credentials:
    name = (await stored(office, key)).secret_name
    assert name is not None
    kept: Credentials = json.loads(await office.services.storage.secrets.get(name))
    return kept


async def test_a_sign_in_with_pkce_connects(office: Office, vendors: Vendors) -> None:
    key = await vendors.agreed("constant_contact")
    answer = await vendors.through_the_page(key)
    assert answer.headers.get("Location") == f"{BASE}/api/v1/oauth/done", answer.text
    account = (await stored(office, key)).account
    assert account is not None
    assert account.name == "Sandbox account 1"
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True


async def test_each_sign_in_has_a_challenge_of_its_own_that_nothing_kept_can_answer(
    office: Office, vendors: Vendors
) -> None:
    key = await vendors.agreed("constant_contact")
    pages = [await office.done("POST", f"/connections/{key}/connect", {}) for _ in range(2)]
    queries = [parse_qs(urlsplit(page["authorize_url"]).query) for page in pages]
    challenges = {query["code_challenge"][0] for query in queries}
    assert len(challenges) == 2
    assert {query["code_challenge_method"][0] for query in queries} == {"S256"}
    [one, two] = await office.services.storage.oauth_states.page(ALL)
    assert set(one.value.model_dump(exclude_defaults=True)) == {
        "connection_id",
        "by_id",
        "by_name",
        "expires_at",
    }
    assert not challenges & {one.key, two.key}


async def test_a_code_that_was_stolen_is_worth_nothing_in_another_sign_in(
    office: Office, vendors: Vendors
) -> None:
    victim = await vendors.agreed("constant_contact")
    stolen: list[str] = []

    async def steal(**query: str) -> httpx.Response:
        stolen.append(query["code"])
        return httpx.Response(200)

    come_back, office.come_back = office.come_back, steal  # type: ignore[method-assign]
    await vendors.through_the_page(victim)
    own = await vendors.agreed("constant_contact")
    answer = await come_back(state=await office.state(own), code=stolen[0])

    assert answer.status_code == 409
    assert (await stored(office, own)).account is None


async def test_removing_gives_the_tokens_back(office: Office, vendors: Vendors) -> None:
    key = await vendors.agreed("constant_contact")
    await vendors.through_the_page(key)
    tokens = vendors.constant_contact.tokens
    refresh = (await credentials(office, key))["refresh_token"]
    await office.done("DELETE", f"/connections/{key}")
    assert tokens.renew(refresh, office.clock.now().timestamp(), 60, True) is None


@pytest.mark.parametrize("kind", ["500", "401", "html-200", "reset"])
async def test_a_destination_that_takes_nothing_back_does_not_keep_the_connection(
    office: Office, vendors: Vendors, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    key = await vendors.agreed("constant_contact")
    await vendors.through_the_page(key)
    kept = await credentials(office, key)
    name = (await stored(office, key)).secret_name or ""

    def refuse(request: httpx.Request) -> httpx.Response:
        if kind == "reset":
            raise httpx.ReadError("planted", request=request)
        if kind == "html-200":
            return httpx.Response(200, text="<html>")
        return httpx.Response(int(kind), json={"error": "invalid_client"})

    vendors.use(httpx.MockTransport(refuse))
    with caplog.at_level(logging.INFO):
        await office.done("DELETE", f"/connections/{key}")

    assert f"credentials of connection {key} not revoked" in caplog.text
    assert not [value for value in kept.values() if value in caplog.text]
    with pytest.raises(Missing):
        await office.services.storage.secrets.get(name)


async def test_a_connection_whose_secret_is_gone_can_be_removed(
    office: Office, vendors: Vendors
) -> None:
    key = await vendors.agreed("constant_contact")
    await vendors.through_the_page(key)
    await office.services.storage.secrets.delete((await stored(office, key)).secret_name or "")
    await office.done("DELETE", f"/connections/{key}")


async def test_look_ups_refresh_tokens_that_ended(office: Office, vendors: Vendors) -> None:
    key = await vendors.agreed("constant_contact")
    await vendors.through_the_page(key)
    before = await credentials(office, key)
    office.clock.advance(86_400)
    assert len((await office.done("GET", f"/connections/{key}/lists"))["items"]) == 2
    assert await credentials(office, key) != before


async def test_signing_in_again_takes_nothing_back(office: Office, vendors: Vendors) -> None:
    key = await vendors.agreed("constant_contact")
    await vendors.through_the_page(key)
    await vendors.through_the_page(key)
    assert (await office.done("POST", f"/connections/{key}/check"))["ok"] is True
