"""Starts Azurite, Microsoft's storage emulator, from where it is installed.

With certificates it speaks TLS, and takes tokens beside the account's key. What it does not reproduce:
Event Grid events, throttling, redundancy, roles, and whatever its own README lists as unsupported. It
refuses API versions newer than it knows, and the storage SDKs move faster than it does, hence
``--skipApiVersionCheck``.
"""

from pathlib import Path

from local.certificates import Certificates
from local.node import node

FOLDER = Path(__file__).parent
SCRIPT = FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
# Azurite's published development account: not a secret, every SDK and tool knows it.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def command(
    blob_port: int,
    queue_port: int,
    table_port: int,
    *,
    location: Path | None = None,
    certificates: Certificates | None = None,
) -> list[str]:
    """Return the command that serves storage on 127.0.0.1; without a location, from memory."""
    where = ["--location", str(location)] if location else ["--inMemoryPersistence"]
    ports = {"blob": blob_port, "queue": queue_port, "table": table_port}
    listen = [
        flag
        for service, port in ports.items()
        for flag in (
            *(f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)),
            # Its own 5 s make it close connections that a client is about to use again.
            *(f"--{service}KeepAliveTimeout", "75"),
        )
    ]
    options = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    if certificates:
        pair = ["--cert", str(certificates.certificate), "--key", str(certificates.key)]
        options += ["--oauth", "basic", *pair]
    return [node(), str(SCRIPT), *options, *listen, *where]


def connection_string(blob_url: str, queue_url: str, table_url: str) -> str:
    """Return the connection string of the development account at these addresses."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
        f"BlobEndpoint={blob_url}/{ACCOUNT};QueueEndpoint={queue_url}/{ACCOUNT};"
        f"TableEndpoint={table_url}/{ACCOUNT};"
    )
