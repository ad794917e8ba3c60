"""Validates bearer tokens against the OIDC issuer of the settings.

Accepted are RS256 access tokens of exactly this issuer for exactly this audience, within their time, with
a role. There is no leeway for clocks: Entra ID dates `nbf` five minutes back, and Azure's clocks agree.
"""

from typing import Any

import httpx
import jwt

from shared.api.access_tokens import is_access
from shared.api.issuer_keys import IssuerKeys
from shared.domain.clock import Clock
from shared.domain.errors import NotAllowed
from shared.domain.message import Message, say
from shared.domain.people import Caller, Person, Role


class NotSignedIn(Exception):
    """There is no token (`given` is False), or none that is valid."""

    def __init__(self, reason: Message, given: bool = True) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.given = given


class TokenCheck:
    """Turns bearer tokens of one issuer into callers."""

    def __init__(
        self, http: httpx.AsyncClient, issuer: str, audience: str, scope: str, clock: Clock
    ) -> None:
        """Raise ValueError for an issuer that is neither on https nor on this machine.

        `scope` is what a person's token must allow the program that they use.
        """
        self._keys = IssuerKeys(http, issuer, clock)
        self._issuer = issuer
        self._audience = audience
        self._scope = scope

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
        if not is_access(claims, self._scope):
            raise NotSignedIn(
                say(
                    "This token was not issued for calling the API. Get an access token that has the "
                    "API's scope."
                )
            )
        return Caller(_person(claims), _role(claims))


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
