"""Azure's own clients over a storage account: all that it holds, and putting it there again."""

from collections.abc import Iterator, Mapping
from typing import Any

from azure.data.tables import EntityProperty, TableServiceClient
from azure.identity.aio import DefaultAzureCredential
from azure.keyvault.secrets.aio import SecretClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from local.storage import CONTAINERS, TABLES, create
from tests.kept.files import Blob, Copy, Entity

SLICES = "slices"
_OF_EVERY_ENTITY = ("PartitionKey", "RowKey")


def entities(connection: str) -> Iterator[Entity]:
    """Yield every entity of every table."""
    with TableServiceClient.from_connection_string(connection) as tables:
        for name in TABLES:
            for each in tables.get_table_client(name).list_entities():
                properties = {
                    key: _typed(value) for key, value in each.items() if key not in _OF_EVERY_ENTITY
                }
                at = (name, each["PartitionKey"], each["RowKey"])
                yield Entity(*at, str(each.metadata["etag"]), properties)


def _typed(value: Any) -> tuple[str, Any]:
    """Return a property with its type, as the service names that; our tables hold no other kinds."""
    match value:
        case str():
            return ("Edm.String", value)
        case bool():
            return ("Edm.Boolean", value)
        case int():
            return ("Edm.Int32", value)
        case EntityProperty():
            return (str(getattr(value.edm_type, "value", value.edm_type)), value.value)
    raise TypeError(f"a property of type {type(value).__name__} cannot be kept yet")


def blobs(connection: str) -> Iterator[Blob]:
    """Yield every blob of every container."""
    with BlobServiceClient.from_connection_string(connection) as service:
        for name in CONTAINERS:
            container = service.get_container_client(name)
            for each in container.list_blobs():
                data = container.download_blob(each.name).readall()
                etag = f'"{each.etag.strip(chr(34))}"'  # a listing spells it without quotes
                yield Blob(name, each.name, etag, each.last_modified, data)


def messages(connection: str) -> list[str]:
    """Return the bodies of the messages that can be received now, up to 32."""
    with QueueServiceClient.from_connection_string(connection) as service:
        queue = service.get_queue_client(SLICES, message_decode_policy=TextBase64DecodePolicy())
        return [str(each.content) for each in queue.peek_messages(32)]


async def secrets(vault: str) -> Mapping[str, str]:
    """Return every secret of a vault."""
    async with DefaultAzureCredential() as credential, SecretClient(vault, credential) as client:
        names = [str(each.name) async for each in client.list_properties_of_secrets()]
        return {name: str((await client.get_secret(name)).value) for name in names}


def restore(connection: str, copy: Copy) -> None:
    """Put a copy into an account that has nothing. Only ETags and times of change are new."""
    create(connection)
    with TableServiceClient.from_connection_string(connection) as tables:
        for entity in copy.entities:
            properties = {
                name: value if edm == "Edm.String" else EntityProperty(value, edm)
                for name, (edm, value) in entity.properties.items()
            }
            keys = {"PartitionKey": entity.partition, "RowKey": entity.key}
            tables.get_table_client(entity.table).create_entity({**keys, **properties})
    with BlobServiceClient.from_connection_string(connection) as service:
        for blob in copy.blobs:
            service.get_blob_client(blob.container, blob.name).upload_blob(blob.data)
    with QueueServiceClient.from_connection_string(connection) as queues:
        queue = queues.get_queue_client(SLICES, message_encode_policy=TextBase64EncodePolicy())
        for message in copy.messages:
            queue.send_message(message, time_to_live=-1)
