"""Starting and stopping the host."""

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import suppress

import httpx
import pytest
from azure.core.exceptions import ResourceNotFoundError

from local.health import functions
from local.host.config import MASTER_KEY
from tests.local.host.conftest import ROOT, StartHost, World, until


async def test_the_host_names_the_functions_it_found(start_host: StartHost) -> None:
    host = await start_host()
    lines = host.log.read_text().splitlines()
    assert [line for line in lines if line.startswith("function ")] == [
        "function keyed (httpTrigger)",
        "function locked (httpTrigger)",
        "function plain (httpTrigger)",
        "function poisoned (queueTrigger)",
        "function scanned (blobTrigger)",
        "function secondly (timerTrigger)",
        "function told (blobTrigger)",
        "function web (httpTrigger)",
        "function work (queueTrigger)",
        "function yearly (timerTrigger)",
    ]


async def test_a_stop_lets_a_running_function_finish_and_takes_nothing_new(
    world: World, start_host: StartHost, http: httpx.AsyncClient
) -> None:
    host = await start_host()
    gate = world.folder / "gate"
    await world.send(f"wait {gate}")
    await world.called("work", text=f"wait {gate}")
    host.signal(signal.SIGTERM)

    async def closed() -> bool:
        try:
            await http.get(host.url)
        except httpx.TransportError:
            return True
        return False

    await until(closed, "the end of listening")
    assert host.process.poll() is None
    await world.send("too late")
    gate.touch()
    assert await host.ended() == 0
    assert [call["text"] for call in world.calls("work")] == [f"wait {gate}", f"done {gate}"]


async def test_a_stop_waits_no_longer_than_the_grace_period(
    world: World, start_host: StartHost
) -> None:
    host = await start_host("--grace", "0.5")
    await world.send(f"wait {world.folder / 'never'}")
    await world.called("work")
    host.signal(signal.SIGINT)
    assert await host.ended() == 0


async def test_a_second_signal_ends_the_host_at_once(world: World, start_host: StartHost) -> None:
    host = await start_host("--grace", "1000")
    await world.send(f"wait {world.folder / 'never'}")
    await world.called("work")
    host.signal(signal.SIGTERM)

    async def stopping() -> bool:
        return "stopping" in host.log.read_text()

    await until(stopping, "the first signal")
    host.signal(signal.SIGTERM)
    assert await host.ended() == 128 + signal.SIGTERM


def _refusal(world: World) -> str:
    command = [sys.executable, "-m", "local.host", "--port", "0", "--app", str(world.folder)]
    ended = subprocess.run(  # noqa: S603
        command, cwd=ROOT, capture_output=True, text=True, timeout=40, check=False
    )
    assert ended.returncode == 1
    return ended.stderr


async def test_a_queue_that_is_deleted_is_created_again(
    world: World, start_host: StartHost
) -> None:
    host = await start_host()
    async with world.queue() as queue:
        await queue.delete_queue()

        async def back() -> bool:
            missing = f"work-{world.names} is gone" in host.log.read_text()
            with suppress(ResourceNotFoundError):
                await queue.get_queue_properties()
                return missing
            return False

        await until(back, "the new queue")
    await world.send("after all")
    await world.called("work", text="after all")


@pytest.mark.parametrize("broken", ["raise ValueError('broken on purpose')", "", None])
async def test_an_app_that_cannot_be_loaded_looks_alive_but_has_no_function(
    world: World, start_host: StartHost, http: httpx.AsyncClient, broken: str | None
) -> None:
    app = world.folder / "function_app.py"
    app.unlink() if broken is None else app.write_text(broken)
    host = await start_host()
    home = await http.get(host.url)
    assert home.status_code == 200
    assert "Your Azure Function App is up and running." in home.text
    status = await http.get(f"{host.url}/admin/host/status", params={"code": MASTER_KEY})
    assert status.json()["state"] == "Running"
    listed = await http.get(f"{host.url}/admin/functions", params={"code": MASTER_KEY})
    assert listed.json() == []
    assert await asyncio.to_thread(functions, host.url) == []
    for path in ("health", "answers/yes", "index.html"):
        assert (await http.get(f"{host.url}/{path}")).status_code == 404
    log = host.log.read_text()
    assert ("broken on purpose" if broken else "no function") in log


async def test_the_home_page_can_be_turned_off(
    world: World, start_host: StartHost, http: httpx.AsyncClient
) -> None:
    (world.folder / "function_app.py").write_text("raise ValueError")
    host = await start_host(AzureWebJobsDisableHomepage="true")
    response = await http.get(host.url)
    assert (response.status_code, response.content) == (204, b"")


def test_a_binding_that_the_host_lacks_is_refused_with_the_function(world: World) -> None:
    (world.folder / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.blob_trigger(arg_name='body', path='in/{name}', connection='DataStorage')\n"
        "def heavy(body: func.InputStream) -> None: ...\n"
    )
    assert "heavy: this host binds a blob as BlobClient only" in _refusal(world)


def test_a_missing_setting_is_named(world: World) -> None:
    (world.folder / "function_app.py").write_text(
        "import azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "@app.queue_trigger(arg_name='m', queue_name='%NOT_THERE%', connection='DataStorage')\n"
        "def queue(m: func.QueueMessage) -> None: ...\n"
    )
    assert "the setting NOT_THERE of %NOT_THERE% does not exist" in _refusal(world)


def test_a_wrong_host_json_is_refused(world: World) -> None:
    (world.folder / "host.json").write_text(json.dumps({"version": "1.0"}))
    assert '"version" must be "2.0"' in _refusal(world)
