"""OAuth 2 for destinations whose tokens end: asking for them, keeping them, giving them back.

RFC 6749 with a code and refresh tokens, RFC 7636 (PKCE) and RFC 7009 (revocation). Nothing of a vendor
is in here; what differs is in its own file.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import jwt

from shared.destinations.answers import parsing_answer
from shared.destinations.contract import SignIn
from shared.destinations.model import Client, Credentials
from shared.domain.clock import Clock
from shared.domain.errors import BatchRefused, Culprit, DestinationError, NeedsAttention, TryLater
from shared.domain.message import Message, say

_A_TIMESTAMP = 1_000_000_000  # more than any lifetime in seconds
_BUSY = ("server_error", "temporarily_unavailable", "slow_down")
_NOT_OURS = ("invalid_client", "unauthorized_client")


@dataclass(frozen=True, slots=True)
class OAuth:
    """The sign-in service of a vendor; `url` is what stands before `/authorize`, `/token`, `/revoke`."""

    title: str
    client: Client
    url: str
    scopes: str
    clock: Clock

    def authorize_url(self, redirect_uri: str, state: str, challenge: str) -> str:
        """Return the page where somebody signs in and lets us in."""
        query = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": redirect_uri,
            "scope": self.scopes,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.url}/authorize?{urlencode(query)}"

    async def exchange(
        self, sign_in: SignIn, code: str, redirect_uri: str, verifier: str
    ) -> Credentials:
        """Trade a code for tokens."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        answer = await self._ask(sign_in, "token", form)
        if not isinstance(answer, dict) or not answer.get("access_token"):
            # A code works once, so asking again would not help.
            raise NeedsAttention(Culprit.CONNECTION, no_access(self.title))
        return self._kept(answer)

    async def refresh(self, sign_in: SignIn, credentials: Credentials) -> Credentials:
        """Trade the refresh token. What is returned may hold the only one that still works."""
        old = credentials.get("refresh_token")
        if not old:
            raise NeedsAttention(
                Culprit.CONNECTION,
                say("{destination} ended the sign-in. Sign in again.", destination=self.title),
            )
        form = {"grant_type": "refresh_token", "refresh_token": old}
        answer = await self._ask(sign_in, "token", form)
        with parsing_answer(self.title):
            return {"refresh_token": old} | self._kept(answer)

    async def revoke(self, sign_in: SignIn, credentials: Credentials) -> None:
        """Give the refresh token back, and with it all that came of it."""
        if token := credentials.get("refresh_token"):
            form = {"token": token, "token_type_hint": "refresh_token"}
            await self._ask(sign_in, "revoke", form)

    async def _ask(self, sign_in: SignIn, what: str, form: Mapping[str, str]) -> Any:
        """Post a form, saying who we are with our secret if we have one."""
        headers: dict[str, str] = {}
        if self.client.secret:
            pair = f"{self.client.id}:{self.client.secret}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        else:
            form = {**form, "client_id": self.client.id}
        try:
            return await sign_in.post_form(f"{self.url}/{what}", form, headers)
        except BatchRefused as refused:  # no batch is at stake here
            reason = say("{why} Sign in again.", why=refused.reason)
            raise NeedsAttention(Culprit.CONNECTION, reason) from None

    def _kept(self, answer: Mapping[str, Any]) -> dict[str, str]:
        """Return what of an answer is needed later, its lifetime as an instant."""
        kept = {"access_token": str(answer["access_token"])}
        if token := answer.get("refresh_token"):
            kept["refresh_token"] = str(token)
        lifetime = answer.get("expires_in")
        if isinstance(lifetime, int) and lifetime > 0:
            # It is a number of seconds; one vendor's SDK takes it for an instant.
            since = 0.0 if lifetime > _A_TIMESTAMP else self.clock.now().timestamp()
            kept["expires_at"] = str(since + lifetime)
        return kept


def expires_at(credentials: Credentials) -> datetime | None:
    """Return when an access token ends: by its own `exp`, or by what came with it if it is no JWT."""
    try:
        # It came straight from the vendor and lets nobody in here, so its signature is not looked at.
        claims = jwt.decode(credentials["access_token"], options={"verify_signature": False})
        end = float(claims["exp"])
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError):
        if "expires_at" not in credentials:
            return None
        end = float(credentials["expires_at"])
    try:
        return datetime.fromtimestamp(end, UTC)
    except (OverflowError, OSError, ValueError):  # so late that it does not matter
        return None


def no_access(title: str) -> Message:
    """Return what to say of a code that was traded for nothing."""
    return say("{destination} gave no access. Sign in again.", destination=title)


def refusal(title: str, error: str) -> DestinationError:
    """Return what the `error` of a sign-in service means."""
    if error in _BUSY:
        return TryLater(
            say(
                "The sign-in service of {destination} is busy ({error}).",
                destination=title,
                error=error,
            )
        )
    if error in _NOT_OURS:
        return NeedsAttention(
            Culprit.CONNECTION,
            say(
                "{destination} does not know our app ({error}). Check its client ID and secret in "
                "the settings.",
                destination=title,
                error=error,
            ),
        )
    return NeedsAttention(
        Culprit.CONNECTION,
        say(
            "{destination} no longer accepts the sign-in ({error}). Sign in again.",
            destination=title,
            error=error,
        ),
    )
