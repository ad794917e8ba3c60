"""Creates the containers, queues and tables of the product, as infra does on Azure."""

import contextlib
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

CONTAINERS = ("segments", "runs", "delivered", "lanes")
QUEUES = ("slices", "slices-poison")
TABLES = (
    "connections",
    "exports",
    "runs",
    "due",
    "oauthstates",
    "audit",
    "settings",
    "versions",
)


def create(connection_string: str, trust: str | None = None) -> None:
    """Create whatever of them the storage account lacks; `trust` is a file of certificates."""
    verify: dict[str, Any] = {"connection_verify": trust} if trust else {}
    with BlobServiceClient.from_connection_string(connection_string, **verify) as blobs:
        for container in CONTAINERS:
            with contextlib.suppress(ResourceExistsError):
                blobs.create_container(container)
    with QueueServiceClient.from_connection_string(connection_string, **verify) as queues:
        for queue in QUEUES:
            with contextlib.suppress(ResourceExistsError):
                queues.create_queue(queue)
    with TableServiceClient.from_connection_string(connection_string, **verify) as tables:
        for table in TABLES:
            tables.create_table_if_not_exists(table)
