"""Reading the app's own keys: random bytes in the vault, each made when it is first wanted, then kept."""

import asyncio
import secrets
from enum import StrEnum

from shared.services import KeptKey, Services
from shared.storage.ports import Missing, Secrets

_KEPT = 3600.0  # seconds until a key is read again


class AppKey(StrEnum):
    """The names of the keys in the vault."""

    DELIVERED = "delivered-state-key"
    REPORTS = "reports-key"
    SIGN_IN = "sign-in-key"


async def app_key(services: Services, key: AppKey) -> bytes:
    """Return a key of 32 bytes, from the vault once an hour only, however many want it at once: anybody can.

    Two hosts may both make it; what was done with the one that lost is then as good as not done. So one
    that was just made is not kept, and one that is kept is read again after an hour.
    """
    keys, now = services.kept_keys, services.clock.monotonic()
    kept = keys.get(key)
    if kept is not None and now - kept.read_at < _KEPT:
        return kept.value
    if kept is not None:
        keys[key] = KeptKey(kept.value, now)  # whoever comes meanwhile goes on with it
    wanted = services.wanted_keys
    if key not in wanted:
        wanted[key] = asyncio.create_task(_read(services, key))
        wanted[key].add_done_callback(lambda _: wanted.pop(key))
    # Of many who wait one may give up; the others still want the key.
    return await asyncio.shield(wanted[key])


async def _read(services: Services, key: AppKey) -> bytes:
    now, vault = services.clock.monotonic(), services.storage.secrets
    try:
        value = bytes.fromhex(await vault.get(key))
    except Missing:
        return await _made(vault, key)
    services.kept_keys[key] = KeptKey(value, now)
    return value


async def _made(vault: Secrets, key: AppKey) -> bytes:
    await vault.set(key, secrets.token_hex(32))
    return bytes.fromhex(await vault.get(key))
