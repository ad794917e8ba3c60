"""Storage in memory that holds what a copy does, also the ETags and times of change."""

from collections.abc import Mapping
from dataclasses import fields

from shared.storage.ports import Storage
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryBlobs, MemorySecrets, MemoryTrail, keep_in, memory_storage
from tests.golden.stored import Port, ports
from tests.kept.files import Blob, Copy, Entity


async def restored(copy: Copy, clock: FakeClock) -> Storage:
    """Return it, without the messages: as Azure's services do, it says nothing of what is in them."""
    storage, called = memory_storage(clock), await ports()
    for each in fields(storage):
        _fill(getattr(storage, each.name), called.get(each.name), copy)
    secrets = storage.secrets
    assert isinstance(secrets, MemorySecrets)
    for name, value in copy.secrets.items():
        await secrets.set(name, value)
    return storage


def _fill(port: object, called: Port | None, copy: Copy) -> None:
    """Fill a port with all that lies under its name: of a table several ports have a part each."""
    match port, called:
        case MemoryTrail(), Port("table", table):
            for entity in copy.entities:
                if entity.table == table:
                    keep_in(port, entity.partition, entity.key, body(entity), entity.etag)
        case MemoryTrail(), Port("container", container):
            for folder, key, blob in _records(copy, container):
                keep_in(port, folder, key, blob.data.decode(), blob.etag)
        case MemoryBlobs(), Port("container", container):
            for blob in copy.blobs:
                if blob.container == container:
                    port.keep(blob.name, blob.data, blob.etag, blob.modified)


def body(entity: Entity) -> str:
    """Return the JSON of an entity, which lies in `body`, `body1`, `body2` and so on."""
    values: Mapping[str, str] = {name: value for name, (_, value) in entity.properties.items()}
    number = {name: int(name.removeprefix("body") or 0) for name in values}
    return "".join(values[name] for name in sorted(values, key=number.__getitem__))


def _records(copy: Copy, container: str) -> list[tuple[str, str, Blob]]:
    """Return the blobs that are a record each, with their folders and names in those."""
    found = [(blob.name.split("/"), blob) for blob in copy.blobs if blob.container == container]
    return [(at[0], at[1], blob) for at, blob in found if len(at) == 2]
