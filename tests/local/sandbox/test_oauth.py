import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from local.sandbox.mailchimp.app import create_app
from local.sandbox.mailchimp.state import Sandbox, Tokens
from tests.local.sandbox.conftest import REDIRECT, HandClock

ASKED = {
    "response_type": "code",
    "client_id": "the-client",
    "redirect_uri": REDIRECT,
    "state": 'a"<b>&c',
}


def form_of(page: str) -> dict[str, str]:
    """What a browser would send of the form's hidden inputs."""
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page)
    return {unescape(name): unescape(value) for name, value in hidden}


def allow(page: str, username: str = "owner1@example.com") -> dict[str, str]:
    return form_of(page) | {"username": username, "password": "sandbox", "decision": "allow"}


def exchange(code: str, **other: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "the-client",
        "client_secret": "the-secret",
        "redirect_uri": REDIRECT,
        "code": code,
    } | other


async def a_code(http: httpx.AsyncClient) -> str:
    page = await http.get("/oauth2/authorize", params=ASKED)
    answer = await http.post("/oauth2/authorize", data=allow(page.text))
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def test_a_person_signs_in_and_the_token_reaches_the_api(served: tuple[str, Sandbox]) -> None:
    url, _ = served
    with httpx.Client(base_url=url) as http:
        page = http.get("/oauth2/authorize", params=ASKED)
        assert page.headers["content-type"].startswith("text/html")
        wrong = http.post("/oauth2/authorize", data=allow(page.text) | {"password": "guess"})
        assert "do not match" in wrong.text
        back = http.post("/oauth2/authorize", data=allow(wrong.text, "Owner2@example.com"))
        assert back.status_code == 302
        assert back.headers["location"].startswith(f"{REDIRECT}?")
        returned = parse_qs(urlsplit(back.headers["location"]).query)
        assert returned["state"] == [ASKED["state"]]

        reply = http.post("/oauth2/token", data=exchange(returned["code"][0])).json()
        assert reply["expires_in"] == 0
        assert reply["scope"] is None
        token = reply["access_token"]

        known = http.get("/oauth2/metadata", headers={"Authorization": f"OAuth {token}"}).json()
        assert known["dc"] == "us2"
        assert known["api_endpoint"] == "https://us2.api.mailchimp.com"
        assert known["login"]["email"] == "owner2@example.com"

        for scheme in ("Bearer", "OAuth"):
            headers = {"Authorization": f"{scheme} {token}"}
            ping = http.get("/us2/3.0/ping", headers=headers)
            assert ping.json() == {"health_status": "Everything's Chimpy!"}
            assert http.get("/us1/3.0/ping", headers=headers).status_code == 403

        assert http.post("/sandbox/accounts/2/revoke").json() == {"revoked": 1}
        refused = http.get("/us2/3.0/ping", headers=headers)
        assert refused.status_code == 401
        assert refused.json()["title"] == "API Key Invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "another"},
        {"redirect_uri": REDIRECT + "/"},
        {"redirect_uri": "http://elsewhere.test"},
        {"response_type": "token"},
    ],
)
async def test_a_wrong_request_gets_a_page_and_never_a_redirect(
    api: httpx.AsyncClient, wrong: dict[str, str]
) -> None:
    asked = ASKED | wrong
    signed = asked | {"username": "owner1@example.com", "password": "sandbox"}
    for answer in (
        await api.get("/oauth2/authorize", params=asked),
        await api.post("/oauth2/authorize", data=signed),
    ):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "password" not in answer.text


async def test_denying_goes_back_without_a_code(api: httpx.AsyncClient) -> None:
    answer = await api.post("/oauth2/authorize", data=ASKED | {"decision": "deny"})
    returned = parse_qs(urlsplit(answer.headers["location"]).query)
    assert returned == {"error": ["access_denied"], "state": [ASKED["state"]]}


async def test_a_code_works_once(api: httpx.AsyncClient) -> None:
    code = await a_code(api)
    assert (await api.post("/oauth2/token", data=exchange(code))).status_code == 200
    again = await api.post("/oauth2/token", data=exchange(code))
    assert again.status_code == 400
    assert again.json()["error"] == "invalid_grant"


async def test_a_code_works_for_60_seconds(api: httpx.AsyncClient, clock: HandClock) -> None:
    in_time, late = await a_code(api), await a_code(api)
    clock.time += 60
    assert (await api.post("/oauth2/token", data=exchange(in_time))).status_code == 200
    clock.time += 0.1
    assert (await api.post("/oauth2/token", data=exchange(late))).status_code == 400


@pytest.mark.parametrize(
    ("wrong", "status", "error"),
    [
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"client_secret": "é"}, 401, "invalid_client"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"redirect_uri": "http://elsewhere.test"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
    ],
)
async def test_an_exchange_wrong_in_one_way_is_refused(
    api: httpx.AsyncClient, wrong: dict[str, str], status: int, error: str
) -> None:
    answer = await api.post("/oauth2/token", data=exchange(await a_code(api), **wrong))
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("header", [{}, {"Authorization": "OAuth made-up"}])
async def test_metadata_answers_200_with_an_error_for_a_bad_token(
    api: httpx.AsyncClient, header: dict[str, str]
) -> None:
    api.headers.pop("Authorization")
    answer = await api.get("/oauth2/metadata", headers=header)
    assert answer.status_code == 200
    assert answer.json()["error"] == "invalid_token"
    assert "dc" not in answer.json()


async def test_tokens_survive_a_restart(clock: HandClock, tmp_path: Path) -> None:
    file = tmp_path / "state" / "tokens.json"

    def restarted() -> httpx.AsyncClient:
        sandbox = Sandbox(clock, "the-client", "the-secret", (REDIRECT,), tokens=Tokens(file))
        transport = httpx.ASGITransport(create_app(sandbox))
        return httpx.AsyncClient(transport=transport, base_url="http://sandbox.test")

    async with restarted() as http:
        reply = (await http.post("/oauth2/token", data=exchange(await a_code(http)))).json()
    headers = {"Authorization": f"Bearer {reply['access_token']}"}
    async with restarted() as http:
        assert (await http.get("/3.0/ping", headers=headers)).status_code == 200
    assert file.stat().st_mode & 0o777 == 0o600
