from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.api.paths import CALLBACK, addresses_at
from shared.storage.entries import ALL, OAuthState
from tests.api.office import BASE, Office


async def agreed(office: Office) -> str:
    key = await office.draft()
    await office.agree(key)
    return key


@asynccontextmanager
async def browser(office: Office, base: str = BASE) -> AsyncIterator[httpx.AsyncClient]:
    """A client that keeps its cookies, as a browser does."""
    transport = httpx.ASGITransport(office.app)
    token = office.issuer.token("administrator")
    bearer = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url=base, headers=bearer) as client:
        yield client


async def begin(client: httpx.AsyncClient, key: str) -> tuple[str, httpx.Response]:
    """Begin a sign-in that returns to the portal; return its state and the answer."""
    body = {"return_to_portal": True}
    answer = await client.post(f"/api/v1/connections/{key}/connect", json=body)
    assert answer.status_code == 200, answer.text
    return parse_qs(urlsplit(answer.json()["authorize_url"]).query)["state"][0], answer


async def come_back(office: Office, client: httpx.AsyncClient, state: str) -> httpx.Response:
    return await client.get(CALLBACK, params={"state": state, "code": office.accounts.allow()})


def only_cookie(answer: httpx.Response) -> tuple[str, str, dict[str, str]]:
    """Return name, value and attributes of the one cookie that an answer sets."""
    [header] = answer.headers.get_list("Set-Cookie")
    [(name, cookie)] = SimpleCookie(header).items()
    return name, cookie.value, {what: str(value) for what, value in cookie.items() if value}


async def test_the_browser_that_began_a_sign_in_ends_it(office: Office) -> None:
    async with browser(office) as client:
        state, _ = await begin(client, await agreed(office))
        answer = await come_back(office, client, state)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{BASE}/api/v1/oauth/done"


async def test_another_browser_is_refused_and_uses_nothing_up(office: Office) -> None:
    key = await agreed(office)
    async with browser(office) as mine, browser(office) as anothers:
        state, _ = await begin(mine, key)
        await begin(anothers, key)
        for stranger in (anothers, office.http):
            refused = await come_back(office, stranger, state)
            assert refused.status_code == 400
            assert "begun in another browser" in refused.text
            assert state not in refused.text
        assert office.accounts.paths == []
        assert (await come_back(office, mine, state)).status_code == 303


@pytest.mark.parametrize("value", ["", "guessed", "a" * 43, "a" * 5000, '"é"'])
async def test_a_cookie_that_was_not_given_is_refused(office: Office, value: str) -> None:
    async with browser(office) as client:
        state, answer = await begin(client, await agreed(office))
    cookie = f"{only_cookie(answer)[0]}={value}".encode()
    query = {"state": state, "code": office.accounts.allow()}
    back = await office.http.get(CALLBACK, params=query, headers={b"Cookie": cookie})
    assert back.status_code == 400


async def test_two_sign_ins_of_one_browser_do_not_disturb_each_other(office: Office) -> None:
    async with browser(office) as client:
        first, _ = await begin(client, await agreed(office))
        second, _ = await begin(client, await agreed(office))
        for state in (first, second):
            assert (await come_back(office, client, state)).status_code == 303


async def test_on_https_the_cookie_is_of_this_host_alone(office: Office) -> None:
    async with browser(office) as client:
        name, value, attributes = only_cookie((await begin(client, await agreed(office)))[1])
    assert name.startswith("__Host-")
    assert len(value) >= 43  # 256 bits
    assert attributes == {
        "path": "/",
        "secure": "True",
        "httponly": "True",
        "samesite": "lax",
        "max-age": "600",
    }


@pytest.mark.parametrize("host", ["localhost:7071", "127.0.0.1:7071", "[::1]:7071"])
async def test_on_this_machine_itself_the_cookie_needs_no_https(office: Office, host: str) -> None:
    base = f"http://{host}"
    office.services = replace(office.services, addresses=addresses_at(base))
    async with browser(office, base) as client:
        state, answer = await begin(client, await agreed(office))
        name, _, attributes = only_cookie(answer)
        assert not name.startswith("__")
        assert attributes.keys() == {"path", "httponly", "samesite", "max-age"}
        office.accounts.redirect_uri = base + CALLBACK
        assert (await come_back(office, client, state)).status_code == 303


async def test_http_that_leads_elsewhere_is_not_trusted_with_the_cookie(office: Office) -> None:
    office.services = replace(office.services, addresses=addresses_at("http://exports.test"))
    async with browser(office) as client:
        name, _, attributes = only_cookie((await begin(client, await agreed(office)))[1])
    assert name.startswith("__Host-")
    assert "secure" in attributes


async def test_the_key_of_a_browser_is_kept_only_as_a_digest(office: Office) -> None:
    async with browser(office) as client:
        _, answer = await begin(client, await agreed(office))
    [kept] = await office.services.storage.oauth_states.page(ALL)
    assert kept.value.browser is not None
    assert only_cookie(answer)[1] not in kept.key + kept.value.model_dump_json()


@pytest.mark.parametrize("body", [None, {}, {"return_to_portal": False}])
async def test_who_does_not_return_to_the_portal_is_bound_to_no_browser(
    office: Office, body: dict[str, bool] | None
) -> None:
    key = await agreed(office)
    page = await office.ask("POST", f"/connections/{key}/connect", body)
    assert "Set-Cookie" not in page.headers
    state = parse_qs(urlsplit(page.json()["authorize_url"]).query)["state"][0]
    assert (await come_back(office, office.http, state)).status_code == 303


async def test_a_sign_in_that_the_version_before_began_goes_on(office: Office) -> None:
    state = await office.state(await agreed(office))
    records = office.services.storage.oauth_states
    [kept] = await records.page(ALL)
    was = kept.value.model_dump(mode="json", exclude={"browser", "allow_other_account"})
    await records.put(ALL, kept.key, OAuthState.model_validate(was))
    assert (await come_back(office, office.http, state)).status_code == 303


@pytest.mark.parametrize("given", ["yes", 1, None])
@pytest.mark.parametrize("member", ["return_to_portal", "allow_other_account"])
async def test_a_choice_is_true_or_false(office: Office, member: str, given: object) -> None:
    answer = await office.ask(
        "POST", f"/connections/{await agreed(office)}/connect", {member: given}
    )
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [f"/{member}"]
