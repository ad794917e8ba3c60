"""Blob triggers against the storage emulator."""

import base64
import json
from contextlib import suppress

import httpx
import pytest
from azure.core.exceptions import ResourceExistsError

from local.host.config import MASTER_KEY, SYSTEM_KEY
from tests.local.host.conftest import RunningHost, StartHost, World, until

Shared = tuple[World, RunningHost]
OPENS = {"x-functions-key": SYSTEM_KEY}


def _created(world: World, name: str, etag: str = "0x1") -> dict[str, object]:
    return {
        "id": "1",
        "eventType": "Microsoft.Storage.BlobCreated",
        "subject": f"/blobServices/default/containers/drops-{world.names}/blobs/{name}",
        "data": {"api": "PutBlob", "eTag": etag, "blobType": "BlockBlob"},
    }


async def test_each_version_of_a_matching_blob_runs_once(shared: Shared) -> None:
    world, _ = shared
    await world.put("in/deep/er/é.csv", "one")
    await world.put("in/notes.txt", "not for us")
    await world.put("elsewhere.csv", "nor this")
    await world.called("scanned", name="in/deep/er/é.csv", content="one")
    await world.put("in/deep/er/é.csv", "two")
    await world.called("scanned", name="in/deep/er/é.csv", content="two")
    await world.put("in/last.csv", "a later scan")
    await world.called("scanned", name="in/last.csv")
    names = [call["name"] for call in world.calls("scanned")]
    assert sorted(names) == ["in/deep/er/é.csv", "in/deep/er/é.csv", "in/last.csv"]


async def test_a_blob_that_keeps_failing_becomes_a_poison_message(shared: Shared) -> None:
    world, _ = shared
    await world.put("in/bad.csv", "fail")

    async def poison() -> dict[str, str]:
        async with world.queue("webjobs-blobtrigger-poison") as queue:
            async for message in queue.receive_messages(visibility_timeout=1):
                found: dict[str, str] = json.loads(base64.b64decode(message.content))
                if found["ContainerName"] == f"drops-{world.names}":
                    return found
        return {}

    await world.called("scanned", count=2, name="in/bad.csv")
    found = await until(poison, "the poison message")
    assert len(found.pop("ETag")) > 5
    assert found == {
        "FunctionId": "Host.Functions.scanned",
        "BlobType": "BlockBlob",
        "ContainerName": f"drops-{world.names}",
        "BlobName": "in/bad.csv",
    }
    assert len([call for call in world.calls("scanned") if call["name"] == "in/bad.csv"]) == 2


async def test_a_blob_dropped_before_the_host_started_is_new_to_it_once(
    world: World, start_host: StartHost
) -> None:
    await world.put("in/early.csv", "early")
    first = await start_host()
    await world.called("scanned", name="in/early.csv")
    first.signal(9)
    await first.ended()
    await start_host()
    await world.put("in/late.csv", "late")
    await world.called("scanned", name="in/late.csv")
    assert [call["name"] for call in world.calls("scanned")] == ["in/early.csv", "in/late.csv"]


async def test_a_receipt_left_incomplete_by_a_dead_host_does_not_lose_the_blob(
    world: World, start_host: StartHost
) -> None:
    await world.put("in/half.csv", "half")
    async with world.container() as container, world.container("azure-webjobs-hosts") as hosts:
        properties = await container.get_blob_client("in/half.csv").get_blob_properties()
        etag = properties.etag.strip('"')
        with suppress(ResourceExistsError):
            await hosts.create_container()
        receipt = hosts.get_blob_client(
            f"blobreceipts/{world.names}/Host.Functions.scanned/{etag}"
            f"/drops-{world.names}/in/half.csv"
        )
        await receipt.upload_blob(b"")
        await receipt.acquire_lease(lease_duration=15)
        await start_host()
        await world.called("scanned", name="in/half.csv")
        assert (await receipt.get_blob_properties()).metadata == {"completed": "true"}


async def test_two_hosts_run_each_version_once(world: World, start_host: StartHost) -> None:
    await start_host()
    await start_host()
    names = [f"in/{number}.csv" for number in range(12)]
    for name in names:
        await world.put(name, name)
    await world.called("scanned", count=12)
    await world.put("in/last.csv", "a later scan")
    await world.called("scanned", name="in/last.csv")
    assert sorted(call["name"] for call in world.calls("scanned")) == sorted(
        [*names, "in/last.csv"]
    )


async def test_an_event_runs_its_function_each_time_it_is_delivered(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    world, host = shared
    await world.put("told/here.json", "{}")
    webhook = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.told"
    events = [_created(world, "told/here.json"), _created(world, "told/gone.json")]
    for _ in range(2):
        assert (await http.post(webhook, json=events, headers=OPENS)).status_code == 202
    await world.called("told", count=2, name="told/here.json")
    assert {call["name"] for call in world.calls("told")} == {"told/here.json"}


async def test_a_subscription_is_confirmed_with_its_code(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    event = {
        "id": "1",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "abc"},
    }
    webhook = f"{shared[1].url}/runtime/webhooks/blobs?functionName=Host.Functions.told"
    response = await http.post(webhook, json=[event], headers=OPENS)
    assert (response.status_code, response.json()) == (200, {"validationResponse": "abc"})


@pytest.mark.parametrize("name", ["scanned", "nobody", "TOLD"])
async def test_events_for_a_function_that_takes_none_are_taken_and_lost(
    shared: Shared, http: httpx.AsyncClient, name: str
) -> None:
    world, host = shared
    await world.put("lost.json", "{}")
    webhook = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.{name}"
    events = [_created(world, "lost.json")]
    assert (await http.post(webhook, json=events, headers=OPENS)).status_code == 202
    assert not [call for call in world.calls("told") if call["name"] == "lost.json"]


async def test_a_blob_function_can_be_started_by_hand(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    world, host = shared
    await world.put("by/hand.json", "{}")
    body = {"input": f"drops-{world.names}/by/hand.json"}
    response = await http.post(
        f"{host.url}/admin/functions/told", json=body, params={"code": MASTER_KEY}
    )
    assert response.status_code == 202
    await world.called("told", name="by/hand.json")
