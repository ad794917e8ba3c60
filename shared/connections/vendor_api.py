"""Opening the way to a connection's account at its destination."""

from shared.connections.credentials import read_credentials, read_linked_key
from shared.connections.token_refresh import Refreshing
from shared.destinations.contract import ApiKey, Destination, OAuth2
from shared.destinations.model import Credentials
from shared.destinations.oauth2 import Tokens
from shared.domain.connection import Connection
from shared.domain.errors import Culprit, NeedsAttention, Refusal, TryLater
from shared.domain.message import say
from shared.services import Services
from shared.transport.authorisation import Authorisation, Fixed
from shared.transport.client import Budget, Unlimited, VendorApi, VendorSignIn
from shared.transport.day_budget import DayBudget
from shared.transport.pace import Pace


def open_sign_in(services: Services, destination: Destination) -> VendorSignIn:
    """Return the way to a destination's sign-in service."""
    return VendorSignIn(services.http, destination.name, destination.title, destination.explain)


def open_tokens(services: Services, destination: Destination, auth: OAuth2) -> Tokens:
    """Return the service of a destination that gives tokens."""
    sign_in = open_sign_in(services, destination)
    return Tokens(destination.title, auth, sign_in, services.clock)


async def open_api(
    services: Services, connection: Connection, pace: Pace | None = None
) -> VendorApi:
    """Return an authorised way to a connection's account; raise NeedsAttention if there is none.

    A slice brings the pace of its lane. A person's look-up keeps a pace of its own, which it does
    not share: it is a few requests only, and nobody wants to wait for a slice. Of a day's requests
    people have a part, so that they leave runs the others.
    """
    if connection.account is None or connection.secret_name is None:
        reason = say("The connection was never signed in.")
        raise NeedsAttention(Culprit.CONNECTION, reason)
    destination = services.destinations[connection.destination]
    return VendorApi(
        services.http,
        destination.name,
        destination.title,
        destination.base_url(connection.account),
        await _authorisation(services, connection, connection.secret_name),
        destination.explain,
        pace or Pace(services.clock, destination.limits.rates),
        _budget(
            services, destination, destination.lane(connection.account), of_people=pace is None
        ),
    )


async def _authorisation(
    services: Services, connection: Connection, secret_name: str
) -> Authorisation:
    storage, destination = services.storage, services.destinations[connection.destination]
    match destination.auth:
        case ApiKey() as auth if connection.linked_secret:
            key = await _linked_key(services, secret_name, auth)
            return Fixed(auth.headers(key))
        case ApiKey() as auth:
            return Fixed(auth.headers(await read_credentials(storage.secrets, secret_name)))
        case OAuth2() as auth:
            return Refreshing(
                open_tokens(services, destination, auth),
                storage.secrets,
                storage.lanes,
                services.clock,
                connection.id,
                secret_name,
                await read_credentials(storage.secrets, secret_name),
            )


async def _linked_key(services: Services, name: str, auth: ApiKey) -> Credentials:
    """Return a linked key; raise NeedsAttention or TryLater.

    What nobody asked for just now is no mistake of a caller, and more people read of it than may
    know the name of a secret.
    """
    try:
        return await read_linked_key(services, name, auth)
    except Refusal:
        reason = say(
            "The linked vault holds no usable key for this connection any more. Put it back under "
            "its name there, or connect the account with another secret."
        )
        raise NeedsAttention(Culprit.CONNECTION, reason) from None
    except TryLater:
        raise TryLater(
            say(
                "The linked vault did not give the key of this connection. If that lasts: the "
                "secret must be enabled, and the app must be allowed to read it."
            )
        ) from None


def _budget(services: Services, destination: Destination, lane: str, *, of_people: bool) -> Budget:
    per_day = destination.limits.requests_per_day
    if per_day is None:
        return Unlimited()
    records, clock = services.storage.quotas, services.clock
    return DayBudget(
        records, clock, lane, destination.name, destination.title, per_day, of_people=of_people
    )
