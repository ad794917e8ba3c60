import ssl
import stat
from datetime import timedelta
from pathlib import Path

import certifi
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from local import certificates
from tests.local.servers import serving


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def test_a_client_that_trusts_the_bundle_accepts_the_server(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path / "tls")
    trusted = ssl.create_default_context(cafile=str(made.bundle))

    with serving(Starlette(routes=[Route("/", _hello)]), certificates=made) as url:
        assert httpx.get(url, verify=trusted).text == "hello"
        assert httpx.get(url.replace("127.0.0.1", "localhost"), verify=trusted).text == "hello"


def test_a_client_with_the_public_roots_alone_refuses_the_server(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path / "tls")
    public = ssl.create_default_context(cafile=certifi.where())

    with (
        serving(Starlette(routes=[Route("/", _hello)]), certificates=made) as url,
        pytest.raises(httpx.ConnectError, match="certificate verify failed"),
    ):
        httpx.get(url, verify=public)


def test_the_bundle_keeps_the_public_roots(tmp_path: Path) -> None:
    bundle = certificates.ensure(tmp_path / "tls").bundle.read_bytes()

    assert bundle.startswith(Path(certifi.where()).read_bytes())


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path / "tls")
    before = {path: path.read_bytes() for path in first.folder.iterdir()}

    certificates.ensure(tmp_path / "tls")

    assert {path: path.read_bytes() for path in first.folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["tls"]


def test_only_the_owner_can_read_the_key_and_the_authority_has_none(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path / "tls")

    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    with_keys = [path for path in made.folder.iterdir() if b"PRIVATE KEY" in path.read_bytes()]
    assert with_keys == [made.key]
    server = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    key = serialization.load_pem_private_key(made.key.read_bytes(), None)
    assert server.public_key() == key.public_key()


def test_certificates_about_to_end_are_made_anew(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path / "tls")
    ending = x509.load_pem_x509_certificate(made.certificate.read_bytes()).not_valid_after_utc

    renewed = certificates.ensure(tmp_path / "tls", now=ending - timedelta(days=29))

    after = x509.load_pem_x509_certificate(renewed.certificate.read_bytes()).not_valid_after_utc
    assert after > ending
