"""OAuth 2: the page where people sign in, trading its code for tokens, refreshing them, giving them back.

RFC 6749 with a code and refresh tokens, RFC 7636 (PKCE) and RFC 7009 (revocation). Nothing of a vendor
is in here; what differs is data of its `OAuth2`.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import jwt

from shared.destinations.answers import parsing_answer
from shared.destinations.contract import OAuth2, SignIn
from shared.destinations.model import Credentials
from shared.domain.clock import Clock
from shared.domain.errors import BatchRefused, Culprit, DestinationError, NeedsAttention, TryLater
from shared.domain.message import Message, say

_A_TIMESTAMP = 1_000_000_000  # more than any lifetime in seconds
_BUSY = ("server_error", "temporarily_unavailable", "slow_down")
_NOT_OURS = ("invalid_client", "unauthorized_client")


def authorize_url(auth: OAuth2, redirect_uri: str, state: str, challenge: str) -> str:
    """Return the page where somebody signs in and lets us in; `challenge` is PKCE's, made by S256."""
    query = {
        "response_type": "code",
        "client_id": auth.client.id,
        "redirect_uri": redirect_uri,
    }
    if auth.scopes:
        query["scope"] = auth.scopes
    query["state"] = state
    if auth.pkce:
        query |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    return f"{auth.authorize_url}?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The service of a vendor that gives tokens, refreshes them and takes them back."""

    title: str
    auth: OAuth2
    sign_in: SignIn
    clock: Clock

    async def exchange(self, code: str, redirect_uri: str, verifier: str) -> Credentials:
        """Trade a code for tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        if self.auth.pkce:
            form["code_verifier"] = verifier
        try:
            answer = await self._ask(self.auth.token_url, form)
        except BatchRefused:  # no batch is at stake here; say, the code was used before
            answer = None
        if not isinstance(answer, dict) or not answer.get("access_token"):
            # A code works once, so asking again would not help.
            raise NeedsAttention(Culprit.CONNECTION, no_access(self.title))
        return self._kept(answer)

    async def refresh(self, credentials: Credentials) -> Credentials:
        """Trade the refresh token. What is returned may hold the only one that still works.

        Where tokens last, they are returned as they are.
        """
        if not self.auth.refreshes:
            return credentials
        old = credentials.get("refresh_token")
        if not old:
            raise NeedsAttention(
                Culprit.CONNECTION,
                say("{destination} ended the sign-in. Sign in again.", destination=self.title),
            )
        form = {"grant_type": "refresh_token", "refresh_token": old}
        answer = await self._told(self.auth.token_url, form)
        with parsing_answer(self.title):
            return {"refresh_token": old} | self._kept(answer)

    async def revoke(self, credentials: Credentials) -> None:
        """Give the refresh token back, and with it all that came of it, where there is a way to."""
        token = credentials.get("refresh_token")
        if self.auth.revoke_url and token:
            form = {"token": token, "token_type_hint": "refresh_token"}
            await self._told(self.auth.revoke_url, form)

    def expire_at(self, credentials: Credentials) -> datetime | None:
        """Return when the credentials have to be refreshed; None where they last."""
        return expires_at(credentials) if self.auth.refreshes else None

    async def _told(self, url: str, form: Mapping[str, str]) -> Any:
        """Ask, and say of a refusal that somebody must sign in."""
        try:
            return await self._ask(url, form)
        except BatchRefused as refused:  # no batch is at stake here
            reason = say("{why} Sign in again.", why=refused.reason)
            raise NeedsAttention(Culprit.CONNECTION, reason) from None

    async def _ask(self, url: str, form: Mapping[str, str]) -> Any:
        """Post a form, saying who we are with our secret if we have one."""
        client, headers = self.auth.client, dict[str, str]()
        if self.auth.secret_in_form:
            form = {**form, "client_id": client.id, "client_secret": client.secret}
        elif client.secret:
            pair = f"{client.id}:{client.secret}".encode()
            headers["Authorization"] = f"Basic {b64encode(pair).decode()}"
        else:
            form = {**form, "client_id": client.id}
        return await self.sign_in.post_form(url, form, headers)

    def _kept(self, answer: Mapping[str, Any]) -> dict[str, str]:
        """Return what of an answer is needed later, its lifetime as an instant."""
        kept = {"access_token": str(answer["access_token"])}
        if not self.auth.refreshes:
            return kept
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
    except OverflowError:  # so late that it does not matter
        return None
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, RecursionError):
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
