"""The vault over real TLS, through the official clients and the managed identity."""

import asyncio
import ssl
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.pipeline.policies import RetryPolicy
from azure.identity import DefaultAzureCredential
from azure.keyvault.secrets import SecretClient

from local import certificates, identity
from local.certificates import Certificates
from local.identity import FUNCTIONS, SigningKey
from local.vault.access import keys_of
from local.vault.app import create_app, resource_of
from local.vault.secrets import Secrets
from tests.local.servers import command, free_port, serving

AIO_SCRIPT = """
import asyncio, sys
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient

async def main() -> None:
    credential = DefaultAzureCredential()
    async with credential, SecretClient(sys.argv[1], credential) as vault:
        await vault.set_secret("connection-1", "planted")
        print((await vault.get_secret("connection-1")).value)
        await vault.delete_secret("connection-1")
        print([secret.name async for secret in vault.list_deleted_secrets()])

asyncio.run(main())
"""


@dataclass
class Vault:
    url: str
    issuer: str
    key: SigningKey
    tls: Certificates
    folder: Path

    @contextmanager
    def client(self) -> Iterator[SecretClient]:
        with (
            DefaultAzureCredential() as credential,
            SecretClient(
                self.url,
                credential,
                connection_verify=str(self.tls.bundle),
                retry_policy=RetryPolicy(retry_total=0),
            ) as client,
        ):
            yield client

    def token(self, **wrong: Any) -> str:
        right: dict[str, Any] = {
            "issuer": self.issuer,
            "audience": resource_of(self.url),
            "identity": FUNCTIONS,
        }
        return identity.mint(self.key, **(right | wrong))


Start = Callable[..., AbstractContextManager[Vault]]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the certificates and the issuer's key lie: making them takes a while."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def start(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a vault with given settings; its secrets lie in one folder for the whole test."""
    tls = certificates.ensure(state / "tls")
    key = SigningKey(state / "identity")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    issuing = identity.create_app(key, issuer=issuer, identity_header="planted")

    @contextmanager
    def started(**settings: Any) -> Iterator[Vault]:
        port = free_port()
        url = f"https://127.0.0.1:{port}"
        folder = tmp_path / "secrets"
        app = create_app(
            Secrets(folder), url=url, issuer=issuer, fetch_keys=keys_of(issuer), **settings
        )
        with serving(app, port=port, certificates=tls):
            yield Vault(url, issuer, key, tls, folder)

    with serving(issuing, port=port) as address:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{address}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "planted")
        yield started


@pytest.fixture
def vault(start: Start) -> Iterator[Vault]:
    with start() as running:
        yield running


def test_the_official_client_sets_versions_and_reads_them(vault: Vault) -> None:
    with vault.client() as client:
        first = client.set_secret(
            "connection-1", "one", tags={"kind": "test"}, content_type="text/plain"
        )
        client.set_secret("Connection-1", "two")

        assert client.get_secret("CONNECTION-1").value == "two"
        read = client.get_secret("connection-1", first.properties.version)
        assert read.value == "one"
        assert read.properties.tags == {"kind": "test"}
        assert read.properties.content_type == "text/plain"
        versions = list(client.list_properties_of_secret_versions("connection-1"))
        assert len({properties.version for properties in versions}) == 2
        assert [properties.name for properties in client.list_properties_of_secrets()] == [
            "connection-1"
        ]


async def test_the_asynchronous_client_works_with_nothing_but_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuing, vault = free_port(), free_port()
    issuer, url = f"http://127.0.0.1:{issuing}", f"https://127.0.0.1:{vault}"
    state = ["--state", str(tmp_path)]
    tls = certificates.ensure(tmp_path / "certificates")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{issuer}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "planted")
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.bundle))
    trusted = ssl.create_default_context(cafile=str(tls.bundle))
    transport = httpx.AsyncHTTPTransport(retries=10, verify=trusted)
    async with (
        command("local.identity", *state, "--port", str(issuing)),
        command("local.vault", *state, "--port", str(vault), "--issuer", issuer),
        httpx.AsyncClient(transport=transport) as http,
    ):
        assert (await http.get(f"{issuer}/health")).status_code == 200
        assert (await http.get(f"{url}/health")).status_code == 200
        # Its own process, too: aiohttp reads SSL_CERT_FILE when it is imported.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AIO_SCRIPT, url, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
    assert output.decode().split("\n") == ["planted", "['connection-1']", ""]


def test_secrets_survive_a_restart_and_only_the_owner_can_read_them(start: Start) -> None:
    with start() as before, before.client() as client:
        client.set_secret("kept", "é ł 李")
    with start() as after, after.client() as client:
        assert client.get_secret("kept").value == "é ł 李"
        [file] = after.folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_disabled_secret_is_forbidden_until_it_is_enabled(vault: Vault) -> None:
    with vault.client() as client:
        client.set_secret("off", "value")
        client.update_secret_properties("off", enabled=False)
        with pytest.raises(HttpResponseError, match="disabled secret") as refused:
            client.get_secret("off")
        assert refused.value.status_code == 403
        client.update_secret_properties("off", enabled=True)
        assert client.get_secret("off").value == "value"


