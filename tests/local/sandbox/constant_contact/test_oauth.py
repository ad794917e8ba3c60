"""Signing in: PKCE or a secret, tokens that end, refresh tokens that work once."""

import re
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from local.sandbox.constant_contact.state import SCOPES, Sandbox
from local.sandbox.kit.state import PASSWORD
from tests.local.sandbox.conftest import REDIRECT, HandClock

BASE = "/oauth2/default/v1"
VERIFIER = "v" * 50
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = {
    "response_type": "code",
    "client_id": "the-client",
    "redirect_uri": REDIRECT,
    "scope": " ".join(SCOPES),
    "state": "s1",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
BASIC = {"Authorization": "Basic " + b64encode(b"the-client:the-secret").decode()}


async def code(http: httpx.AsyncClient, **changes: str) -> str:
    page = await http.get(f"{BASE}/authorize", params=ASKED | changes)
    form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    form |= {"username": "owner1@example.com", "password": PASSWORD, "decision": "allow"}
    back = await http.post(f"{BASE}/authorize", data=form)
    assert back.headers["location"].startswith(REDIRECT)
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert query["state"] == ["s1"]
    return query["code"][0]


async def trade(http: httpx.AsyncClient, clock: HandClock, **form: str) -> httpx.Response:
    clock.time += 1.1
    return await http.post(f"{BASE}/token", data=form, headers=BASIC)


async def signed_in(http: httpx.AsyncClient, clock: HandClock) -> dict[str, Any]:
    answer = await trade(
        http,
        clock,
        grant_type="authorization_code",
        code=await code(http),
        redirect_uri=REDIRECT,
        code_verifier=VERIFIER,
    )
    tokens: dict[str, Any] = answer.json()
    return tokens


async def summary(http: httpx.AsyncClient, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return (await http.get("/v3/account/summary", headers=headers)).status_code


async def test_a_code_gives_a_token_of_a_day(http: httpx.AsyncClient, clock: HandClock) -> None:
    tokens = await signed_in(http, clock)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["exp"] == clock.time + 86_400
    assert await summary(http, tokens["access_token"]) == 200
    clock.time += 86_401
    assert await summary(http, tokens["access_token"]) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another"},
        {"redirect_uri": "https://evil.test/"},
        {"response_type": "token"},
        {"scope": "everything"},
        {"state": ""},
        {"code_challenge_method": "plain"},
    ],
)
async def test_a_request_that_is_not_ours_never_leads_anywhere(
    http: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    answer = await http.get(f"{BASE}/authorize", params=ASKED | changes)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "wrong", [{"code": "x"}, {"redirect_uri": "http://else.test/"}, {"code_verifier": "w" * 50}]
)
async def test_a_wrong_trade_gives_nothing_and_spends_the_code(
    http: httpx.AsyncClient, clock: HandClock, wrong: dict[str, str]
) -> None:
    form = {
        "grant_type": "authorization_code",
        "code": await code(http),
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    answer = await trade(http, clock, **(form | wrong))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_refresh_token_works_once(http: httpx.AsyncClient, clock: HandClock) -> None:
    first = (await signed_in(http, clock))["refresh_token"]
    second = (await trade(http, clock, grant_type="refresh_token", refresh_token=first)).json()
    assert await summary(http, second["access_token"]) == 200
    again = await trade(http, clock, grant_type="refresh_token", refresh_token=first)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    third = await trade(
        http, clock, grant_type="refresh_token", refresh_token=second["refresh_token"]
    )
    assert third.status_code == 200


async def test_a_long_lived_refresh_token_works_until_it_was_not_used_for_180_days(
    http: httpx.AsyncClient, clock: HandClock, sandbox: Sandbox
) -> None:
    await http.patch("/sandbox/knobs", json={"rotating": False})
    token = (await signed_in(http, clock))["refresh_token"]
    for _ in range(3):
        clock.time += 179 * 86_400
        answer = await trade(http, clock, grant_type="refresh_token", refresh_token=token)
        assert answer.json()["refresh_token"] == token
    clock.time += 181 * 86_400
    answer = await trade(http, clock, grant_type="refresh_token", refresh_token=token)
    assert answer.status_code == 400


async def test_tokens_are_given_out_once_a_second(
    http: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for status in (400, 429):
        answer = await http.post(
            f"{BASE}/token", data={"grant_type": "refresh_token"}, headers=BASIC
        )
        assert answer.status_code == status
    assert sandbox.exceeded == {"token_requests": 1}


async def test_somebody_else_gets_nothing(http: httpx.AsyncClient, clock: HandClock) -> None:
    clock.time += 2
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": "another"}
    assert (await http.post(f"{BASE}/token", data=form)).json()["error"] == "invalid_client"


async def test_what_is_expired_can_be_refreshed_and_what_is_revoked_cannot(
    http: httpx.AsyncClient, clock: HandClock
) -> None:
    tokens = await signed_in(http, clock)
    await http.post("/sandbox/accounts/1/expire")
    assert await summary(http, tokens["access_token"]) == 401
    tokens = (
        await trade(http, clock, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    ).json()
    assert await summary(http, tokens["access_token"]) == 200
    form = {"token": tokens["refresh_token"]}
    assert (await http.post(f"{BASE}/revoke", data=form, headers=BASIC)).status_code == 200
    answer = await trade(
        http, clock, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    assert answer.status_code == 400


async def test_a_revoked_application_is_forbidden_everything(
    http: httpx.AsyncClient, clock: HandClock
) -> None:
    tokens = await signed_in(http, clock)
    await http.post("/sandbox/access", json={"revoked": True})
    assert await summary(http, tokens["access_token"]) == 403


async def test_a_user_for_campaigns_only_may_not_read_lists(
    http: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    await http.post("/sandbox/accounts/1/rights", json={"user": "campaigns only"})
    assert (await api.get("/contact_lists")).status_code == 403
    names = {each["privilege_name"] for each in (await api.get("/account/user/privileges")).json()}
    assert "contacts:write" not in names
