"""Storage as the settings open it, against real services."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue import TextBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from local import azurite as emulator
from local import storage as account
from shared.domain.run import SliceMessage
from shared.domain.schedule import RefreshSchedule
from shared.settings import Settings, StorageAccount
from shared.storage.blobs import BlobContainer, BlobLeases
from shared.storage.clients import OpenStorage, open_storage
from shared.storage.entries import ALL, Bookmark
from shared.storage.ports import Unavailable
from shared.storage.tables import TableRecords
from tests.local.servers import free_port

pytestmark = pytest.mark.stack
DAY = datetime(2026, 11, 21, tzinfo=UTC)
ADDRESSES: dict[str, Any] = {
    f"DataStorage__{service}ServiceUri": f"https://account.{service}.core.example"
    for service in ("blob", "queue", "table")
}


def settings(storage: StorageAccount) -> Settings:
    return Settings(
        storage=storage,
        key_vault_url="https://127.0.0.1:1",
        auth_issuer="http://127.0.0.1:1",
        auth_audience="api://contract",
        public_base_url="http://127.0.0.1:1",
    )


@pytest.fixture
async def opened(azurite: str) -> AsyncIterator[OpenStorage]:
    account.create(azurite)
    storage = open_storage(settings(StorageAccount(DataStorage=azurite)))
    yield storage
    await storage.close()


async def test_every_port_finds_what_it_is_named_after(opened: OpenStorage) -> None:
    for records in (
        opened.connections,
        opened.exports,
        opened.placements,
        opened.runs,
        opened.checkpoints,
        opened.active_runs,
        opened.lane_queues,
        opened.due,
        opened.oauth_states,
        opened.schedules,
        opened.bookmarks,
        opened.readings,
    ):
        assert await records.get("nobody", "nothing") is None
    assert await opened.audit.page("nobody") == []
    for blobs in (opened.segments, opened.run_files, opened.delivered):
        assert [info async for info in blobs.list("nothing")] == []
    lease = await opened.lanes.acquire("open")
    assert lease is not None
    await opened.lanes.release("open", lease)


async def test_two_kinds_of_record_share_the_settings_table(opened: OpenStorage) -> None:
    await opened.schedules.put(ALL, "refresh-schedule", RefreshSchedule())
    await opened.bookmarks.put(ALL, "bookmark", Bookmark(at=DAY))
    schedule = await opened.schedules.get(ALL, "refresh-schedule")
    bookmark = await opened.bookmarks.get(ALL, "bookmark")
    assert schedule is not None
    assert bookmark is not None
    assert (schedule.value, bookmark.value) == (RefreshSchedule(), Bookmark(at=DAY))


async def test_slices_are_base64_as_a_queue_trigger_expects(
    opened: OpenStorage, azurite: str
) -> None:
    sent = SliceMessage(run_id="export.run", slice=3)
    await opened.slices.send(sent)
    async with QueueClient.from_connection_string(
        azurite, "slices", message_decode_policy=TextBase64DecodePolicy()
    ) as queue:
        message = await queue.receive_message()
    assert message is not None
    assert SliceMessage.model_validate_json(message.content) == sent
    assert message.expires_on is not None
    assert message.expires_on.year > 9000  # never


async def test_what_is_not_set_up_is_unavailable_and_not_empty(azurite: str) -> None:
    async with (
        TableClient.from_connection_string(azurite, "absent") as table,
        ContainerClient.from_connection_string(azurite, "absent") as container,
    ):
        with pytest.raises(Unavailable, match="absent/all/1: 404 TableNotFound"):
            await TableRecords(table, Bookmark).get(ALL, "1")
        with pytest.raises(Unavailable, match="absent/a: 404 ContainerNotFound"):
            await BlobContainer(container).info("a")
        with pytest.raises(Unavailable, match="absent/a: 404 ContainerNotFound"):
            await BlobLeases(container).acquire("a")


async def test_storage_that_does_not_answer_is_unavailable() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    nobody = emulator.connection_string(address, address, address)
    async with (
        TableClient.from_connection_string(nobody, "runs", retry_total=0) as table,
        ContainerClient.from_connection_string(nobody, "runs", retry_total=0) as container,
    ):
        with pytest.raises(Unavailable, match="runs/all/1: no answer ServiceRequestError"):
            await TableRecords(table, Bookmark).get(ALL, "1")
        with pytest.raises(Unavailable, match="runs/a: no answer ServiceRequestError"):
            await anext(BlobContainer(container).stream("a"))


async def test_addresses_do_instead_of_a_connection_string() -> None:
    storage = open_storage(settings(StorageAccount(**ADDRESSES)))
    await storage.close()


@pytest.mark.parametrize("missing", ADDRESSES)
async def test_storage_settings_that_lack_something_say_what_to_set(missing: str) -> None:
    others = {name: address for name, address in ADDRESSES.items() if name != missing}
    with pytest.raises(ValueError, match=f"DataStorage, or {missing}"):
        open_storage(settings(StorageAccount(**others)))