def test_a_deleted_name_is_blocked_until_it_is_recovered_or_purged(vault: Vault) -> None:
    with vault.client() as client:
        client.set_secret("gone", "first")
        client.begin_delete_secret("gone").wait()
        with pytest.raises(ResourceNotFoundError):
            client.get_secret("gone")
        with pytest.raises(ResourceExistsError, match="deleted but recoverable"):
            client.set_secret("gone", "second")
        assert client.get_deleted_secret("gone").scheduled_purge_date is not None

        client.begin_recover_deleted_secret("gone").wait()
        assert client.get_secret("gone").value == "first"

        client.begin_delete_secret("gone").wait()
        client.purge_deleted_secret("gone")
        assert list(client.list_deleted_secrets()) == []
        client.set_secret("gone", "second")
        assert client.get_secret("gone").value == "second"
        assert len(list(client.list_properties_of_secret_versions("gone"))) == 1


def test_purge_protection_refuses_to_purge(start: Start) -> None:
    with start(purge=False) as vault, vault.client() as client:
        client.set_secret("gone", "value")
        client.begin_delete_secret("gone").wait()
        with pytest.raises(HttpResponseError) as refused:
            client.purge_deleted_secret("gone")
        assert refused.value.status_code == 403
        assert client.get_deleted_secret("gone").name == "gone"


def test_lists_come_in_pages_of_25(vault: Vault) -> None:
    names = {f"secret-{number}" for number in range(30)}
    with vault.client() as client:
        for name in names:
            client.set_secret(name, "value")
        pages = [
            [properties.name for properties in page]
            for page in client.list_properties_of_secrets().by_page()
        ]
    assert [len(page) for page in pages] == [25, 5]
    assert {name for page in pages for name in page} == names


@pytest.mark.parametrize(
    ("name", "value"), [("under_score", "v"), ("a" * 128, "v"), ("big", "é" * 12_801)]
)
def test_bad_names_and_values_over_25_kilobytes_are_refused(
    vault: Vault, name: str, value: str
) -> None:
    with vault.client() as client:
        with pytest.raises(HttpResponseError) as refused:
            client.set_secret(name, value)
        assert refused.value.status_code == 400
        assert list(client.list_properties_of_secrets()) == []


def test_the_longest_name_and_value_are_taken(vault: Vault) -> None:
    with vault.client() as client:
        client.set_secret("a" * 127, "é" * 12_800)
        assert client.get_secret("a" * 127).value == "é" * 12_800


def test_more_new_versions_than_the_quota_are_throttled(start: Start) -> None:
    now = [0.0]
    with start(creates=2, clock=lambda: now[0]) as vault, vault.client() as client:
        client.set_secret("one", "value")
        client.set_secret("two", "value")
        with pytest.raises(HttpResponseError) as throttled:
            client.set_secret("three", "value")
        assert throttled.value.status_code == 429
        assert client.get_secret("one").value == "value"
        now[0] = 10.1
        client.set_secret("three", "value")


def call(vault: Vault, authorization: str | None) -> httpx.Response:
    headers = {"Authorization": authorization} if authorization else {}
    context = ssl.create_default_context(cafile=str(vault.tls.bundle))
    with httpx.Client(base_url=vault.url, headers=headers, verify=context) as http:
        return http.get("/secrets", params={"api-version": "7.4"})


def test_without_a_token_the_answer_is_a_challenge(vault: Vault) -> None:
    answer = call(vault, None)
    assert answer.status_code == 401
    assert f'resource="{resource_of(vault.url)}"' in answer.headers["WWW-Authenticate"]
    assert answer.json()["error"]["code"] == "Unauthorized"


def test_tokens_wrong_in_one_way_are_refused(vault: Vault, tmp_path: Path) -> None:
    assert call(vault, f"Bearer {vault.token()}").status_code == 200
    wrong = [
        vault.token(issuer="http://other.test"),
        vault.token(audience="https://vault.azure.net"),
        vault.token(lifetime=-1),
        vault.token(algorithm="none"),
        vault.token(algorithm="HS256"),
        Vault(vault.url, vault.issuer, SigningKey(tmp_path / "x"), vault.tls, tmp_path).token(),
        "nonsense",
    ]
    assert [call(vault, f"Bearer {token}").status_code for token in wrong] == [401] * len(wrong)


def test_the_client_gives_up_when_its_identity_is_refused(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with vault.client() as client, pytest.raises(ClientAuthenticationError):
        client.get_secret("connection-1")
