"""Who a token speaks for, which tokens are refused, and when the issuer is asked for its keys."""

import asyncio
from typing import Any

import httpx
import jwt
import pytest

from local.identity import FUNCTIONS, PEOPLE, SigningKey
from shared.api.issuer_keys import IssuerKeys
from shared.api.tokens import TokenCheck
from tests.api.office import Office
from tests.fakes.clock import FakeClock
from tests.fakes.identity import AUDIENCE, ISSUER, SCOPE


async def me(office: Office, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return await office.http.get("/api/v1/me", headers=headers)


@pytest.mark.parametrize("role", ["administrator", "contributor", "viewer"])
async def test_a_token_says_who_calls(office: Office, role: str) -> None:
    answer = await me(office, office.issuer.token(role))
    assert answer.json() == {
        "id": PEOPLE[role].object_id,
        "name": PEOPLE[role].name,
        "role": role,
        "language": None,
    }


async def test_the_strongest_of_several_roles_counts(office: Office) -> None:
    token = office.issuer.token("viewer", roles=["viewer", "something.else", "contributor"])
    assert (await me(office, token)).json()["role"] == "contributor"


async def test_a_program_without_a_name_is_called_by_its_id(office: Office) -> None:
    answer = await me(office, office.issuer.token("viewer", identity=FUNCTIONS))
    assert answer.json()["name"] == FUNCTIONS.object_id


@pytest.mark.parametrize(
    "spoilt",
    [
        {"issuer": "https://issuer.test"},
        {"issuer": "https://issuer.test/v2.0/"},
        {"audience": "api://another-app"},
        {"lifetime": -1},
        {"now": 4_000_000_000},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
    ],
    ids=lambda spoilt: "-".join(map(str, *spoilt.items())),
)
async def test_a_spoilt_token_is_refused(office: Office, spoilt: dict[str, Any]) -> None:
    answer = await me(office, office.issuer.token("administrator", **spoilt))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_token_signed_with_another_key_under_our_key_id_is_refused(
    office: Office, other_key: SigningKey
) -> None:
    claims = jwt.decode(office.issuer.token("administrator"), options={"verify_signature": False})
    forged = jwt.encode(
        claims, other_key.private, algorithm="RS256", headers={"kid": office.issuer.key.id}
    )
    assert (await me(office, forged)).status_code == 401


async def test_a_token_of_an_unknown_key_is_refused(office: Office, other_key: SigningKey) -> None:
    assert (
        await me(office, office.issuer.token("administrator", key=other_key))
    ).status_code == 401


@pytest.mark.parametrize("missing", ["exp", "nbf", "iss", "aud", "sub"])
async def test_a_token_that_lacks_a_claim_is_refused(office: Office, missing: str) -> None:
    claims = jwt.decode(office.issuer.token("administrator"), options={"verify_signature": False})
    del claims[missing]
    key = office.issuer.key
    token = jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.id})
    assert (await me(office, token)).status_code == 401


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer nonsense", "Bearer a.b.c"]
)
async def test_what_is_no_token_is_refused(office: Office, header: str) -> None:
    answer = await office.http.get("/api/v1/me", headers={"Authorization": header})
    assert answer.status_code == 401


async def test_nobody_is_asked_for_a_token_without_being_called_a_forger(office: Office) -> None:
    answer = await office.http.get("/api/v1/me")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_an_identity_header_of_a_proxy_is_not_trusted(office: Office) -> None:
    headers = {"X-MS-CLIENT-PRINCIPAL-NAME": "root", "X-MS-CLIENT-PRINCIPAL": "e30="}
    assert (await office.http.get("/api/v1/me", headers=headers)).status_code == 401


@pytest.mark.parametrize("roles", [None, [], ["Administrator"], ["owner"]])
async def test_without_a_role_of_ours_a_sentence_says_what_to_ask_for(
    office: Office, roles: list[str] | None
) -> None:
    answer = await me(office, office.issuer.token("viewer", roles=roles))
    assert answer.status_code == 403
    assert "Ask whoever administers it for the role" in answer.json()["detail"]


async def test_roles_as_a_string_are_no_roles(office: Office) -> None:
    claims = jwt.decode(office.issuer.token("viewer"), options={"verify_signature": False})
    claims["roles"] = "administrator"
    key = office.issuer.key
    token = jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.id})
    assert (await me(office, token)).status_code == 403


def with_claims(office: Office, changes: dict[str, Any], **of_mint: Any) -> str:
    """Return a right token with claims changed, or taken away where they are None."""
    claims = jwt.decode(
        office.issuer.token("administrator", **of_mint), options={"verify_signature": False}
    )
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    key = office.issuer.key
    return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.id})


