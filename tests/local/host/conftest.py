"""A real storage emulator and hosts as processes of their own."""

import asyncio
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue.aio import QueueClient

from tests.local.servers import free_port

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
HOST_JSON = {
    "version": "2.0",
    "extensions": {
        "http": {"routePrefix": ""},
        "queues": {"batchSize": 2, "newBatchThreshold": 1, "maxDequeueCount": 3},
        "blobs": {"poisonBlobThreshold": 2},
    },
}


async def until[T](look: Callable[[], Awaitable[T]], what: str, seconds: float = 40) -> T:
    """Wait until `look` gives something true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := await look():
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


@dataclass
class World:
    """One storage account seen by one test: its names are its own."""

    connection: str
    folder: Path
    names: str = field(default_factory=lambda: uuid.uuid4().hex[:10])

    @property
    def record(self) -> Path:
        return self.folder / "record.jsonl"

    def queue(self, name: str = "") -> QueueClient:
        return QueueClient.from_connection_string(self.connection, name or f"work-{self.names}")

    def container(self, name: str = "") -> ContainerClient:
        return ContainerClient.from_connection_string(
            self.connection, name or f"drops-{self.names}"
        )

    async def send(self, text: str) -> None:
        async with self.queue() as queue:
            await queue.send_message(base64.b64encode(text.encode()).decode())

    async def put(self, name: str, content: str) -> None:
        async with self.container() as container:
            if not await container.exists():
                await container.create_container()
            await container.upload_blob(name, content, overwrite=True)

    def calls(self, function: str) -> list[dict[str, Any]]:
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [call for line in lines if (call := json.loads(line))["function"] == function]

    async def called(self, function: str, count: int = 1, **facts: Any) -> list[dict[str, Any]]:
        """Wait for so many calls with these facts and return them."""

        async def look() -> list[dict[str, Any]]:
            found = [call for call in self.calls(function) if facts.items() <= call.items()]
            return found if len(found) >= count else []

        return await until(look, f"{count} x {function} {facts}")


@dataclass
class RunningHost:
    """A host process."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for its end and return its exit status."""
        return await asyncio.to_thread(self.process.wait, 40)


StartHost = Callable[..., Awaitable[RunningHost]]


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start an in-memory storage emulator and give its connection string.

    The environment variable AZURITE may name another azurite.js.
    """
    own = ROOT / "local/azurite/node_modules/azurite/dist/src/azurite.js"
    script = os.environ.get("AZURITE", str(own))
    node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
    ports = [free_port() for _ in range(3)]
    flags = ["--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    for kind, port in zip(("blob", "queue", "table"), ports, strict=True):
        flags += [f"--{kind}Port", str(port)]
    folder = tmp_path_factory.mktemp("azurite")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([node, script, *flags], cwd=folder, stdout=log, stderr=log)  # noqa: S603
    try:
        for port in ports:
            _await_port(port, process)
        endpoints = (
            f"{kind}Endpoint=http://127.0.0.1:{port}/devstoreaccount1"
            for kind, port in zip(("Blob", "Queue", "Table"), ports, strict=True)
        )
        account = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY}"
        yield ";".join([account, *endpoints])
    finally:
        process.terminate()
        process.wait()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the storage emulator did not start (exit status {process.poll()})")


@pytest.fixture
def world(azurite: str, tmp_path: Path) -> World:
    return _world(azurite, tmp_path)


def _world(connection: str, folder: Path) -> World:
    shutil.copy(HERE / "sample_app.py", folder / "function_app.py")
    (folder / "host.json").write_text(json.dumps(HOST_JSON))
    return World(connection, folder)


@pytest.fixture
async def start_host(world: World) -> AsyncIterator[StartHost]:
    """Start hosts of this test's world; they are killed after it."""
    running: list[RunningHost] = []

    async def start(*flags: str, **environment: str) -> RunningHost:
        host = await _start(world, len(running), flags, environment)
        running.append(host)
        return host

    yield start
    for host in running:
        _kill(host)


@pytest.fixture(scope="module")
async def shared(
    azurite: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, RunningHost]]:
    """Give the tests of a module one world and one host, for what does not need its own."""
    world = _world(azurite, tmp_path_factory.mktemp("shared"))
    host = await _start(world, 0, (), {})
    yield world, host
    _kill(host)


async def _start(
    world: World, number: int, flags: tuple[str, ...], environment: dict[str, str]
) -> RunningHost:
    log = world.folder / f"host{number}.log"
    command = [sys.executable, "-m", "local.host", "--port", "0", "--app", str(world.folder)]
    command += ["--blob-scan", "0.2", *flags]
    settings = os.environ | {
        "AzureWebJobsStorage": world.connection,
        "DataStorage": world.connection,
        "AzureFunctionsWebHost__hostid": world.names,
        "NAMES": world.names,
        "RECORD": str(world.record),
        **environment,
    }
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603, ASYNC220 - it starts at once
            command, cwd=ROOT, env=settings, stdout=out, stderr=out
        )

    async def listening() -> str:
        assert process.poll() is None, log.read_text()
        found = [line for line in log.read_text().splitlines() if line.startswith("listening on ")]
        return found[0].removeprefix("listening on ") if found else ""

    return RunningHost(process, await until(listening, "the host's start"), log)


def _kill(host: RunningHost) -> None:
    with suppress(ProcessLookupError):
        host.process.send_signal(signal.SIGKILL)
    host.process.wait()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        yield client
