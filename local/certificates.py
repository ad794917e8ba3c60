"""Makes the certificates of the local servers that must speak TLS, and keeps them until they end.

A certificate authority is made for one server certificate and its private key is never written
down, so nobody can sign anything else with it. Clients trust it through `ca-bundle.pem`: the public
roots (certifi) and the local one. OpenSSL, httpx and aiohttp read that file when `SSL_CERT_FILE`
names it; `requests` (the synchronous Azure clients) wants it in `REQUESTS_CA_BUNDLE`.
"""

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import trustme
from cryptography import x509

LIFETIME = timedelta(days=365)
RENEWED_BEFORE_END = timedelta(days=30)


@dataclass(frozen=True)
class Certificates:
    """Where the PEM files are."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """What clients trust."""
        return self.folder / "ca-bundle.pem"

    @property
    def certificate(self) -> Path:
        """The server's certificate, for localhost and 127.0.0.1."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """The server's private key, readable by its owner alone."""
        return self.folder / "server-key.pem"


def ensure(folder: Path, *, now: datetime | None = None) -> Certificates:
    """The certificates in `folder`, made first if there are none or they end within a month.

    Safe to call from several processes at once: the folder appears whole, and the first one wins.
    """
    certificates = Certificates(folder)
    now = now or datetime.now(UTC)
    if certificates.certificate.exists():
        if _end(certificates.certificate) - now > RENEWED_BEFORE_END:
            return certificates
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    _make(Certificates(draft), now)
    try:
        draft.rename(folder)
    except OSError:
        shutil.rmtree(draft)
        if not certificates.certificate.exists():
            raise
    return certificates


def _end(certificate: Path) -> datetime:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def _make(files: Certificates, now: datetime) -> None:
    authority = trustme.CA(organization_name="Segment Exports local authority", path_length=0)
    server = authority.issue_cert("localhost", "127.0.0.1", not_after=now + LIFETIME)
    files.bundle.write_bytes(
        Path(certifi.where()).read_bytes() + b"\n" + authority.cert_pem.bytes()
    )
    server.cert_chain_pems[0].write_to_path(files.certificate)
    files.key.touch(mode=0o600)
    server.private_key_pem.write_to_path(files.key)