@pytest.mark.parametrize(
    "scopes", [None, "", "openid profile", f"{SCOPE}s", SCOPE.upper(), [SCOPE], f"a,{SCOPE}", 1]
)
async def test_a_persons_token_without_the_scope_of_the_api_is_refused(
    office: Office, scopes: object
) -> None:
    answer = await me(office, with_claims(office, {"scp": scopes}))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "an access token that has the API's scope" in answer.json()["detail"]


async def test_a_token_may_have_other_scopes_as_well(office: Office) -> None:
    token = with_claims(office, {"scp": f"a {SCOPE} z"})
    assert (await me(office, token)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "n-0S6", "name": None, "preferred_username": None},
        {"at_hash": "x", "name": None, "preferred_username": None},
        {"c_hash": "x", "name": None, "preferred_username": None},
        {},
        {"name": None},
        {"preferred_username": None},
        {"name": None, "preferred_username": None, "email": "someone@example.com"},
        {"name": None, "preferred_username": None, "oid": None},
        {"idtyp": "user", "name": None, "preferred_username": None},
    ],
)
async def test_an_id_token_is_refused_though_it_is_for_the_same_audience_and_has_roles(
    office: Office, claims: dict[str, Any]
) -> None:
    answer = await me(office, with_claims(office, {"scp": None} | claims))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_an_id_token_is_refused_whatever_scope_it_has(office: Office) -> None:
    assert (await me(office, with_claims(office, {"nonce": "n-0S6"}))).status_code == 401


@pytest.mark.parametrize("kind", ["app", None])
async def test_a_programs_own_token_needs_a_role_and_no_scope(
    office: Office, kind: str | None
) -> None:
    token = with_claims(office, {"idtyp": kind}, identity=FUNCTIONS)
    assert (await me(office, token)).json()["role"] == "administrator"
    token = with_claims(office, {"idtyp": kind, "roles": None}, identity=FUNCTIONS)
    assert (await me(office, token)).status_code == 403


async def test_keys_are_fetched_once_for_many_calls(office: Office) -> None:
    for _ in range(3):
        await me(office, office.issuer.token("viewer"))
    assert len(office.issuer.asked) == 2


async def test_a_new_key_is_found_once_the_cooldown_is_over(
    office: Office, other_key: SigningKey
) -> None:
    await me(office, office.issuer.token("viewer"))
    office.issuer.key = other_key

    assert (await me(office, office.issuer.token("viewer"))).status_code == 401
    office.clock.advance(30)
    assert (await me(office, office.issuer.token("viewer"))).status_code == 200


async def fetched(office: Office, times: int) -> None:
    """Let the task that fetches keys come to its end or to where the issuer is silent."""
    for _ in range(50):  # turns of the loop, which costs no time; it takes fewer
        await asyncio.sleep(0)
    assert len(office.issuer.asked) >= times


def made_up(office: Office, key_id: str) -> str:
    key = office.issuer.key
    return jwt.encode({"sub": "x"}, key.private, algorithm="RS256", headers={"kid": key_id})


async def test_made_up_key_ids_do_not_make_us_ask_all_the_time(office: Office) -> None:
    for number in range(10):
        office.clock.advance(6)
        assert (await me(office, made_up(office, f"made-up-{number}"))).status_code == 401
    assert len(office.issuer.asked) == 4


async def test_a_made_up_key_id_that_comes_again_costs_nothing(office: Office) -> None:
    for _ in range(10):
        office.clock.advance(60)
        assert (await me(office, made_up(office, "made-up"))).status_code == 401
    assert len(office.issuer.asked) == 2


async def test_no_more_than_a_thousand_made_up_key_ids_are_remembered(office: Office) -> None:
    keys = IssuerKeys(httpx.AsyncClient(transport=office.issuer), ISSUER, office.clock)

    async def asked_for(number: int) -> int:
        office.clock.advance(30)
        before = len(office.issuer.asked)
        with pytest.raises(jwt.InvalidKeyError):
            await keys.find(f"made-up-{number}")
        return len(office.issuer.asked) - before

    for number in range(1_100):
        assert await asked_for(number) == 2
    assert [await asked_for(number) for number in (1_099, 100, 99)] == [0, 0, 2]


@pytest.mark.parametrize("key_id", ["", "x" * 201, "é", "a\nb", 7, None, ["a"]])
async def test_what_can_be_no_key_id_is_not_even_looked_for(office: Office, key_id: Any) -> None:
    keys = IssuerKeys(httpx.AsyncClient(transport=office.issuer), ISSUER, office.clock)
    with pytest.raises(jwt.InvalidKeyError):
        await keys.find(key_id)
    assert office.issuer.asked == []


