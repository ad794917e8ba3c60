"""An OIDC issuer in memory, whose tokens a test can spoil in every way."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from local.identity import PEOPLE, SigningKey, mint

ISSUER = "https://issuer.test/v2.0"
AUDIENCE = "api://segment-exports"
SCOPE = "use_exports"


@dataclass
class FakeIssuer(httpx.AsyncBaseTransport):
    """Publishes one key, or none while `down`."""

    key: SigningKey
    issuer: str = ISSUER
    jwks_uri: str = "https://keys.test/jwks"
    down: bool = False
    silent: asyncio.Event | None = None  # until it is set, nothing is answered
    asked: list[str] = field(default_factory=list)

    def token(self, role: str, **changes: Any) -> str:
        """Return a token of the person with this role; changes are arguments of `mint`."""
        right: dict[str, Any] = {
            "key": self.key,
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "identity": PEOPLE[role],
            "roles": [role],
            "scope": SCOPE,
        }
        return mint(**(right | changes))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer discovery and the key set."""
        url = str(request.url)
        self.asked.append(url)
        if self.silent:
            await self.silent.wait()
        if self.down:
            raise httpx.ConnectError("down")
        if url == f"{ISSUER}/.well-known/openid-configuration":
            return httpx.Response(200, json={"issuer": self.issuer, "jwks_uri": self.jwks_uri})
        if url == self.jwks_uri:
            return httpx.Response(200, json=self.key.jwks())
        return httpx.Response(404)
