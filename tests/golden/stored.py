"""All that a storage in memory holds, as lines of JSON, under the names that it has in Azure."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from pydantic import BaseModel

from shared.domain.run import SliceMessage
from shared.settings import Settings, StorageAccount
from shared.storage.blobs import BlobContainer, BlobLeases, BlobRecords
from shared.storage.clients import open_storage
from shared.storage.ports import Storage
from shared.storage.queues import StorageQueue
from shared.storage.tables import TableTrail
from tests.fakes.storage import (
    MemoryBlobs,
    MemoryQueue,
    MemorySecrets,
    MemoryTrail,
    kept_in,
    names_in,
)

_ADDRESSES: dict[str, Any] = {
    f"DataStorage__{service}ServiceUri": f"https://account.{service}.core.example"
    for service in ("blob", "queue", "table")
}
_GZIP = b"\x1f\x8b"
_ZEROS = re.compile(r"(?:00000000 ){2,}")  # a delivered state has many empty partitions


@dataclass(frozen=True)
class Port:
    """What a storage port is called in Azure, and what its JSON is made of; None where it holds no JSON."""

    service: str
    name: str
    model: type[BaseModel] | None = None


async def ports() -> dict[str, Port]:
    """Return the table, container or queue of every port of storage but the vaults."""
    storage = open_storage(
        Settings(
            storage=StorageAccount(**_ADDRESSES),
            key_vault_url="https://vault.example",
            auth_issuer="https://issuer.example",
            auth_audience="api://golden",
            public_base_url="https://exports.example",
        )
    )
    try:
        every = {each.name: getattr(storage, each.name) for each in fields(Storage)}
        return {name: found for name, port in every.items() if (found := _port(port))}
    finally:
        await storage.close()


def _port(port: object) -> Port | None:
    match port:
        case TableTrail():
            return Port("table", port._table.table_name, port._model)
        case BlobContainer() | BlobLeases():
            return Port("container", port._container.container_name)
        case BlobRecords():
            return Port("container", port._client("any").container_name, port._model)
        case StorageQueue():
            return Port("queue", port._queue.queue_name, SliceMessage)
    return None


async def stored(storage: Storage) -> list[str]:
    """Return a line for each record, blob, message and name of a secret.

    Within a partition, or a folder, they stand in the order in which they were first stored, so that
    two tellings of a story give the same lines but for what is random.
    """
    called = await ports()
    every = [(getattr(storage, each.name), called.get(each.name)) for each in fields(storage)]
    lines = [line for port, names in every for line in _lines(port, names)]
    return sorted(lines, key=_partition)


def _partition(line: str) -> tuple[str, ...]:
    return tuple(str(each) for each in json.loads(line).values())[:2]


def _lines(port: object, names: Port | None) -> Iterator[str]:
    match port, names:
        case MemoryTrail(), Port("table", table):
            for partition, key, body in kept_in(port):
                yield _line("record", body, table=table, partition=partition, key=key)
        case MemoryTrail(), Port("container", container):
            for partition, key, body in kept_in(port):
                yield _line("json", body, container=container, folder=partition, blob=key)
        case MemoryBlobs(), Port("container", container):
            for name, data in port.kept():
                folder, _, rest = name.partition("/")
                yield _line(*_content(data), container=container, folder=folder, blob=rest)
        case MemoryQueue(), Port("queue", queue):
            for each in port.waiting:
                visible = each.visible_at.isoformat()
                yield _line("message", each.message.model_dump_json(), queue=queue, visible=visible)
        case MemorySecrets(), None:
            yield from (_line("secret", json.dumps(name), vault="own") for name in names_in(port))


def _line(member: str, body: str, **at: str) -> str:
    """Return a line whose last member is text as it was stored, not as we would write it."""
    return f'{json.dumps(at, ensure_ascii=False)[:-1]}, "{member}": {body}}}'


def place(line: str) -> str:
    """Return where it lies that a line tells of: all but the last member."""
    *where, _ = json.loads(line).items()
    return json.dumps(dict(where), ensure_ascii=False)


def _content(data: bytes) -> tuple[str, str]:
    """Return how a blob's content is shown, and the JSON of it."""
    if data.startswith(_GZIP):
        return "gzip", json.dumps(gzip.decompress(data).decode(), ensure_ascii=False)
    try:
        return "text", json.dumps(data.decode(), ensure_ascii=False)
    except UnicodeDecodeError:
        zeros = _ZEROS.sub(lambda found: f"00000000*{len(found[0]) // 9} ", data.hex(" ", -4))
        return "hex", json.dumps(zeros)
