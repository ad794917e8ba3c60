"""Issues bearer tokens as an OIDC provider does, and answers as the managed-identity endpoint.

Tokens carry the claims of Microsoft Entra ID's v2.0 access tokens that the product reads, signed
RS256 with a key kept in the state folder. Tokens for people are minted by whoever can read that
folder (`token`, `mint`), never over HTTP. The managed-identity endpoint is the one of App Service
and Functions (api-version 2019-08-01), so that azure-identity works unchanged:
https://learn.microsoft.com/azure/app-service/overview-managed-identity

A token for storage names Entra's own issuer, because Azurite takes no other; it checks no signature.

Not reproduced: an interactive sign-in, consent, refresh tokens, key rotation, revocation, groups,
several tenants, user-assigned identities.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from local.addresses import SCOPE
from local.serving import HOST, serve

ROLES = ("administrator", "contributor", "viewer")
TENANT = "10000000-0000-4000-8000-000000000000"
STORAGE = "https://storage.azure.com"
_ENTRA = f"https://sts.windows.net/{TENANT}/"
_HOUR = 3600


@dataclass(frozen=True)
class Identity:
    """Somebody, or something, that a token speaks for."""

    name: str
    username: str | None  # a managed identity has none

    @property
    def object_id(self) -> str:
        """The same id on every machine, so that what is stored under it stays found."""
        return str(uuid.uuid5(uuid.UUID(TENANT), self.name))


PEOPLE = {role: Identity(f"Local {role}", f"{role}@local.example") for role in ROLES}
FUNCTIONS = Identity("Local functions host", None)


class SigningKey:
    """The issuer's RS256 key, made once under a state folder."""

    def __init__(self, state: Path) -> None:
        path = state / "signing-key.pem"
        if not path.exists():
            _make_key(path)
        self._pem = path.read_bytes()

    @cached_property
    def private(self) -> rsa.RSAPrivateKey:
        """The key that signs."""
        key = serialization.load_pem_private_key(self._pem, None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the signing key must be an RSA key")
        return key

    @cached_property
    def public_pem(self) -> bytes:
        """The key that verifies, as PEM."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @cached_property
    def id(self) -> str:
        """Names this key in token headers and in the key set."""
        return hashlib.sha256(self.public_pem).hexdigest()[:24]

    def jwks(self) -> dict[str, Any]:
        """The key set document."""
        key = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self.id, "use": "sig", "alg": "RS256"}]}


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # mkstemp makes the file 0600; linking keeps the key of whichever process came first.
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def mint(
    key: SigningKey,
    *,
    issuer: str,
    audience: str,
    identity: Identity,
    roles: Sequence[str] | None = None,
    scope: str = SCOPE,
    lifetime: float = 8 * _HOUR,
    now: float | None = None,
    algorithm: str = "RS256",
) -> str:
    """A signed token; `lifetime` in seconds, negative for one that has expired.

    `roles=None` leaves the claim out. Tokens for people have `scope` as `scp`; a managed identity's have
    none. `algorithm` "none" and "HS256" make the two forgeries that a
    validator must refuse: no signature, and the public key used as an HMAC secret.
    """
    issued = int(time.time() if now is None else now)
    claims: dict[str, Any] = {
        "ver": "2.0",
        "iss": issuer,
        "aud": audience,
        "tid": TENANT,
        "oid": identity.object_id,
        "sub": hashlib.sha256(f"{audience} {identity.object_id}".encode()).hexdigest()[:43],
        "iat": issued + min(0, int(lifetime)),
        "nbf": issued + min(0, int(lifetime)),
        "exp": issued + int(lifetime),
        "uti": secrets.token_urlsafe(16),
    }
    if identity.username is None:
        claims["idtyp"] = "app"
    else:
        claims |= {
            "name": identity.name,
            "preferred_username": identity.username,
            "scp": scope,
        }
    if roles is not None:
        claims["roles"] = list(roles)
    if algorithm == "HS256":
        return _confused(key, claims)
    headers = {"kid": key.id}
    return jwt.encode(
        claims, "" if algorithm == "none" else key.private, algorithm=algorithm, headers=headers
    )


def _confused(key: SigningKey, claims: dict[str, Any]) -> str:
    # PyJWT rightly refuses to make such a token, so it is put together by hand.
    header = {"alg": "HS256", "typ": "JWT", "kid": key.id}
    body = b".".join(_segment(json.dumps(part).encode()) for part in (header, claims))
    return (body + b"." + _segment(hmac.digest(key.public_pem, body, "sha256"))).decode()


def _segment(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def token(state: Path, issuer: str, audience: str, role: str, *, hours: float = 8) -> str:
    """A bearer token of the local account that has `role`.

    Raises ValueError if there is no such role.
    """
    if role not in ROLES:
        raise ValueError(f"no role {role!r}: choose one of {', '.join(ROLES)}")
    return mint(
        SigningKey(state),
        issuer=issuer,
        audience=audience,
        identity=PEOPLE[role],
        roles=[role],
        lifetime=hours * _HOUR,
    )


def create_app(key: SigningKey, *, issuer: str, identity_header: str) -> Starlette:
    """The issuer's documents and, at `/msi/token`, the managed-identity endpoint.

    `identity_header` is the secret that only the host's own processes know (Azure's
    `IDENTITY_HEADER`).
    """

    async def health(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    async def discovery(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(key.jwks())

    async def managed_identity(request: Request) -> JSONResponse:
        given = request.headers.get("x-identity-header", "")
        if not hmac.compare_digest(given.encode(), identity_header.encode()):
            return _refused(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.query_params.get("api-version") != "2019-08-01":
            return _refused(400, "The api-version must be 2019-08-01.")
        resource = request.query_params.get("resource")
        if not resource:
            return _refused(400, "The resource is missing.")
        now = time.time()
        lifetime = 24 * _HOUR  # what App Service gives
        access_token = mint(
            key,
            issuer=_ENTRA if resource == STORAGE else issuer,
            audience=resource,
            identity=FUNCTIONS,
            lifetime=lifetime,
            now=now,
        )
        return JSONResponse(
            {
                "access_token": access_token,
                "expires_on": str(int(now) + lifetime),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": FUNCTIONS.object_id,
            }
        )

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/.well-known/openid-configuration", discovery),
            Route("/jwks", jwks),
            Route("/msi/token", managed_identity),
        ]
    )


def _refused(status: int, message: str) -> JSONResponse:
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m local.identity")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of the signing key")
    parser.add_argument("--issuer", help="default http://127.0.0.1:PORT")
    parser.add_argument(
        "--identity-header",
        default=os.environ.get("IDENTITY_HEADER"),
        help="the managed-identity secret; default the variable IDENTITY_HEADER",
    )
    options = parser.parse_args()
    if not options.identity_header:
        parser.error("give --identity-header or set IDENTITY_HEADER")
    issuer = options.issuer or f"http://{HOST}:{options.port}"
    app = create_app(
        SigningKey(options.state), issuer=issuer, identity_header=options.identity_header
    )
    serve(app, port=options.port)


if __name__ == "__main__":
    main()
