"""Signing in to a destination, as the use cases of connections do."""

from shared.destinations.contract import Destination, OAuth2, SignIn
from shared.destinations.model import Credentials
from shared.destinations.oauth2 import Tokens
from shared.domain.clock import Clock
from shared.domain.connection import Account
from tests.fakes.clock import FakeClock


def tokens(destination: Destination, sign_in: SignIn, clock: Clock | None = None) -> Tokens:
    """Return the service that gives a destination's tokens."""
    assert isinstance(destination.auth, OAuth2)
    return Tokens(destination.title, destination.auth, sign_in, clock or FakeClock())


async def signed_in(
    destination: Destination,
    sign_in: SignIn,
    code: str,
    callback: str,
    verifier: str,
    clock: Clock | None = None,
) -> tuple[Credentials, Account]:
    """Trade a code for credentials, and ask which account they open."""
    credentials = await tokens(destination, sign_in, clock).exchange(code, callback, verifier)
    return credentials, await destination.account(sign_in, credentials, endpoint="")
