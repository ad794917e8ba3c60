"""The only module that joins ports to Azure. Everything is opened at first use, once per process.

Nothing is opened in an ASGI lifespan: under the Functions adapter it starts at the first HTTP request
only, and several times when several come at once.
"""

import asyncio

from shared.api.paths import addresses_at
from shared.destinations.registry import destinations
from shared.domain.clock import SystemClock
from shared.services import Services
from shared.settings import Settings, settings
from shared.storage.clients import open_storage
from shared.telemetry import export
from shared.telemetry.logs import unusable
from shared.transport.fast_client import open_http
from shared.transport.webhook import Webhook, open_webhook

_lock = asyncio.Lock()
_opened: list[Services] = []


async def services() -> Services:
    """Return what the use cases work with; raise pydantic's ValidationError naming a missing setting."""
    async with _lock:
        if not _opened:
            _opened.append(_open())
        return _opened[0]


def _open() -> Services:
    export.start()
    chosen = settings()
    for name in chosen.unresolved:
        unusable(name, "Key Vault has no such secret, or did not give it; it counts as missing.")
    return Services(
        storage=open_storage(chosen),
        destinations=destinations(chosen),
        http=open_http(),
        clock=SystemClock(),
        addresses=addresses_at(str(chosen.public_base_url)),
        slice_seconds=chosen.slice_seconds,
        max_profiles=chosen.max_profiles,
        retention_days=chosen.retention_days,
        max_unsent_rejects=chosen.max_unsent_rejects,
        linked_prefix=chosen.linked_secret_prefix,
        webhook=_webhook(chosen),
    )


def _webhook(chosen: Settings) -> Webhook | None:
    """Whoever is to be told when a run ends; nobody rather than no app at all, where the secret is bad."""
    try:
        return open_webhook(chosen.webhook_url, chosen.webhook_secret.get_secret_value())
    except ValueError as error:
        if "WEBHOOK_SECRET" not in chosen.unresolved:
            unusable("WEBHOOK_SECRET", f"{error} Nobody is told when a run ends.")
        return None
