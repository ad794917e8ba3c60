"""The port of secrets on Azure Key Vault."""

from azure.keyvault.secrets.aio import SecretClient

from shared.storage.azure_errors import translated
from shared.storage.limits import check_secret
from shared.storage.ports import Missing


class KeyVaultSecrets:
    """The `Secrets` of one vault.

    Soft-delete keeps the name of a deleted secret taken for months, so `set` on it raises
    AlreadyExists.
    """

    def __init__(self, vault: SecretClient) -> None:
        self._vault = vault

    async def get(self, name: str) -> str:
        """Return the newest version of a secret; raise Missing."""
        with translated(name):
            value = (await self._vault.get_secret(name)).value
        if value is None:
            raise Missing(name)
        return value

    async def set(self, name: str, value: str) -> None:
        """Store a secret, or a new version of it; raise AlreadyExists for a deleted name."""
        check_secret(name, value)
        with translated(name):
            await self._vault.set_secret(name, value)

    async def delete(self, name: str) -> None:
        """Remove the secret if it is there; return once the vault no longer has it."""
        try:
            with translated(name):
                await self._vault.delete_secret(name)
        except Missing:
            return
