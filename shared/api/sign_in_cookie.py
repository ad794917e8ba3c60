"""The cookie by which a browser shows that it began the sign-in that it comes back from.

Each sign-in has a cookie of its own, so that two of one browser do not disturb each other. `__Host-` keeps
other hosts of the same domain from setting it. It needs https, which this machine itself can do without.
"""

import hashlib
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from shared.api.issuer_keys import is_loopback
from shared.connections.oauth_sign_in import LIFETIME, SignInBegun
from shared.services import PublicAddresses


def give(response: Response, addresses: PublicAddresses, begun: SignInBegun) -> None:
    """Let the browser that gets an answer end a sign-in that is bound to it."""
    if begun.browser_key is not None:
        response.set_cookie(
            _name(addresses, begun.state),
            begun.browser_key,
            max_age=int(LIFETIME.total_seconds()),
            path="/",
            secure=_is_secure(addresses),
            httponly=True,
            samesite="lax",  # it comes along when the destination's page leads back
        )


def given(request: Request, addresses: PublicAddresses, state: str) -> str | None:
    """Return what a browser that comes back has been given for this state; None if nothing."""
    return request.cookies.get(_name(addresses, state))


def _name(addresses: PublicAddresses, state: str) -> str:
    prefix = "__Host-" if _is_secure(addresses) else ""
    return f"{prefix}sign-in-{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def _is_secure(addresses: PublicAddresses) -> bool:
    callback = urlsplit(addresses.callback)
    return callback.scheme != "http" or not is_loopback(callback.hostname or "")
