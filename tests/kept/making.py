"""Making a copy: the product as it is works over Azurite until its runs are parked half-way.

It is a process of its own, whose environment has the settings of a local stack, as a host's has.
"""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local.identity import SigningKey
from shared.settings import settings
from shared.storage.clients import open_storage
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryQueue
from tests.golden.company import Company, Write, vendors
from tests.kept import azure
from tests.kept.files import Copy, write
from tests.kept.sockets import on_sockets
from tests.kept.vendors import keep_tokens, kept

_FIELDS = "Email,First,Last"
_ROWS = 240
_CHANGED = 160


def rows(changed: int) -> str:
    """Return the file of the segment, in which so many rows are not as they were."""
    names = ("Changed" if number < changed else "Last" for number in range(_ROWS))
    good = [f"user{n}@example.com,First{n},{last}{n}" for n, last in enumerate(names)]
    gone = [f"unsubscribed+{number}@example.com,Gone,Away" for number in range(3)]
    bad = ["no address,A,B", ",A,B", "USER1@example.com,Again,Last"]
    return "\n".join([_FIELDS, *good, *gone, *bad, ""])


async def make(name: str) -> None:
    """Make a copy and keep it, with how its runs went on from there."""
    clock = FakeClock(datetime.now(UTC).replace(microsecond=0))
    opened = open_storage(settings())
    queue = MemoryQueue(clock)
    storage = replace(on_sockets(opened, clock), slices=queue)
    with tempfile.TemporaryDirectory() as folder:
        known = vendors(clock)
        keep_tokens(known, Path(folder))
        company = Company(SigningKey(Path(folder)), clock, storage, queue, known)
        runs = await _until_half_way(company)
        for waiting in queue.waiting:
            await opened.slices.send(waiting.message)
        connection, sent = str(settings().storage.connection_string), list(company.network.writes)
        copy = Copy(
            at=clock.now(),
            entities=list(azure.entities(connection)),
            blobs=list(azure.blobs(connection)),
            messages=azure.messages(connection),
            secrets=await azure.secrets(settings().key_vault_url),
            vendors=kept(Path(folder), sent),
            outcome={},
        )
        await company.deliver()
        after = company.network.writes[len(sent) :]
        write(name, replace(copy, outcome=await _outcome(company, runs, after)))
    await opened.close()


async def _until_half_way(company: Company) -> Sequence[str]:
    """Set up two exports at each vendor and run them; return the runs that have not ended."""
    await company.drop("Customers/1.csv", rows(changed=0))
    own = {"follows": "own", "own": {"times": ["06:30"], "time_zone": "Europe/Paris"}}
    first, second = [], []
    for vendor in company.vendors:
        connection = await company.connect(vendor)
        first.append(await company.export(connection, vendor))
        more = {"on_arrival": False, "schedule": own}
        second.append(await company.export(connection, vendor, 1, **more))
    await company.ask("PATCH", "/me", {"language": "sv"})
    refresh = {"times": ["05:00"], "time_zone": "Europe/Stockholm"}
    await company.ask("PUT", "/refresh-schedule", refresh)
    for export in first:
        await company.run(export)
    await company.deliver()
    await company.tick()
    await company.drop("Customers/1.csv", rows(changed=_CHANGED))
    runs = [await company.run(export) for export in first]
    await company.deliver(2)
    assert {(await company.ask("GET", f"/runs/{run}"))["status"] for run in runs} == {"queued"}
    return [*runs, *[await company.run(export) for export in second]]


async def _outcome(
    company: Company, runs: Sequence[str], after: Sequence[Write]
) -> Mapping[str, Any]:
    """Return how runs ended, and to whom their vendors were told something after the copy."""
    ended = {run: await company.ask("GET", f"/runs/{run}") for run in runs}
    written: dict[str, list[str]] = {}
    for each in after:
        written.setdefault(each.vendor, []).extend(each.people)
    return {
        "runs": {
            run: {"status": of["status"], "counts": of["progress"]["counts"]}
            for run, of in ended.items()
        },
        "written": {vendor: sorted(people) for vendor, people in written.items()},
    }


if __name__ == "__main__":
    asyncio.run(make(sys.argv[1]))
