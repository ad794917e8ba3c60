"""Signs people in by OAuth 2: the page where one allows it, and the codes that come of it."""

import hmac
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local.sandbox.kit import pages
from local.sandbox.kit.state import PASSWORD, SandboxAccount, SandboxState

CODE_LIFE = 60  # seconds of the sandbox


@dataclass
class OAuthState[A: SandboxAccount](SandboxState[A]):
    """A sandbox at which one application is registered."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]

    def is_application(self, client_id: str, client_secret: str) -> bool:
        """Whether these are the application's."""
        known = client_id == self.client_id
        return known and hmac.compare_digest(client_secret.encode(), self.client_secret.encode())

    def signed_in(self, username: str, password: str) -> A | None:
        """Return the account that a person signs in to."""
        if password != PASSWORD:
            return None
        accounts = self.accounts.values()
        return next((one for one in accounts if one.email == username.strip().lower()), None)


@dataclass(frozen=True)
class Code:
    """What a person has allowed; `challenge` is that of PKCE, or empty."""

    account: int
    redirect_uri: str
    challenge: str
    ends: float


class OAuth[S: OAuthState[Any]](ABC):
    """The endpoints of the sign-in service: its page, and what a vendor has beside it."""

    vendor: ClassVar[str]  # as people call it
    sign_in_path: ClassVar[str]
    asked: ClassVar[tuple[str, ...]] = ("response_type", "client_id", "redirect_uri", "state")
    unknown_code: ClassVar[str]  # what the vendor says of one

    def __init__(self, sandbox: S) -> None:
        self.sandbox = sandbox
        self._codes: dict[str, Code] = {}

    def routes(self) -> list[Route]:
        """To be mounted at the root."""
        return [
            Route(self.sign_in_path, self.ask),
            Route(self.sign_in_path, self.decide, methods=["POST"]),
            *self.own_routes(),
        ]

    @abstractmethod
    def own_routes(self) -> list[Route]:
        """Return what is not the page: where tokens are, for instance."""

    def requirements(self, asked: Mapping[str, str]) -> dict[str, bool]:
        """Return what a request has to fulfil, in the words for one that does not, and whether it does."""
        return {
            "The client_id is unknown.": asked.get("client_id") == self.sandbox.client_id,
            "The redirect_uri is not registered.": asked.get("redirect_uri")
            in self.sandbox.redirect_uris,
            "The response_type must be code.": asked.get("response_type") == "code",
        }

    async def ask(self, request: Request) -> Response:
        """Show the sign-in page."""
        asked = request.query_params
        return self._refusal(asked) or self._page(asked)

    async def decide(self, request: Request) -> Response:
        """Sign in, and send the browser back with a code."""
        given = await form(request)
        if refusal := self._refusal(given):
            return refusal
        if given.get("decision") == "deny":
            return _back(given, {"error": "access_denied"})
        username = given.get("username", "")
        account = self.sandbox.signed_in(username, given.get("password", ""))
        if account is None:
            error = "That username and password do not match an account."
            return self._page(given, username=username, error=error)
        code = secrets.token_hex(16)
        ends = self.sandbox.clock.now() + CODE_LIFE
        challenge = given.get("code_challenge", "")
        self._codes[code] = Code(account.number, given["redirect_uri"], challenge, ends)
        return _back(given, {"code": code})

    def spend(self, given: Mapping[str, str]) -> Code | Response:
        """Return what the code of a token request allows, or the answer to one that allows nothing."""
        # Whatever comes of it, a code is spent by the first try.
        code = self._codes.pop(given.get("code", ""), None)
        if code is None or code.ends < self.sandbox.clock.now():
            return refused(400, "invalid_grant", self.unknown_code)
        if given.get("redirect_uri") != code.redirect_uri:
            return refused(400, "invalid_grant", "The redirect_uri is not the one asked with.")
        return code

    def _page(self, asked: Mapping[str, str], **more: str) -> Response:
        travelling = {name: asked[name] for name in self.asked if name in asked}
        return pages.sign_in(self.vendor, self.sign_in_path, travelling, **more)

    def _refusal(self, asked: Mapping[str, str]) -> Response | None:
        # Never a redirect: nobody has vouched for where it would lead.
        for reason, fulfilled in self.requirements(asked).items():
            if not fulfilled:
                return pages.page("This request cannot be answered", f"<p>{reason}</p>", 400)
        return None


def refused(status: int, error: str, description: str) -> Response:
    """Return an answer of the sign-in service other than success."""
    return JSONResponse({"error": error, "error_description": description}, status)


async def form(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def _back(asked: Mapping[str, str], answer: dict[str, str]) -> Response:
    if "state" in asked:
        answer["state"] = asked["state"]
    address = asked["redirect_uri"]
    return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{urlencode(answer)}", 302)
