"""Signs people in by Mailchimp's OAuth 2: page, token exchange and metadata.

No PKCE and no refresh, as at Mailchimp: https://mailchimp.com/developer/marketing/guides/access-user-data-oauth-2/
"""

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.sandbox.kit import oauth
from local.sandbox.kit.oauth import refused
from local.sandbox.mailchimp.state import Sandbox


class OAuth(oauth.OAuth[Sandbox]):
    """The three endpoints under /oauth2."""

    vendor = "Mailchimp"
    sign_in_path = "/oauth2/authorize"
    unknown_code = "The code is unknown, used or too old."

    def own_routes(self) -> list[Route]:
        """Return where tokens are issued and explained."""
        return [
            Route("/oauth2/token", self.exchange, methods=["POST"]),
            Route("/oauth2/metadata", self.metadata),
        ]

    async def exchange(self, request: Request) -> Response:
        """A code for a token."""
        form = await oauth.form(request)
        if form.get("grant_type") != "authorization_code":
            return refused(400, "unsupported_grant_type", "Only authorization_code is known.")
        client = form.get("client_id", ""), form.get("client_secret", "")
        if not self.sandbox.is_application(*client):
            return refused(401, "invalid_client", "The client id or secret is wrong.")
        code = self.spend(form)
        if isinstance(code, Response):
            return code
        token = secrets.token_hex(16)
        self.sandbox.tokens.add(token, code.account)
        return JSONResponse({"access_token": token, "expires_in": 0, "scope": None})

    async def metadata(self, request: Request) -> Response:
        """Whose token it is and where its API is; a bad token gets a 200 too."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        number = self.sandbox.tokens.account(token)
        if scheme.lower() not in ("oauth", "bearer") or number not in self.sandbox.accounts:
            return refused(200, "invalid_token", "The access token is invalid or revoked.")
        account = self.sandbox.accounts[number]
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
