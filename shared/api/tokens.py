"""Validates bearer tokens against the OIDC issuer of the settings.

Accepted are RS256 tokens of exactly this issuer for exactly this audience, within their time, with
a role. There is no leeway for clocks: Entra ID dates `nbf` five minutes back, and Azure's clocks agree.
"""

import asyncio
import ipaddress
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from shared.domain.clock import Clock
from shared.domain.errors import NotAllowed, TryLater
from shared.domain.message import Message, say
from shared.domain.people import Caller, Person, Role

_COOLDOWN = (
    30.0  # seconds between two fetches, so that made-up key ids cannot make us ask all the time
)
_OLDEST = (
    3600.0  # seconds until keys are fetched anew, so that one the issuer withdrew stops working
)


class NotSignedIn(Exception):
    """There is no token (`given` is False), or none that is valid."""

    def __init__(self, reason: Message, given: bool = True) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.given = given


class TokenCheck:
    """Turns bearer tokens of one issuer into callers."""

    def __init__(self, http: httpx.AsyncClient, issuer: str, audience: str, clock: Clock) -> None:
        """Raise ValueError for an issuer that is neither on https nor on this machine."""
        self._keys = _Keys(http, issuer, clock)
        self._issuer = issuer
        self._audience = audience

    async def caller(self, token: str) -> Caller:
        """Return who a token speaks for.

        Raise NotSignedIn for an invalid token, NotAllowed for one without a role of ours, TryLater
        when the issuer's keys cannot be had.
        """
        try:
            key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                issuer=self._issuer,
                audience=self._audience,
                options={"require": ["exp", "nbf", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise NotSignedIn(say("The token has expired. Get a new one.")) from None
        except jwt.PyJWTError:
            # No reason is given: whoever forges tokens should not learn how far they came.
            raise NotSignedIn(say("The token is not valid here.")) from None
        return Caller(_person(claims), _role(claims))


class _Keys:
    """The issuer's signing keys, found by OIDC discovery and kept for an hour."""

    def __init__(self, http: httpx.AsyncClient, issuer: str, clock: Clock) -> None:
        self._http = http
        self._issuer = _secure(issuer)
        self._clock = clock
        self._lock = asyncio.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched: float | None = None
        self._asked: float | None = None

    async def find(self, key_id: object) -> jwt.PyJWK:
        """Return a key; raise InvalidKeyError when the issuer has none with this id."""
        if not isinstance(key_id, str):
            raise jwt.InvalidKeyError("no key id")
        async with self._lock:
            if (key_id not in self._keys or self._are_old()) and self._may_ask():
                await self._reload()
            if key_id in self._keys:
                return self._keys[key_id]
            if self._fetched is None:
                reason = say("The identity provider could not be reached.")
                raise TryLater(reason, _COOLDOWN)
        raise jwt.InvalidKeyError("unknown key id")

    def _are_old(self) -> bool:
        return self._fetched is None or self._clock.monotonic() - self._fetched > _OLDEST

    def _may_ask(self) -> bool:
        return self._asked is None or self._clock.monotonic() - self._asked >= _COOLDOWN

    async def _reload(self) -> None:
        """Fetch the keys anew; when that fails, go on with those there are."""
        self._asked = self._clock.monotonic()
        try:
            self._keys = await self._fetch()
        except (httpx.HTTPError, ValueError, KeyError, TypeError, jwt.PyJWTError):
            return
        self._fetched = self._asked

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
        return response.json()


def _secure(url: str) -> str:
    """Return an address whose answers nobody can forge on the way; raise ValueError for others."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return url
    raise ValueError("the identity provider must be on https, or on this machine")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _person(claims: dict[str, Any]) -> Person:
    # Entra ID: `oid` is the same for every app, `sub` is not. Programs have no name.
    key = str(claims.get("oid") or claims["sub"])
    return Person(id=key[:100], name=str(claims.get("name") or key)[:100])


def _role(claims: dict[str, Any]) -> Role:
    roles = claims.get("roles")
    for role in Role:  # strongest first
        if isinstance(roles, list) and role in roles:
            return role
    raise NotAllowed(
        say(
            "Your account has no role in Segment Exports. Ask whoever administers it for the role "
            "viewer, contributor or administrator."
        )
    )
