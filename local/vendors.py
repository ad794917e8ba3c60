"""Says how a program is let into each sandbox, and what it finds there when it is done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from local.api_client import ApiClient
from local.sample_data import TurnedAway
from local.sandbox.activecampaign.state import Account as KeyAccount


@dataclass(frozen=True)
class Vendor:
    """A destination that a sandbox stands for."""

    name: str
    title: str
    # To the first account; returns the connection's id.
    connect: Callable[[ApiClient, "Vendor"], str]
    entered_by: str  # how that is done, in words
    clock_speed: float  # at which the demo lets the sandbox's time pass
    turned_away: TurnedAway  # what becomes of the rows that it does not take
    writes: str  # what its statistics call requests that write
    received: str  # and profiles that came with them

    def statistics(self, sandbox: str) -> Mapping[str, Any]:
        """Return what was asked of the first account of a sandbox at this URL."""
        told = httpx.get(f"{sandbox}/sandbox/stats").raise_for_status().json()
        account = told["accounts"][0]
        return {
            "writes": account[self.writes],
            "peak_connections": account["peak_connections"],
            "profiles_received": account[self.received],
        }


def _sign_in(client: ApiClient, vendor: Vendor) -> str:
    return client.connect(f"Our {vendor.title}", "owner1@example.com", destination=vendor.name)


def _give_key(client: ApiClient, vendor: Vendor) -> str:
    account = KeyAccount(1)
    return client.connect_with_key(
        f"Our {vendor.title}", vendor.name, account.host, account.api_key
    )


_BY_PAGE = "by its sign-in page, as owner1@example.com"

VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor(
            "mailchimp",
            "Mailchimp",
            _sign_in,
            _BY_PAGE,
            clock_speed=1,
            turned_away="refused",
            writes="bulk_calls",
            received="members_received",
        ),
        Vendor(
            "constant_contact",
            "Constant Contact",
            _sign_in,
            _BY_PAGE,
            clock_speed=20,
            turned_away="suppressed",
            writes="imports",
            received="contacts_received",
        ),
        Vendor(
            "activecampaign",
            "ActiveCampaign",
            _give_key,
            "with the API key of acme1.api-us1.com",
            clock_speed=20,
            turned_away="suppressed",
            writes="imports",
            received="contacts_received",
        ),
    )
}
