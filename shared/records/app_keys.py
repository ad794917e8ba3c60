"""Reading the app's own keys: random bytes in the vault, each made when it is first wanted."""

import secrets
from contextlib import suppress
from enum import StrEnum

from shared.storage.ports import Missing, Secrets


class AppKey(StrEnum):
    """The names of the keys in the vault."""

    DELIVERED = "delivered-state-key"
    REPORTS = "reports-key"
    SIGN_IN = "sign-in-key"


async def app_key(vault: Secrets, key: AppKey) -> bytes:
    """Return a key of 32 bytes.

    Two hosts may both make it; what was done with the one that lost is then as good as not done.
    """
    with suppress(Missing):
        return bytes.fromhex(await vault.get(key))
    await vault.set(key, secrets.token_hex(32))
    return bytes.fromhex(await vault.get(key))
