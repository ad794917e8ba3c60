"""One run of the engine: a segment file on the disk goes to Mailchimp's sandbox, and all of it counts.

The sandbox is another process behind a real socket, and answers at once. Tables and queue are in
memory, blobs on the disk: so what is measured is the engine, and neither Azure's clients nor what
stands in for Azure here.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import httpx

from local import addresses, health
from local.processes import end, spawn
from local.sandbox.kit.state import PASSWORD
from shared.api.paths import addresses_at
from shared.destinations.mailchimp.destination import Mailchimp
from shared.domain.clock import SystemClock
from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.export import Export
from shared.domain.run import Mode, RunStatus, SliceMessage, Trigger, TriggerKind
from shared.runs.history import find_run, run_progress
from shared.runs.slice import run_slice
from shared.runs.start import start_run
from shared.services import Services
from shared.storage.entries import ALL
from shared.storage.ports import BlobInfo, Missing, Storage
from shared.transport.fast_client import open_http
from tests.bench.profiles import FIELDS
from tests.contract.destinations.sides import CALLBACK, CLIENT, through_the_sign_in_page
from tests.fakes.people import consent
from tests.fakes.storage import MemoryBlobs, MemoryRecords, memory_storage
from tests.segments.memory import peak_mib

CONNECTIONS = 8
"""To Mailchimp at once, as by default."""

_MOST_PROFILES = 100_000_000
_PIECE = 4 * 1024 * 1024  # bytes


@contextmanager
def sandbox(folder: Path) -> Iterator[str]:
    """Run Mailchimp's sandbox without any latency; yield its address."""
    with ExitStack() as held:
        port = addresses.free_port(0, held)
        command = [sys.executable, "-m", "local.sandbox.mailchimp", "--port", str(port)]
        command += ["--client-id", CLIENT.id, "--client-secret", CLIENT.secret]
        command += ["--redirect-uri", CALLBACK, "--accounts", "1", "--latency", "0"]
        command += ["--state", str(folder / "mailchimp"), "--lean-answers"]
        log = folder / "mailchimp.log"
        process = spawn("mailchimp", command, port=port, log=log, environment=os.environ)
        try:
            process.wait_until(lambda: health.healthy(f"{process.url}/health", health.NO_TLS))
            yield process.url
        finally:
            end([process])


class OnDisk(MemoryBlobs):
    """Blobs in files of a folder, and the segment, whose files are elsewhere."""

    def __init__(self, folder: Path) -> None:
        super().__init__(SystemClock())
        self._folder = folder
        self._infos: dict[str, BlobInfo] = {}
        self._segments: dict[str, Path] = {}

    def drop(self, file: Path) -> None:
        """Add a file to the segment, as its newest version."""
        name = f"Customers/{file.name}"
        self._infos[name] = BlobInfo(name, '"1"', file.stat().st_size, self._clock.now())
        self._segments[name] = file

    async def list(self, prefix: str = "") -> AsyncIterator[BlobInfo]:
        """Yield the blobs whose name begins with `prefix`."""
        for name in sorted(self._infos):
            if name.startswith(prefix):
                yield self._infos[name]

    async def info(self, name: str) -> BlobInfo | None:
        """Return what a listing would say of this blob, or None."""
        return self._infos.get(name)

    async def read(self, name: str) -> bytes:
        """Return the whole blob; raise Missing."""
        return self._file(name).read_bytes()

    async def stream(self, name: str, etag: str | None = None) -> AsyncIterator[bytes]:
        """Yield it in pieces; raise Missing."""
        with self._file(name).open("rb") as file:
            while piece := file.read(_PIECE):
                await asyncio.sleep(0)  # as a network does: else nobody renews the lane meanwhile
                yield piece

    async def read_range(self, name: str, etag: str, offset: int, size: int) -> bytes:
        """Return some of it."""
        await asyncio.sleep(0)
        with self._file(name).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    async def write(self, name: str, data: bytes | AsyncIterator[bytes]) -> None:
        """Keep it, piece by piece."""
        await asyncio.sleep(0)
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            if isinstance(data, bytes):
                out.write(data)
            else:
                async for piece in data:
                    out.write(piece)
        self._infos[name] = BlobInfo(name, '"1"', file.stat().st_size, self._clock.now())

    async def delete(self, prefix: str) -> None:
        """Remove every blob whose name begins with `prefix`."""
        for name in [name for name in self._infos if name.startswith(prefix)]:
            self._file(name).unlink()
            del self._infos[name]

    def _file(self, name: str) -> Path:
        if name not in self._infos:
            raise Missing(name)
        return self._segments.get(name, self._folder / name)