async def test_known_keys_are_answered_at_once_while_one_task_fetches_them_anew(
    office: Office,
) -> None:
    await me(office, office.issuer.token("viewer"))
    office.clock.advance(3601)
    office.issuer.silent = asyncio.Event()
    for _ in range(5):
        assert (await me(office, office.issuer.token("viewer"))).status_code == 200
        await fetched(office, 3)
        office.clock.advance(60)
    assert len(office.issuer.asked) == 3
    office.issuer.silent.set()


async def test_a_made_up_key_id_that_waits_for_the_issuer_holds_nobody_up(office: Office) -> None:
    await me(office, office.issuer.token("viewer"))
    office.clock.advance(60)
    office.issuer.silent = asyncio.Event()
    waiting = asyncio.create_task(me(office, made_up(office, "made-up")))
    await fetched(office, 3)
    assert (await me(office, office.issuer.token("viewer"))).status_code == 200
    assert not waiting.done()
    office.issuer.silent.set()
    assert (await waiting).status_code == 401


async def test_a_caller_who_gives_up_does_not_end_the_fetch_for_others(office: Office) -> None:
    office.issuer.silent = asyncio.Event()
    first, second = (
        asyncio.create_task(me(office, office.issuer.token("viewer"))) for _ in range(2)
    )
    await fetched(office, 1)
    first.cancel()
    office.issuer.silent.set()
    assert (await second).status_code == 200
    assert len(office.issuer.asked) == 2


async def test_the_very_first_callers_share_one_fetch(office: Office) -> None:
    tokens = [office.issuer.token("viewer") for _ in range(20)]
    answers = await asyncio.gather(*(me(office, token) for token in tokens))
    assert {answer.status_code for answer in answers} == {200}
    assert len(office.issuer.asked) == 2


async def test_a_key_that_the_issuer_withdrew_stops_working_within_an_hour(
    office: Office, signing_key: SigningKey, other_key: SigningKey
) -> None:
    await me(office, office.issuer.token("viewer"))
    office.issuer.key = other_key
    office.clock.advance(3001)
    withdrawn = office.issuer.token("viewer", key=signing_key)
    assert (await me(office, withdrawn)).status_code == 200  # and has the keys fetched anew
    await fetched(office, 4)
    office.clock.advance(598)
    assert (await me(office, withdrawn)).status_code == 401


async def test_known_keys_go_on_for_a_day_while_the_issuer_is_down(office: Office) -> None:
    await me(office, office.issuer.token("viewer"))
    office.issuer.down = True
    for _ in range(23):
        office.clock.advance(3600)
        asked = len(office.issuer.asked)
        assert (await me(office, office.issuer.token("viewer"))).status_code == 200
        await fetched(office, asked + 1)
    office.clock.advance(3601)
    asked = len(office.issuer.asked)
    assert (await me(office, office.issuer.token("viewer"))).status_code == 503
    assert len(office.issuer.asked) == asked + 1
    office.issuer.down = False
    office.clock.advance(30)
    assert (await me(office, office.issuer.token("viewer"))).status_code == 200


async def test_without_keys_the_caller_is_told_to_try_later(office: Office) -> None:
    office.issuer.down = True
    answer = await me(office, office.issuer.token("viewer"))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "https://evil.test"},
        {"jwks_uri": "http://keys.test/jwks"},
        {"jwks_uri": "file:///x"},
    ],
)
async def test_a_discovery_document_that_cannot_be_trusted_gives_no_keys(
    office: Office, published: dict[str, str]
) -> None:
    for name, value in published.items():
        setattr(office.issuer, name, value)
    assert (await me(office, office.issuer.token("administrator"))).status_code == 503


@pytest.mark.parametrize("issuer", ["http://issuer.test", "ftp://issuer.test", "issuer.test", ""])
def test_an_issuer_that_could_be_forged_on_the_way_is_refused(issuer: str) -> None:
    with pytest.raises(ValueError, match="https"):
        TokenCheck(httpx.AsyncClient(), issuer, AUDIENCE, SCOPE, FakeClock())


@pytest.mark.parametrize("issuer", [ISSUER, "http://127.0.0.1:9000", "http://localhost:9000"])
def test_an_issuer_on_https_or_on_this_machine_is_accepted(issuer: str) -> None:
    TokenCheck(httpx.AsyncClient(), issuer, AUDIENCE, SCOPE, FakeClock())
