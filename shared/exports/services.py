"""What the use cases work with, joined once by bootstrap (or by a test)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from shared.destinations.protocol import Destination, KeyDestination, OAuthDestination
from shared.domain.clock import Clock
from shared.domain.connection import Account, Connection
from shared.domain.errors import Culprit, NeedsAttention
from shared.exports.quota import DayBudget
from shared.storage.ports import Missing, Storage
from shared.transport.client import (
    Authorisation,
    Budget,
    Fixed,
    Unlimited,
    VendorApi,
    VendorSignIn,
)
from shared.transport.pace import Pace


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

    def destination(self, connection: Connection) -> OAuthDestination | KeyDestination:
        """Return the destination that a connection is for."""
        return self.destinations[connection.destination]

    def sign_in(self, destination: Destination) -> VendorSignIn:
        """Return the way to a destination's sign-in service."""
        return VendorSignIn(self.http, destination.title, destination.explain)

    async def api(self, connection: Connection, pace: Pace | None = None) -> VendorApi:
        """Return an authorised way to the connection's account; raise NeedsAttention if there is none.

        A slice brings the pace of its lane. A person's look-up keeps a pace of its own, which it does
        not share: it is a few requests only, and nobody wants to wait for a slice.
        """
        if connection.account is None or connection.secret_name is None:
            raise NeedsAttention(Culprit.CONNECTION, "The connection was never signed in.")
        destination = self.destination(connection)
        return VendorApi(
            self.http,
            destination.title,
            destination.base_url(connection.account),
            await self._authorisation(connection.secret_name, destination),
            destination.explain,
            pace or Pace(self.clock, destination.limits.rates),
            self._budget(connection.account, destination),
        )

    async def _authorisation(self, secret_name: str, destination: Destination) -> Authorisation:
        try:
            secret = await self.storage.secrets.get(secret_name)
        except Missing:
            reason = "The connection's credentials are gone from the vault. Sign in again."
            raise NeedsAttention(Culprit.CONNECTION, reason) from None
        return Fixed(destination.headers(json.loads(secret)))

    def _budget(self, account: Account, destination: Destination) -> Budget:
        per_day = destination.limits.requests_per_day
        if per_day is None:
            return Unlimited()
        lane, records = destination.lane(account), self.storage.quotas
        return DayBudget(records, self.clock, lane, destination.title, per_day)