async def measure(
    url: str,
    file: Path,
    folder: Path,
    changed: Path | None = None,
    *,
    http: httpx.AsyncClient | None = None,
    far: float = 0,
) -> tuple[float, float]:
    """Send a file's profiles to a new audience; return the CPU seconds and the most memory in MiB.

    With `changed` they are those of a second run, for which that file is the newest version. Records,
    checkpoints among them, answer `far` seconds later.
    """
    audience = await _new_audience(url, file.name)
    blobs, clock = OnDisk(folder), SystemClock()
    mailchimp = Mailchimp(CLIENT, url, url + "/{dc}", connections=CONNECTIONS)
    services = Services(
        storage=replace(
            _records_are(far, memory_storage(clock)),
            segments=blobs,
            run_files=blobs,
            delivered=blobs,
        ),
        destinations={mailchimp.name: mailchimp},
        http=http or open_http(),
        clock=clock,
        addresses=addresses_at("https://exports.test"),
        slice_seconds=100_000,
        max_profiles=_MOST_PROFILES,
    )
    seconds = 0.0
    async with services.http:
        await _export(services, mailchimp, audience)
        for each in (file, changed) if changed else (file,):
            blobs.drop(each)
            seconds = await _run(services, each.name)
    return seconds, peak_mib()


async def _run(services: Services, key: str) -> float:
    """Run the export over the newest version; return the CPU seconds."""
    began = time.process_time()
    trigger = Trigger(kind=TriggerKind.ON_DEMAND, key=key, at=services.clock.now())
    run, _ = await start_run(services, "export", trigger, Mode.CHANGES)
    await run_slice(services, SliceMessage(run_id=run.id, slice=0))
    seconds = time.process_time() - began
    run = await find_run(services, run.id)
    progress = await run_progress(services, run)
    assert run.status is RunStatus.SUCCESSFUL, (run.status, run.timeline)
    counts = progress.counts
    assert counts.accepted + counts.unchanged == progress.rows_read > 0
    return seconds


async def account(url: str) -> tuple[str, str, str]:
    """Sign in to the sandbox; return the address of its API, a token, and a new audience."""
    mailchimp = Mailchimp(CLIENT, url, url + "/{dc}")
    async with open_http() as http:
        credentials, signed_in = await through_the_sign_in_page(
            mailchimp, http, "owner1@example.com", PASSWORD, SystemClock()
        )
    audience = await _new_audience(url, "plain loop")
    return mailchimp.base_url(signed_in), credentials["access_token"], audience


class _Far:
    """Records behind a network: each operation takes so many seconds."""

    def __init__(self, records: Any, seconds: float) -> None:
        self._records = records
        self._seconds = seconds

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        operation = getattr(self._records, name)

        async def later(*given: Any, **named: Any) -> Any:
            await asyncio.sleep(self._seconds)
            return await operation(*given, **named)

        return later


def _records_are(far: float, storage: Storage) -> Storage:
    """Return storage whose records, checkpoints among them, answer so many seconds later."""
    if not far:
        return storage
    ports = {each.name: getattr(storage, each.name) for each in fields(storage)}
    records: dict[str, Any] = {
        name: _Far(port, far) for name, port in ports.items() if isinstance(port, MemoryRecords)
    }
    return replace(storage, **records)


async def _new_audience(url: str, name: str) -> str:
    audiences = f"{url}/sandbox/accounts/1/audiences"
    async with httpx.AsyncClient() as control:
        made = (await control.post(audiences, json={"name": name})).raise_for_status()
        audience = str(made.json()["id"])
        for tag in (field for field in FIELDS if field.isupper()):
            field = {"tag": tag, "name": tag.title(), "type": "text"}
            (
                await control.post(f"{audiences}/{audience}/merge-fields", json=field)
            ).raise_for_status()
    return audience


async def _export(services: Services, mailchimp: Mailchimp, audience: str) -> None:
    """Connect the account, and store an export to the audience."""
    credentials, account = await through_the_sign_in_page(
        mailchimp, services.http, "owner1@example.com", PASSWORD, services.clock
    )
    now, storage = services.clock.now(), services.storage
    connection = Connection(
        id="connection",
        destination=mailchimp.name,
        display_name="Ours",
        status=ConnectionStatus.READY,
        consent=consent(now),
        account=account,
        secret_name="secret-connection",
        created_at=now,
    )
    await storage.secrets.set("secret-connection", json.dumps(dict(credentials)))
    await storage.connections.put(ALL, connection.id, connection)
    export = Export(
        id="export",
        name="Newsletter",
        connection_id=connection.id,
        destination=mailchimp.name,
        list_id=audience,
        list_name="Newsletter",
        fields=FIELDS,
        segments=["Customers"],
        created_at=now,
        attached_at=now,
        scheduled_at=now,
    )
    await storage.exports.put(ALL, export.id, export)
