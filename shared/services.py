"""What the use cases work with, joined once by bootstrap (or by a test)."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from shared.connections.credentials import read_credentials, read_linked_key
from shared.connections.token_refresh import Refreshing
from shared.destinations.contract import Credentials, Destination, KeyDestination, OAuthDestination
from shared.domain.clock import Clock
from shared.domain.connection import Account, Connection
from shared.domain.errors import Culprit, NeedsAttention, Refusal, TryLater
from shared.domain.message import say
from shared.storage.ports import Storage
from shared.transport.client import (
    Authorisation,
    Budget,
    Fixed,
    Unlimited,
    VendorApi,
    VendorSignIn,
)
from shared.transport.day_budget import DayBudget
from shared.transport.pace import Pace
from shared.transport.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Services:
    """Storage, destinations, a way out, a clock, and the settings that use cases heed."""

    storage: Storage
    destinations: Mapping[str, OAuthDestination | KeyDestination]
    http: httpx.AsyncClient
    clock: Clock
    public_base_url: str  # without a trailing slash
    slice_seconds: float
    max_profiles: int
    retention_days: int = 30
    webhook: Webhook | None = None  # who wants to be told of the end of runs

    def destination(self, connection: Connection) -> OAuthDestination | KeyDestination:
        """Return the destination that a connection is for."""
        return self.destinations[connection.destination]

    def sign_in(self, destination: Destination) -> VendorSignIn:
        """Return the way to a destination's sign-in service."""
        return VendorSignIn(self.http, destination.name, destination.title, destination.explain)

    async def api(self, connection: Connection, pace: Pace | None = None) -> VendorApi:
        """Return an authorised way to the connection's account; raise NeedsAttention if there is none.

        A slice brings the pace of its lane. A person's look-up keeps a pace of its own, which it does
        not share: it is a few requests only, and nobody wants to wait for a slice.
        """
        if connection.account is None or connection.secret_name is None:
            reason = say("The connection was never signed in.")
            raise NeedsAttention(Culprit.CONNECTION, reason)
        destination = self.destination(connection)
        return VendorApi(
            self.http,
            destination.name,
            destination.title,
            destination.base_url(connection.account),
            await self._authorisation(connection, connection.secret_name, destination),
            destination.explain,
            pace or Pace(self.clock, destination.limits.rates),
            self._budget(connection.account, destination),
        )

    async def _authorisation(
        self,
        connection: Connection,
        secret_name: str,
        destination: OAuthDestination | KeyDestination,
    ) -> Authorisation:
        storage = self.storage
        if destination.auth == "api_key" and connection.linked_secret:
            key = await self._linked_key(secret_name, destination)
            return Fixed(destination.headers(key))
        credentials = await read_credentials(storage.secrets, secret_name)
        if destination.auth == "api_key":
            return Fixed(destination.headers(credentials))
        return Refreshing(
            destination,
            self.sign_in(destination),
            storage.secrets,
            storage.lanes,
            self.clock,
            connection.id,
            secret_name,
            credentials,
        )

    async def _linked_key(self, name: str, destination: KeyDestination) -> Credentials:
        """Return a linked key; raise NeedsAttention or TryLater.

        What nobody asked for just now is no mistake of a caller, and more people read of it than may
        know the name of a secret.
        """
        try:
            return await read_linked_key(self.storage.linked_secrets, name, destination)
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

    def _budget(self, account: Account, destination: Destination) -> Budget:
        per_day = destination.limits.requests_per_day
        if per_day is None:
            return Unlimited()
        lane, records = destination.lane(account), self.storage.quotas
        return DayBudget(records, self.clock, lane, destination.name, destination.title, per_day)
