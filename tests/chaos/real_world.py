"""The real stack under chaos: two functions hosts with clocks of their own, two vendors, five exports."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import httpx
from azure.storage.blob import BlobClient

from local.api_client import ApiClient
from local.host.config import MASTER_KEY, SYSTEM_KEY
from local.processes import ROOT, Process, end
from local.sandbox.activecampaign.state import Account as KeyAccount
from local.stack import Stack
from shared.domain.run import Phase, Progress, Run, RunStatus
from tests.chaos.real_records import RealRecords
from tests.chaos.real_segments import Name, Segment
from tests.chaos.real_writes import Write, writes
from tests.e2e.polling import UNLIMITED, until
from tests.e2e.system import clean_environ, successes

BATCHES = {"mailchimp": (2, 500), "activecampaign": (5, 250)}  # at once, profiles in each
_OUTSIDE = 2  # times as many batches as are sent at once may not be in the checkpoint
LATENCY = 0.25  # seconds a call: long enough for batches to be in flight when something breaks
_HOST = (
    *("--queue-visibility", "3"),  # seconds until a killed host's message comes back
    *("--grace", "3"),
)
SLOW = 1.0  # seconds a call where something is to happen while a run is half sent
_SLICE_SECONDS = "5"  # so that runs go through several slices


@dataclass(frozen=True)
class Sent:
    """One export, and the list at a sandbox that it is to keep up to date."""

    id: str
    vendor: str
    account: int
    list_id: str
    segments: tuple[Segment, ...]
    on_arrival: bool


class World:
    """Everything that chaos breaks. Used from one thread, but for `ask` and what it needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Not in memory: storage is stopped, and goes on with what it had.
        recording = {each: ["--record", str(self._record(each))] for each in BATCHES}
        self.stack = Stack(folder, environ=clean_environ(), sandboxes=recording)
        self.hosts: list[Process | None] = [None, None]
        self.aheads = [0.0, 0.0]
        self.segments = (Segment("Alpha", 4_000), Segment("Beta", 1_000))
        self.exports: list[Sent] = []
        self.http = httpx.Client(timeout=30, trust_env=False)
        self.records: RealRecords

    def begin(self, dice: random.Random) -> None:
        """Start everything, let first files land, connect two accounts of each vendor, create exports."""
        self.stack.__enter__()
        self._lay_out_app()
        self.records = RealRecords(self.stack)
        self.http.headers["Authorization"] = f"Bearer {self.stack.token('administrator')}"
        for number in range(2):
            self.start_host(number, 0)
        for segment in self.segments:
            segment.next_version(dice)
            self.land(segment)
        self._create_exports()
        # The first tick of all notes since when files count, so a file before it is none that was lost.
        self.tick_all()
        for vendor in BATCHES:
            self.control(vendor, "latency", {"seconds": LATENCY})
            self.control(vendor, "reset-stats", {})

    def close(self) -> None:
        """End everything; the folder with the logs stays."""
        self.stack.stop()
        self.http.close()
        if hasattr(self, "records"):
            self.records.close()

    def start_host(self, number: int, ahead: float) -> None:
        """Start a host, with a clock that is ahead by so many seconds, in the place of a dead one."""
        environment = {
            "PRODUCT": str(ROOT),
            "CLOCK": str(self._clock(number)),
            "SLICE_SECONDS": _SLICE_SECONDS,
            **UNLIMITED,
            "MAILCHIMP_CONNECTIONS": str(BATCHES["mailchimp"][0]),
            "SEGMENT_EVENTS": "EventGrid",  # as on Azure; so events can be lost, late or twice
        }
        arguments = [*_HOST, "--app", str(self.folder / "app")]
        self.set_clock(number, ahead)
        self.hosts[number] = self.stack.start_host(environment, arguments)

    def set_clock(self, number: int, ahead: float) -> None:
        """Let a host's clock be ahead by so many seconds from now on."""
        draft = self._clock(number).with_suffix(".draft")
        draft.write_text(str(ahead))
        draft.replace(self._clock(number))
        self.aheads[number] = ahead

    def _clock(self, number: int) -> Path:
        return self.folder / f"clock-{number}"

    def kill_host(self, number: int) -> bool:
        """SIGKILL a host; say whether it ran."""
        host, self.hosts[number] = self.hosts[number], None
        if host:
            host.kill()
        return host is not None

    def end_host(self, number: int) -> bool:
        """SIGTERM a host, and wait until it is gone; say whether it ran."""
        host, self.hosts[number] = self.hosts[number], None
        if host:
            end([host])
        return host is not None

    def storage_process(self) -> Process:
        """Return the process of storage."""
        return next(each for each in self.stack.processes if each.name == "azurite")

    def all_runs(self) -> list[tuple[Run, Progress]]:
        """Return every run of every export, and how far it has come."""
        return [run for export in self.exports for run in self.records.runs(export.id)]

    def broken_off(self) -> Counter[str]:
        """Return how many profiles may be in flight by export, as slices that have died left it.

        No more batches than twice the connections in use are sent and not in the checkpoint.
        """
        found: Counter[str] = Counter()
        for export in self.exports:
            at_once, size = BATCHES[export.vendor]
            for run, progress in self.records.runs(export.id):
                if run.status is RunStatus.PROCESSING and progress.phase is Phase.SEND:
                    left = progress.batches - progress.batches_done
                    found[export.id] += size * min(_OUTSIDE * at_once, left)
        return found

    def land(self, segment: Segment) -> str:
        """Upload the newest version of a segment, and return its path in the container."""
        version = segment.versions[-1]
        account = self.stack.account()
        with BlobClient.from_connection_string(account, "segments", version.path) as blob:
            blob.upload_blob(version.csv())
        return version.path

    def tell(self, host: Process, path: str) -> httpx.Response:
        """Tell a host that a file was created, as an Event Grid subscription does."""
        with BlobClient.from_connection_string(self.stack.account(), "segments", path) as blob:
            url = blob.url
        event = {
            "eventType": "Microsoft.Storage.BlobCreated",
            "subject": f"/blobServices/default/containers/segments/blobs/{path}",
            "data": {"eTag": "0x0", "blobType": "BlockBlob", "url": url},
        }
        hook = f"{host.url}/runtime/webhooks/blobs?functionName=Host.Functions.arrivals"
        return self.http.post(
            hook,
            json=[event],
            headers={"aeg-event-type": "Notification", "x-functions-key": SYSTEM_KEY},
        )

    def tick(self, host: Process) -> httpx.Response:
        """Let a host's timer run now, whatever the clock says."""
        return self.http.post(
            f"{host.url}/admin/functions/refresh", headers={"x-functions-key": MASTER_KEY}
        )

    def tick_all(self) -> None:
        """Let the timers of all hosts run at once, and wait until each has."""
        before = [(host, successes(host, "refresh")) for host in self.hosts if host]
        for host, _ in before:
            self.tick(host).raise_for_status()
        for host, times in before:
            until(partial(_ticked, host, times), "the end of a tick")

    def ask(
        self, host: Process, method: str, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        """Call a host's API and return the answer, whatever it is."""
        url = f"{host.url}/api/v1{path}"
        return self.http.request(method, url, json=body, headers=headers)

    def control(self, vendor: str, path: str, body: Any, method: str = "POST") -> httpx.Response:
        """Change something about a sandbox."""
        url = f"{self.stack.urls[vendor]}/sandbox/{path}"
        return self.http.request(method, url, json=body).raise_for_status()

    def statistics(self, vendor: str, account: int) -> Mapping[str, Any]:
        """Return what a sandbox says of an account."""
        url = f"{self.stack.urls[vendor]}/sandbox/stats"
        return dict(self.http.get(url).raise_for_status().json()["accounts"][account - 1])

    def wait_for_silence(self) -> None:
        """Wait until the vendors are done with what hosts that have died had asked them.

        A lane outlives its host for longer than that, unless a test ends it at once.
        """
        until(
            lambda: (
                not any(self.statistics(*each)["connections"] for each in product(BATCHES, (1, 2)))
            ),
            "the vendors' last answers to hosts that have died",
        )

    def slow_down(self, export: Sent, seconds: float) -> None:
        """Let calls to an export's account take so long."""
        self.control(export.vendor, "latency", {"seconds": seconds, "account": export.account})

    def fail(self, export: Sent, times: int) -> None:
        """Let the next so many writes to an export's list fail."""
        fault = {"kind": "503", "account": export.account, "method": "POST", "count": times}
        self.control(export.vendor, "faults", fault | {"path": f"*/lists/{export.list_id}"})

    def writes(self, export: Sent) -> list[Write]:
        """Return what an export's list was sent, in order."""
        file = self._record(export.vendor)
        return writes(file, export.vendor, export.account, export.list_id)

    def _record(self, vendor: str) -> Path:
        return self.folder / f"{vendor}.jsonl"

    def received(self, export: Sent) -> int:
        """Return how many profiles an export's list was sent."""
        told = self.statistics(export.vendor, export.account)
        if export.vendor == "mailchimp":
            return int(told["audiences"][export.list_id]["members_received"])
        return int(told["contacts_received"])

    def held(self, export: Sent) -> dict[str, Name]:
        """Return who is on an export's list, with their names."""
        return dict(self._held(export))

    def _held(self, export: Sent) -> Iterator[tuple[str, Name]]:
        at = f"{self.stack.urls[export.vendor]}/sandbox/accounts/{export.account}"
        if export.vendor == "mailchimp":
            page = self.http.get(
                f"{at}/audiences/{export.list_id}/members.ndjson"
            ).raise_for_status()
            for one in map(json.loads, page.iter_lines()):
                names = one["merge_fields"]
                yield one["email"], (names.get("FNAME", ""), names.get("LNAME", ""))
            return
        page = self.http.get(f"{at}/contacts.ndjson").raise_for_status()
        for one in map(json.loads, page.iter_lines()):
            if one["lists"].get(export.list_id) == "active":
                yield one["email"], (one.get("first_name", ""), one.get("last_name", ""))

    def _lay_out_app(self) -> None:
        app = self.folder / "app"
        app.mkdir()
        shutil.copy(ROOT / "host.json", app)
        shutil.copy(Path(__file__).with_name("real_app.py"), app / "function_app.py")

    def _create_exports(self) -> None:
        alpha, beta = self.segments
        with ApiClient(self.stack.urls["api"], self.stack.token("administrator")) as client:
            for account in (1, 2):
                owner = f"owner{account}@example.com"
                mailchimp = client.connect(f"Mailchimp {account}", owner)
                theirs = KeyAccount(account)
                campaigns = client.connect_with_key(
                    f"ActiveCampaign {account}", "activecampaign", theirs.host, theirs.api_key
                )
                quick = {"contacts_per_second": 20_000, "start_delay": 0.2}
                self.control("activecampaign", f"accounts/{account}/knobs", quick, "PATCH")
                if account == 1:
                    self._create(client, mailchimp, "mailchimp", account, (alpha,), arrival=True)
                    self._create(client, mailchimp, "mailchimp", account, (beta,), arrival=True)
                    self._create(
                        client, campaigns, "activecampaign", account, (beta,), arrival=True
                    )
                else:
                    self._create(client, mailchimp, "mailchimp", account, (alpha, beta))
                    self._create(client, campaigns, "activecampaign", account, (beta,))

    def _create(
        self,
        client: ApiClient,
        connection: str,
        vendor: str,
        account: int,
        segments: tuple[Segment, ...],
        *,
        arrival: bool = False,
    ) -> None:
        name = " and ".join(segment.name for segment in segments)
        if vendor == "mailchimp":
            made = self.control(vendor, f"accounts/{account}/audiences", {"name": name})
            list_id = str(made.json()["id"])
        else:
            list_id = client.newsletter(connection)
        names = [segment.name for segment in segments]
        key = client.export(
            f"{name} to {vendor} {account}",
            connection,
            names[0],
            segments=names,
            list_id=list_id,
            on_arrival=arrival,
            schedule={"follows": "system"},
        )
        self.exports.append(Sent(key, vendor, account, list_id, segments, arrival))


def _ticked(host: Process, times: int) -> bool:
    return successes(host, "refresh") > times
