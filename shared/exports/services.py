"""What the use cases work with, joined once by bootstrap (or by a test)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from shared.destinations.protocol import Api, Destination
from shared.domain.clock import Clock
from shared.domain.connection import Connection
from shared.domain.errors import Culprit, NeedsAttention
from shared.storage.ports import Missing, Storage
from shared.transport.client import VendorSignIn, vendor_api


@dataclass(frozen=True, slots=True)
class Services:
    """Storage, destinations, a way out, a clock, and the settings that use cases heed."""

    storage: Storage
    destinations: Mapping[str, Destination]
    http: httpx.AsyncClient
    clock: Clock
    public_base_url: str  # without a trailing slash
    slice_seconds: float
    max_profiles: int

    def destination(self, connection: Connection) -> Destination:
        """Return the destination that a connection is for."""
        return self.destinations[connection.destination]

    def sign_in(self, destination: Destination) -> VendorSignIn:
        """Return the way to a destination's sign-in service."""
        return VendorSignIn(self.http, destination.title, destination.explain)

    async def api(self, connection: Connection) -> Api:
        """Return an authorised way to the connection's account; raise NeedsAttention if there is none."""
        if connection.account is None or connection.secret_name is None:
            raise NeedsAttention(Culprit.CONNECTION, "The connection was never signed in.")
        try:
            secret = await self.storage.secrets.get(connection.secret_name)
        except Missing:
            reason = "The connection's credentials are gone from the vault. Sign in again."
            raise NeedsAttention(Culprit.CONNECTION, reason) from None
        destination = self.destination(connection)
        return vendor_api(self.http, destination, connection.account, json.loads(secret))
