"""The signing keys of the OIDC issuer: found by discovery, kept, and fetched anew in the background."""

import asyncio
import ipaddress
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import orjson
from cachetools import FIFOCache

from shared.domain.clock import Clock
from shared.domain.errors import TryLater
from shared.domain.message import say

_COOLDOWN = 30.0  # seconds between two fetches that key ids made us do
_FRESH = 3000.0  # seconds until keys are fetched anew: one withdrawn ends within an hour
_OLDEST = 24 * 3600.0  # seconds that keys serve while the issuer is silent
_MADE_UP = 1_000  # key ids that are remembered as ones that the issuer does not have
_LONGEST_ID = 200  # characters; those of issuers have some forty


class IssuerKeys:
    """The issuer's signing keys.

    A known key is answered at once, also while one task fetches all of them anew. An unknown one waits
    for that task, and is then remembered, so that it costs nothing when it comes again.
    """

    def __init__(self, http: httpx.AsyncClient, issuer: str, clock: Clock) -> None:
        """Raise ValueError for an issuer that is neither on https nor on this machine."""
        self._http = http
        self._issuer = _secure(issuer)
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._made_up: FIFOCache[str, None] = FIFOCache(_MADE_UP)
        self._fetched: float | None = None
        self._asked: float | None = None
        self._refresh: asyncio.Task[None] | None = None

    async def find(self, key_id: object) -> jwt.PyJWK:
        """Return a key; raise InvalidKeyError when the issuer has none with this id, or TryLater."""
        if not isinstance(key_id, str) or not _may_be_id(key_id):
            raise jwt.InvalidKeyError("no key id")
        if self._age() > _FRESH:
            self._begin_refresh()
        known = key_id in self._keys or key_id in self._made_up
        if not known or self._age() > _OLDEST:
            self._begin_refresh()
            await self._refreshed(key_id)
        if self._age() > _OLDEST:
            raise TryLater(say("The identity provider could not be reached."), _COOLDOWN)
        if key_id in self._keys:
            return self._keys[key_id]
        raise jwt.InvalidKeyError("unknown key id")

    def _age(self) -> float:
        if self._fetched is None:
            return float("inf")
        return self._clock.monotonic() - self._fetched

    def _begin_refresh(self) -> None:
        """Fetch the keys in one task, unless one does or the last began just now."""
        now = self._clock.monotonic()
        if self._refresh is None and (self._asked is None or now - self._asked >= _COOLDOWN):
            self._asked = now
            self._refresh = asyncio.create_task(self._reload())
            self._refresh.add_done_callback(self._end_refresh)

    def _end_refresh(self, _: asyncio.Task[None]) -> None:
        self._refresh = None

    async def _refreshed(self, key_id: str) -> None:
        """Wait for the fetch that is under way, if any; remember an id that it did not bring."""
        if self._refresh is None:
            return
        before = self._fetched
        # Of many who wait one may give up; the others still want the keys.
        await asyncio.shield(self._refresh)
        if self._fetched != before and key_id not in self._keys:
            self._made_up[key_id] = None

    async def _reload(self) -> None:
        """Fetch the keys anew; when that fails, go on with those there are."""
        try:
            self._keys = await self._fetch()
        except (httpx.HTTPError, ValueError, AttributeError, KeyError, TypeError, jwt.PyJWTError):
            return
        self._fetched = self._clock.monotonic()

    async def _fetch(self) -> dict[str, jwt.PyJWK]:
        found = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if found["issuer"] != self._issuer:
            raise ValueError("the document is another issuer's")
        # The keys may be on another host than the issuer (Google's are); that it is this one stands
        # in a document that came from the issuer itself. Only the way must be as safe.
        keys = await self._get(_secure(found["jwks_uri"]))
        usable = [key for key in keys["keys"] if key.get("kty") == "RSA" and key.get("kid")]
        return {str(key.key_id): key for key in jwt.PyJWKSet(usable).keys}

    async def _get(self, url: str) -> Any:
        response = await self._http.get(url, follow_redirects=False)
        response.raise_for_status()
        return orjson.loads(response.content)


def _may_be_id(key_id: str) -> bool:
    return 0 < len(key_id) <= _LONGEST_ID and key_id.isascii() and key_id.isprintable()


def _secure(url: str) -> str:
    """Return an address whose answers nobody can forge on the way; raise ValueError for others."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url
    raise ValueError("the identity provider must be on https, or on this machine")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
