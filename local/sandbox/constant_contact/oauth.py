"""Constant Contact's OAuth 2: sign-in page, token exchange, refresh and revocation.

Sources: https://developer.constantcontact.com/api_guide/server_flow.html and pkce_flow.html; the two kinds
of refresh tokens are explained by the vendor's staff in its forum. The revocation endpoint (RFC 7009) is
our guess: the authorization server is of a make that has one.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local.sandbox.constant_contact import pages
from local.sandbox.constant_contact.problems import oauth
from local.sandbox.constant_contact.state import PASSWORD, SCOPES, Account, Sandbox

CODE_LIFE = 60  # seconds of the sandbox
BASE = "/oauth2/default/v1"

_ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
)


@dataclass(frozen=True)
class _Code:
    account: int
    redirect_uri: str
    challenge: str
    ends: float


class OAuth:
    """The endpoints of the sign-in service."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._codes: dict[str, _Code] = {}

    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [
            Route(f"{BASE}/authorize", self.ask),
            Route(f"{BASE}/authorize", self.decide, methods=["POST"]),
            Route(f"{BASE}/token", self.token, methods=["POST"]),
            Route(f"{BASE}/revoke", self.revoke, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Show the sign-in page."""
        asked = dict(request.query_params)
        return self._refusal(asked) or pages.sign_in(_travelling(asked))

    async def decide(self, request: Request) -> Response:
        """Sign in, and send the browser back with a code."""
        form = await _form(request)
        if refusal := self._refusal(form):
            return refusal
        if form.get("decision") == "deny":
            return _back(form, {"error": "access_denied"})
        username = form.get("username", "")
        account = self._account_of(username, form.get("password", ""))
        if account is None:
            error = "That username and password do not match an account."
            return pages.sign_in(_travelling(form), username=username, error=error)
        code = secrets.token_hex(16)
        ends = self._sandbox.clock.now() + CODE_LIFE
        challenge = form.get("code_challenge", "")
        self._codes[code] = _Code(account.number, form["redirect_uri"], challenge, ends)
        return _back(form, {"code": code})

    async def token(self, request: Request) -> Response:
        """A code, or a refresh token, for tokens."""
        sandbox, now = self._sandbox, self._sandbox.clock.now()
        if not sandbox.token_second.left(sandbox.settings.token_requests_per_second, now):
            sandbox.exceeded["token_requests"] += 1
            return oauth(429, "too_many_requests", "Too Many Requests")
        sandbox.token_second.take(now)
        form = await _form(request)
        if refusal := self._refuse_client(request, form):
            return refusal
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form, now)
        if form.get("grant_type") != "refresh_token":
            return oauth(400, "unsupported_grant_type", "The grant type is not supported.")
        settings = sandbox.settings
        given = form.get("refresh_token", "")
        renewed = sandbox.tokens.renew(given, now, settings.token_seconds, settings.rotating)
        if renewed is None or sandbox.revoked:
            return oauth(400, "invalid_grant", "The refresh token is invalid or expired.")
        return self._tokens(*renewed)

    async def revoke(self, request: Request) -> Response:
        """End a token; an unknown one is as good as ended."""
        form = await _form(request)
        if refusal := self._refuse_client(request, form):
            return refusal
        self._sandbox.tokens.forget(form.get("token", ""))
        return Response(status_code=200)

    def _exchange(self, form: dict[str, str], now: float) -> Response:
        # Whatever comes of it, a code is spent by the first try.
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.ends < now:
            return oauth(400, "invalid_grant", "The authorization code is invalid or has expired.")
        if form.get("redirect_uri") != code.redirect_uri:
            return oauth(400, "invalid_grant", "The redirect_uri is not the one asked with.")
        if code.challenge and _s256(form.get("code_verifier", "")) != code.challenge:
            return oauth(400, "invalid_grant", "PKCE verification failed.")
        seconds = self._sandbox.settings.token_seconds
        return self._tokens(*self._sandbox.tokens.grant(code.account, now, seconds))

    def _tokens(self, access: str, refresh: str) -> Response:
        return JSONResponse(
            {
                "token_type": "Bearer",
                "expires_in": int(self._sandbox.settings.token_seconds),
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
            known = f"{self._sandbox.client_id}:{self._sandbox.client_secret}".encode()
            if hmac.compare_digest(f"{name}:{secret}".encode(), known):
                return None
        elif form.get("client_id") == self._sandbox.client_id and (
            "code_verifier" in form or form.get("grant_type") == "refresh_token" or "token" in form
        ):
            return None
        return oauth(401, "invalid_client", "The client id or secret is wrong.")

    def _refusal(self, asked: dict[str, str]) -> Response | None:
        # Never a redirect: nobody has vouched for where it would lead.
        scopes = set(asked.get("scope", "").split())
        reasons = {
            "The client_id is unknown.": asked.get("client_id") == self._sandbox.client_id,
            "The redirect_uri is not registered.": asked.get("redirect_uri")
            in self._sandbox.redirect_uris,
            "The response_type must be code.": asked.get("response_type") == "code",
            "The state is missing.": bool(asked.get("state")),
            "The scope is unknown.": bool(scopes) and scopes <= set(SCOPES),
            "Only S256 is known.": "code_challenge" not in asked
            or asked.get("code_challenge_method") == "S256",
        }
        for reason, fulfilled in reasons.items():
            if not fulfilled:
                return pages.page("This request cannot be answered", f"<p>{reason}</p>", 400)
        return None

    def _account_of(self, username: str, password: str) -> Account | None:
        if password != PASSWORD:
            return None
        accounts = self._sandbox.accounts.values()
        return next((one for one in accounts if one.email == username.strip().lower()), None)


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _travelling(asked: dict[str, str]) -> dict[str, str]:
    return {name: asked[name] for name in _ASKED if name in asked}


def _back(asked: dict[str, str], answer: dict[str, str]) -> Response:
    address = asked["redirect_uri"]
    query = urlencode({**answer, "state": asked["state"]})
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{query}", 302)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
