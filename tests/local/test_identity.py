import base64
import json
import stat
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.identity import DefaultAzureCredential

from local import identity
from local.identity import PEOPLE, SigningKey
from tests.local.servers import serving

ISSUER = "http://issuer.test"
AUDIENCE = "api://segment-exports"


def client(state: Path) -> httpx.AsyncClient:
    app = identity.create_app(SigningKey(state), issuer=ISSUER, identity_header="planted")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


async def accepted(state: Path, token: str) -> dict[str, Any]:
    """What a validator that knows only the issuer's address makes of `token`."""
    async with client(state) as http:
        found = (await http.get("/.well-known/openid-configuration")).json()
        keys = (await http.get(found["jwks_uri"])).json()
    key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=found["issuer"]
    )
    return claims


@pytest.mark.parametrize("role", identity.ROLES)
async def test_a_token_for_each_role_passes_a_validator(tmp_path: Path, role: str) -> None:
    claims = await accepted(tmp_path, identity.token(tmp_path, ISSUER, AUDIENCE, role))

    assert claims["roles"] == [role]
    assert claims["name"] == f"Local {role}"
    assert claims["ver"] == "2.0"
    assert claims["exp"] - claims["iat"] == 8 * 3600


def test_a_token_lives_the_hours_asked_for(tmp_path: Path) -> None:
    token = identity.token(tmp_path, ISSUER, AUDIENCE, "viewer", hours=0.5)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 1800


def test_an_account_keeps_its_ids_and_no_two_accounts_share_one(tmp_path: Path) -> None:
    def oid(state: Path, role: str) -> str:
        token = identity.token(state, ISSUER, AUDIENCE, role)
        return str(jwt.decode(token, options={"verify_signature": False})["oid"])

    assert oid(tmp_path / "one", "viewer") == oid(tmp_path / "two", "viewer")
    assert len({oid(tmp_path, role) for role in identity.ROLES}) == len(identity.ROLES)


def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="administrator, contributor, viewer"):
        identity.token(tmp_path, ISSUER, AUDIENCE, "owner")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"issuer": "http://other.test"}, jwt.InvalidIssuerError),
        ({"audience": "api://other"}, jwt.InvalidAudienceError),
        ({"lifetime": -1}, jwt.ExpiredSignatureError),
        ({"algorithm": "none"}, jwt.InvalidAlgorithmError),
        ({"algorithm": "HS256"}, jwt.InvalidAlgorithmError),
    ],
)
async def test_a_token_wrong_in_one_way_fails_for_that(
    tmp_path: Path, wrong: dict[str, Any], error: type[Exception]
) -> None:
    right: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "identity": PEOPLE["viewer"]}
    with pytest.raises(error):
        await accepted(tmp_path, identity.mint(SigningKey(tmp_path), **(right | wrong)))


def test_the_hs256_forgery_is_signed_with_the_public_key(tmp_path: Path) -> None:
    key = SigningKey(tmp_path)
    token = identity.mint(
        key, issuer=ISSUER, audience=AUDIENCE, identity=PEOPLE["viewer"], algorithm="HS256"
    )
    head, _, signature = token.rpartition(".")
    algorithm = jwt.get_algorithm_by_name("HS256")
    assert algorithm.verify(
        head.encode(), key.public_pem, base64.urlsafe_b64decode(signature + "=")
    )
    assert json.loads(base64.urlsafe_b64decode(head.split(".")[0] + "=="))["kid"] == key.id


def test_roles_can_be_left_out(tmp_path: Path) -> None:
    token = identity.mint(
        SigningKey(tmp_path), issuer=ISSUER, audience=AUDIENCE, identity=PEOPLE["viewer"]
    )
    assert "roles" not in jwt.decode(token, options={"verify_signature": False})


def test_the_key_survives_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    assert SigningKey(tmp_path).id == SigningKey(tmp_path).id
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_token_of_another_issuers_key_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        await accepted(
            tmp_path / "one", identity.token(tmp_path / "two", ISSUER, AUDIENCE, "viewer")
        )


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        ({}, {"api-version": "2019-08-01", "resource": "r"}, 401),
        ({"X-IDENTITY-HEADER": "é"}, {"api-version": "2019-08-01", "resource": "r"}, 401),
        ({"X-IDENTITY-HEADER": "planted"}, {"api-version": "2017-09-01", "resource": "r"}, 400),
        ({"X-IDENTITY-HEADER": "planted"}, {"api-version": "2019-08-01"}, 400),
    ],
)
async def test_the_managed_identity_refuses(
    tmp_path: Path, header: dict[str, str], query: dict[str, str], status: int
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in header.items()]
    async with client(tmp_path) as http:
        answer = await http.get("/msi/token", headers=raw, params=query)
    assert answer.status_code == status
    assert "access_token" not in answer.text


async def test_health_needs_no_token(tmp_path: Path) -> None:
    async with client(tmp_path) as http:
        assert (await http.get("/health")).status_code == 200


@pytest.mark.parametrize(
    ("resource", "issuer"),
    [
        ("https://vault.test", ISSUER),
        (identity.STORAGE, f"https://sts.windows.net/{identity.TENANT}/"),
    ],
)
def test_the_official_credential_gets_a_token_for_the_resource(
    resource: str, issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = identity.create_app(SigningKey(tmp_path), issuer=ISSUER, identity_header="planted")
    with serving(app) as url:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "planted")
        with DefaultAzureCredential() as credential:
            token = credential.get_token(f"{resource}/.default").token

    claims = jwt.decode(
        token,
        SigningKey(tmp_path).public_pem,
        algorithms=["RS256"],
        audience=resource,
        issuer=issuer,
    )
    assert claims["idtyp"] == "app"
    assert "roles" not in claims
