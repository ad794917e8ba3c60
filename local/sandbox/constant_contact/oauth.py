"""Signs people in by Constant Contact's OAuth 2: page, token exchange, refresh and revocation.

Sources: https://developer.constantcontact.com/api_guide/server_flow.html and pkce_flow.html; the two kinds
of refresh tokens are explained by the vendor's staff in its forum. The revocation endpoint (RFC 7009) is
our guess: the authorization server is of a make that has one.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.constant_contact.state import SCOPES, Sandbox
from local.sandbox.kit import oauth
from local.sandbox.kit.oauth import refused

BASE = "/oauth2/default/v1"


class OAuth(oauth.OAuth[Sandbox]):
    """The endpoints of the sign-in service."""

    vendor = "Constant Contact"
    sign_in_path = f"{BASE}/authorize"
    asked = (*oauth.OAuth.asked, "scope", "code_challenge", "code_challenge_method")
    unknown_code = "The authorization code is invalid or has expired."

    def own_routes(self) -> list[Route]:
        """Return where tokens are issued and ended."""
        return [
            Route(f"{BASE}/token", self.token, methods=["POST"]),
            Route(f"{BASE}/revoke", self.revoke, methods=["POST"]),
        ]

    def requirements(self, asked: Mapping[str, str]) -> dict[str, bool]:
        """Add a state, known scopes, and S256 where there is PKCE."""
        scopes = set(asked.get("scope", "").split())
        return {
            **super().requirements(asked),
            "The state is missing.": bool(asked.get("state")),
            "The scope is unknown.": bool(scopes) and scopes <= set(SCOPES),
            "Only S256 is known.": "code_challenge" not in asked
            or asked.get("code_challenge_method") == "S256",
        }

    async def token(self, request: Request) -> Response:
        """A code, or a refresh token, for tokens."""
        sandbox, now = self.sandbox, self.sandbox.clock.now()
        if not sandbox.token_second.left(sandbox.settings.token_requests_per_second, now):
            sandbox.exceeded["token_requests"] += 1
            return refused(429, "too_many_requests", "Too Many Requests")
        sandbox.token_second.take(now)
        form = await oauth.form(request)
        if refusal := self._refuse_client(request, form):
            return refusal
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form, now)
        if form.get("grant_type") != "refresh_token":
            return refused(400, "unsupported_grant_type", "The grant type is not supported.")
        settings = sandbox.settings
        given = form.get("refresh_token", "")
        renewed = sandbox.tokens.renew(given, now, settings.token_seconds, settings.rotating)
        if renewed is None or sandbox.revoked:
            return refused(400, "invalid_grant", "The refresh token is invalid or expired.")
        return self._tokens(*renewed)

    async def revoke(self, request: Request) -> Response:
        """End a token; an unknown one is as good as ended."""
        form = await oauth.form(request)
        if refusal := self._refuse_client(request, form):
            return refusal
        self.sandbox.tokens.forget(form.get("token", ""))
        return Response(status_code=200)

    def _exchange(self, form: dict[str, str], now: float) -> Response:
        code = self.spend(form)
        if isinstance(code, Response):
            return code
        if code.challenge and _s256(form.get("code_verifier", "")) != code.challenge:
            return refused(400, "invalid_grant", "PKCE verification failed.")
        seconds = self.sandbox.settings.token_seconds
        return self._tokens(*self.sandbox.tokens.grant(code.account, now, seconds))

    def _tokens(self, access: str, refresh: str) -> Response:
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": int(self.sandbox.settings.token_seconds),
                "access_token": access,
                "scope": " ".join(SCOPES),
                "refresh_token": refresh,
            }
        )

    def _refuse_client(self, request: Request, form: dict[str, str]) -> Response | None:
        """Refuse a caller who is not the application: Basic with the secret, or PKCE with the id."""
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(credential).decode()
            except (binascii.Error, UnicodeDecodeError):
                given = ""
            name, _, secret = map(unquote, given.partition(":"))
            if self.sandbox.is_application(name, secret):
                return None
        elif form.get("client_id") == self.sandbox.client_id and (
            "code_verifier" in form or form.get("grant_type") == "refresh_token" or "token" in form
        ):
            return None
        return refused(401, "invalid_client", "The client id or secret is wrong.")


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
