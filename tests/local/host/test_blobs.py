"""Blob triggers against the storage emulator."""

import base64
import json
from contextlib import suppress

import httpx
from azure.core.exceptions import ResourceExistsError

from local.host.config import MASTER_KEY, SYSTEM_KEY
from tests.local.host.conftest import RunningHost, StartHost, World, until

Shared = tuple[World, RunningHost]
OPENS = {"x-functions-key": SYSTEM_KEY}


def _event(world: World, name: str, kind: str = "BlobCreated") -> dict[str, object]:
    return {
        "id": "1",
        "eventType": f"Microsoft.Storage.{kind}",
        "subject": "not read",
        "data": {
            "eTag": "0x1",
            "blobType": "BlockBlob",
            "url": world.container().get_blob_client(name).url,
        },
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


async def _tell(
    http: httpx.AsyncClient,
    host: RunningHost,
    events: list[dict[str, object]],
    kind: str = "Notification",
    function: str = "told",
) -> httpx.Response:
    webhook = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.{function}"
    return await http.post(
        webhook, json=events, headers=OPENS | ({"aeg-event-type": kind} if kind else {})
    )


async def test_an_event_runs_its_function_each_time_it_is_delivered(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    world, host = shared
    await world.put("told/here.json", "{}")
    events = [_event(world, "told/here.json"), _event(world, "told/gone.json")]
    for _ in range(2):
        assert (await _tell(http, host, events)).status_code == 202
    await _tell(http, host, [_event(world, "told/here.json", "BlobDeleted")])
    await world.called("told", count=3, name="told/here.json")
    assert "told/gone.json" not in {call["name"] for call in world.calls("told")}


async def test_an_event_that_fails_is_tried_five_times_at_once_and_given_up(
    world: World, start_host: StartHost, http: httpx.AsyncClient
) -> None:
    settings = json.loads((world.folder / "host.json").read_text())
    settings["extensions"].pop("blobs")
    settings["extensions"]["queues"]["visibilityTimeout"] = (
        "00:00:30"  # which is of no account here
    )
    (world.folder / "host.json").write_text(json.dumps(settings))
    host = await start_host()
    await world.put("told/fail.json", "{}")
    await _tell(http, host, [_event(world, "told/fail.json")])
    calls = await world.called("told", count=5, name="told/fail.json")
    assert calls[-1]["at"] - calls[0]["at"] < 5  # half a second, where nothing else runs

    async def given_up() -> bool:
        return "moves to webjobs-blobtrigger-poison" in host.log.read_text()

    await until(given_up, "the move to the poison queue")
    assert len(world.calls("told")) == 5


async def test_no_more_than_three_events_are_worked_on_at_once(
    world: World, start_host: StartHost, http: httpx.AsyncClient
) -> None:
    settings = json.loads((world.folder / "host.json").read_text())
    settings["extensions"]["blobs"] = {"maxDegreeOfParallelism": 4}
    (world.folder / "host.json").write_text(json.dumps(settings))
    host = await start_host()
    names = [f"told/wait{number}.json" for number in range(5)]
    for name in names:
        await world.put(name, "{}")
    await _tell(http, host, [_event(world, name) for name in names])
    await world.called("told", count=2)
    async with world.queue(f"azure-webjobs-blobtrigger-{world.names}") as queue:

        async def looked() -> bool:
            return len(await queue.peek_messages(max_messages=32)) <= 3

        await until(looked, "what the host takes")
    assert len(world.calls("told")) <= 3
    (world.folder / "gate").touch()
    await world.called("told", count=5)


async def test_a_subscription_is_confirmed_with_its_code(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    event: dict[str, object] = {"id": "1", "data": {"validationCode": "abc"}}
    response = await _tell(http, shared[1], [event], "SubscriptionValidation")
    assert (response.status_code, response.json()) == (200, {"validationResponse": "abc"})


async def test_the_webhook_answers_as_the_azure_host_does(
    shared: Shared, http: httpx.AsyncClient
) -> None:
    world, host = shared
    event = _event(world, "told/nobody.json")
    await world.put("told/nobody.json", "{}")
    for function in ("unknown", "scanned", "TOLD"):
        assert (await _tell(http, host, [event], function=function)).status_code == 202
    assert (await _tell(http, host, [])).status_code == 202
    assert (await _tell(http, host, [event], "Unsubscribe")).status_code == 202
    assert (await _tell(http, host, [event], "")).status_code == 400
    assert (await _tell(http, host, [{"data": {}}])).status_code == 500
    assert "told/nobody.json" not in {call["name"] for call in world.calls("told")}


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
