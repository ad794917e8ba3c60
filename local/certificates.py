"""Certificates for the local servers that must speak TLS.

A certificate authority is made for one server certificate and its private key is never written
down, so nobody can sign anything else with it. Clients trust it through `ca-bundle.pem`: the public
roots (certifi) and the local one. OpenSSL, httpx and aiohttp read that file when `SSL_CERT_FILE`
names it; `requests` (the synchronous Azure clients) wants it in `REQUESTS_CA_BUNDLE`.
"""

import ipaddress
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "Segment Exports local authority"
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
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    authority = _authority(authority_key, now)
    server = _server(server_key, authority_key, now)
    root = authority.public_bytes(serialization.Encoding.PEM)
    files.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + root)
    files.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _builder(
    subject: str, issuer: str, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    # Python 3.13 verifies strictly: key usage and key identifiers must be there.
    return (
        _builder(AUTHORITY, AUTHORITY, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    return (
        _builder("localhost", AUTHORITY, key.public_key(), now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
