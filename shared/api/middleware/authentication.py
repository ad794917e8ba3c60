"""Finds out who is calling, and refuses whoever has no valid token, except on the public paths."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from shared.api.allowances import TooMany, address_of
from shared.api.middleware.layer import Layer
from shared.api.paths import (
    CALLBACK,
    DOCS,
    DOCS_SCRIPT,
    DOCS_STYLE,
    DONE,
    HEALTH,
    OPENAPI,
    PROBLEMS,
    REPORTS,
)
from shared.api.problems import answer
from shared.api.tokens import NotSignedIn, TokenCheck
from shared.domain.errors import NotAllowed, ProductError
from shared.domain.message import say

_PUBLIC = {HEALTH, DOCS, DOCS_SCRIPT, DOCS_STYLE, OPENAPI, CALLBACK, DONE}
"""The paths that need no token, besides those that begin as below."""

# The address of a report is its own authorisation.
_PUBLIC_FOLDERS = (f"{PROBLEMS}/", f"{REPORTS}/")


class Authentication(Layer):
    """Puts the caller into the state of the request, where routes find it."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the token before anything else of a request is looked at."""
        path = scope["path"]
        if path not in _PUBLIC and not path.startswith(_PUBLIC_FOLDERS):
            tokens: TokenCheck = scope["app"].state.tokens
            try:
                caller = await tokens.caller(_bearer(scope))
            except (NotSignedIn, ProductError) as error:
                await answer(Request(scope), _counted(scope, error))(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, send)


def _counted(scope: Scope, error: NotSignedIn | ProductError) -> Exception:
    """Return what to answer instead of an error once too many wrong tokens came from one address.

    One without a role of ours is wrong, too. Right ones from there are let in all the same, and no token at
    all is wrong at no cost.
    """
    if isinstance(error, NotAllowed) or (isinstance(error, NotSignedIn) and error.given):
        try:
            scope["app"].state.allowances.addresses.use(address_of(scope))
        except TooMany as too_many:
            return too_many
    return error


def _bearer(scope: Scope) -> str:
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        reason = say("Send a bearer token in the Authorization header.")
        raise NotSignedIn(reason, given=False)
    return token.strip()
