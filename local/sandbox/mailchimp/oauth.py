"""Mailchimp's OAuth 2: sign-in page, token exchange and metadata.

No PKCE and no refresh, as at Mailchimp: https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/
"""

import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local.sandbox.mailchimp import pages
from local.sandbox.mailchimp.state import PASSWORD, Account, Sandbox

CODE_LIFE = 60  # seconds of the sandbox

_ASKED = ("response_type", "client_id", "redirect_uri", "state")


@dataclass(frozen=True)
class _Code:
    account: int
    redirect_uri: str
    ends: float


class OAuth:
    """The three endpoints under /oauth2."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._codes: dict[str, _Code] = {}

    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [
            Route("/oauth2/authorize", self.ask),
            Route("/oauth2/authorize", self.decide, methods=["POST"]),
            Route("/oauth2/token", self.exchange, methods=["POST"]),
            Route("/oauth2/metadata", self.metadata),
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
        self._codes[code] = _Code(account.number, form["redirect_uri"], ends)
        return _back(form, {"code": code})

    async def exchange(self, request: Request) -> Response:
        """A code for a token."""
        form = await _form(request)
        if form.get("grant_type") != "authorization_code":
            return _oauth_error(400, "unsupported_grant_type", "Only authorization_code is known.")
        if form.get("client_id") != self._sandbox.client_id or not hmac.compare_digest(
            form.get("client_secret", "").encode(), self._sandbox.client_secret.encode()
        ):
            return _oauth_error(401, "invalid_client", "The client id or secret is wrong.")
        # Whatever comes of it, a code is spent by the first try.
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.ends < self._sandbox.clock.now():
            return _oauth_error(400, "invalid_grant", "The code is unknown, used or too old.")
        if form.get("redirect_uri") != code.redirect_uri:
            return _oauth_error(400, "invalid_grant", "The redirect_uri is not the one asked with.")
        token = secrets.token_hex(16)
        self._sandbox.tokens.add(token, code.account)
        return JSONResponse({"access_token": token, "expires_in": 0, "scope": None})

    async def metadata(self, request: Request) -> Response:
        """Whose token it is and where its API is; a bad token gets a 200 too."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        number = self._sandbox.tokens.account(token)
        if scheme.lower() not in ("oauth", "bearer") or number not in self._sandbox.accounts:
            return _oauth_error(200, "invalid_token", "The access token is invalid or revoked.")
        account = self._sandbox.accounts[number]
        login = {
            "email": account.email,
            "avatar": None,
            "login_id": 100_000_000 + number,
            "login_name": account.email,
            "login_email": account.email,
        }
        return JSONResponse(
            {
                "dc": account.datacenter,
                "role": "owner",
                "accountname": account.name,
                "user_id": 200_000_000 + number,
                "login": login,
                "login_url": "https://login.mailchimp.com",
                "api_endpoint": f"https://{account.datacenter}.api.mailchimp.com",
            }
        )

    def _refusal(self, asked: dict[str, str]) -> Response | None:
        # Never a redirect: nobody has vouched for where it would lead.
        reasons = {
            "The client_id is unknown.": asked.get("client_id") == self._sandbox.client_id,
            "The redirect_uri is not registered.": asked.get("redirect_uri")
            in self._sandbox.redirect_uris,
            "The response_type must be code.": asked.get("response_type") == "code",
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


def _travelling(asked: dict[str, str]) -> dict[str, str]:
    return {name: asked[name] for name in _ASKED if name in asked}


def _back(asked: dict[str, str], answer: dict[str, str]) -> Response:
    if "state" in asked:
        answer["state"] = asked["state"]
    address = asked["redirect_uri"]
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{urlencode(answer)}", 302)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def _oauth_error(status: int, error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status)
