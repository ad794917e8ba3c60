"""Azurite as a process of its own, which forgets everything at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import azurite, health
from local.processes import end, spawn
from tests.local.servers import free_port


@contextmanager
def azurite_in_memory(folder: Path) -> Iterator[str]:
    """Run it during the body, which is given a connection string; its log is in the folder."""
    blob, queue, table = (free_port() for _ in range(3))
    addresses = [f"http://127.0.0.1:{port}" for port in (blob, queue, table)]
    process = spawn(
        "azurite",
        azurite.command(blob, queue, table),
        port=blob,
        log=folder / "log",
        environment=os.environ,
    )
    try:
        process.wait_until(lambda: all(health.answers(address) for address in addresses))
        yield azurite.connection_string(*addresses)
    finally:
        end([process])
