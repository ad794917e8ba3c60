"""Real services for the contract tests, each started once and only when a test asks for it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

from local import certificates, identity
from local.identity import SigningKey
from local.vault.access import keys_of
from local.vault.app import create_app
from local.vault.secrets import Secrets as VaultSecrets
from tests.contract.emulator import azurite_in_memory
from tests.local.servers import free_port, serving


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of an Azurite that keeps everything in memory."""
    with azurite_in_memory(tmp_path_factory.mktemp("azurite")) as connection_string:
        yield connection_string


@pytest.fixture(scope="session")
async def vault(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecretClient]:
    """The official client of the local vault, signed in with the local managed identity."""
    state = tmp_path_factory.mktemp("vault")
    with ExitStack() as running:
        url = _serve_vault(state, running)
        async with (
            DefaultAzureCredential() as credential,
            # aiohttp read SSL_CERT_FILE when it was imported, before there was a certificate.
            SecretClient(url, credential, connection_verify=str(_trust(state).bundle)) as client,
        ):
            yield client


def _serve_vault(state: Path, running: ExitStack) -> str:
    key = SigningKey(state / "identity")
    ports = free_port(), free_port()
    issuer, url = f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}"
    issuing = identity.create_app(key, issuer=issuer, identity_header="planted")
    running.enter_context(serving(issuing, port=ports[0]))
    app = create_app(
        VaultSecrets(state / "secrets"), url=url, issuer=issuer, fetch_keys=keys_of(issuer)
    )
    running.enter_context(serving(app, port=ports[1], certificates=_trust(state)))
    environment = running.enter_context(pytest.MonkeyPatch.context())
    environment.setenv("IDENTITY_ENDPOINT", f"{issuer}/msi/token")
    environment.setenv("IDENTITY_HEADER", "planted")
    return url


def _trust(state: Path) -> certificates.Certificates:
    return certificates.ensure(state / "tls")
