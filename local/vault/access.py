"""Decides who may call the vault, and how often."""

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import jwt

from local.vault.secrets import RefusedError

FetchKeys = Callable[[], Awaitable[dict[str, Any]]]


def keys_of(issuer: str) -> FetchKeys:
    """Reads the key set of an OIDC issuer by its address."""

    async def fetch() -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            discovery = await http.get(f"{issuer}/.well-known/openid-configuration")
            keys = await http.get(discovery.raise_for_status().json()["jwks_uri"])
            answer: dict[str, Any] = keys.raise_for_status().json()
            return answer

    return fetch


class Callers:
    """Accepts bearer tokens of one issuer for one resource."""

    def __init__(self, issuer: str, resource: str, fetch_keys: FetchKeys) -> None:
        self._issuer, self._resource, self._fetch_keys = issuer, resource, fetch_keys
        self._keys: dict[str, jwt.PyJWK] = {}

    async def check(self, authorization: str | None) -> None:
        """Raises RefusedError (401) unless the header holds a valid token."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "AKV10000: Request is missing a Bearer or PoP token."
            raise RefusedError(401, "Unauthorized", message)
        try:
            jwt.decode(
                token,
                await self._key(jwt.get_unverified_header(token).get("kid", "")),
                algorithms=["RS256"],
                audience=self._resource,
                issuer=self._issuer,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError as error:
            message = f"AKV10032: Invalid token: {error}."
            raise RefusedError(401, "Unauthorized", message) from error

    async def _key(self, kid: str) -> jwt.PyJWK:
        if kid not in self._keys:
            read = jwt.PyJWKSet.from_dict(await self._fetch_keys())
            self._keys = {str(key.key_id): key for key in read.keys}
        if kid not in self._keys:
            raise jwt.InvalidKeyError("the issuer has no such key")
        return self._keys[kid]


class Quota:
    """At most `calls` in any 10 seconds."""

    def __init__(self, calls: int, clock: Callable[[], float]) -> None:
        self._calls, self._clock = calls, clock
        self._recent: deque[float] = deque()

    def spend(self) -> None:
        """Count one call. Raises RefusedError (429) when there were too many."""
        now = self._clock()
        while self._recent and self._recent[0] <= now - 10:
            self._recent.popleft()
        if len(self._recent) >= self._calls:
            message = "Request was not processed because too many requests were received."
            raise RefusedError(429, "Throttled", message)
        self._recent.append(now)
