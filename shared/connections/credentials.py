"""Credentials: where they lie, and how they are read.

Those that the app was given lie in its own vault. A key may also lie in the linked vault, which belongs
to somebody else: the app knows its name there, reads it whenever it needs it, and never writes.
"""

import json
from collections.abc import Mapping
from uuid import uuid4

from shared.destinations.contract import ApiKey
from shared.destinations.model import Credentials
from shared.domain.errors import Conflict, Culprit, Invalid, NeedsAttention, TryLater
from shared.domain.message import say
from shared.records.app_keys import AppKey
from shared.records.records import scan
from shared.services import Services
from shared.storage.ports import Missing, SecretReader, Secrets, Unavailable

_PREFIX = "connection-"


async def store_credentials(vault: Secrets, credentials: Credentials) -> str:
    """Put credentials into the vault and return their name.

    The name is always new, because a vault does not give a deleted name back for up to 90 days.
    """
    name = f"{_PREFIX}{uuid4().hex}"
    await vault.set(name, as_secret(credentials))
    return name


def as_secret(credentials: Credentials) -> str:
    """Return credentials as they are kept."""
    return json.dumps(dict(credentials))


async def read_credentials(vault: SecretReader, name: str) -> Credentials:
    """Return the newest version of what was stored; raise NeedsAttention when it is gone."""
    try:
        kept: Mapping[str, str] = json.loads(await vault.get(name))
    except Missing:
        raise gone() from None
    return kept


def gone() -> NeedsAttention:
    """Return what credentials mean that are not in the vault any more."""
    reason = say("The connection's credentials are gone from the vault. Sign in again.")
    return NeedsAttention(Culprit.CONNECTION, reason)


def no_linked_key(prefix: str) -> Invalid:
    """Return what to say of a name in the linked vault: the same whether it is absent, forbidden or empty."""
    what = say(
        "The linked vault has no key under this name that connections may use. Their names begin "
        "with {prefix}.",
        prefix=prefix,
    )
    return Invalid(("secret_name",), what)


async def may_be_linked(services: Services, name: str) -> bool:
    """Whether connections may name this secret: by its prefix, or because one does already.

    The linked vault may be the app's own. What lies there for others must not go to a destination.
    """
    wanted = name.lower()  # as vaults compare names
    if wanted.startswith(_PREFIX) or wanted in list(AppKey):
        return False
    if wanted.startswith(services.linked_prefix.lower()):
        return True
    async for stored in scan(services.storage.connections):
        each = stored.value
        if each.linked_secret and each.secret_name and each.secret_name.lower() == wanted:
            return True
    return False


async def read_linked_key(services: Services, name: str, auth: ApiKey) -> Credentials:
    """Return the key that a secret of the linked vault holds, which connections may name.

    Raise Conflict when no vault is linked, Invalid(("secret_name",)) or TryLater.
    """
    vault = services.storage.linked_secrets
    if vault is None:
        raise Conflict(say("No vault is linked. Set LINKED_KEY_VAULT_URL, or give the key itself."))
    try:
        return auth.credentials((await vault.get(name)).strip())
    except (Missing, Invalid):
        raise no_linked_key(services.linked_prefix) from None
    except Unavailable:
        raise TryLater(
            say(
                "The linked vault did not give the secret {secret}. If that lasts: the secret must "
                "be enabled, and the app must be allowed to read it.",
                secret=name,
            )
        ) from None
