"""What an earlier version left in storage goes on under the code of now, and no profile is lost by it.

Most of it is tried in memory, where a blob has the ETag and the time that it had: no emulator takes
either, and a run knows the version of its segment by them.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.identity import SigningKey
from shared.domain.run import SliceMessage
from shared.settings import Settings, StorageAccount
from shared.storage.clients import OpenStorage, open_storage
from shared.storage.ports import Storage
from tests.contract.emulator import azurite_in_memory
from tests.fakes.clock import FakeClock
from tests.fakes.storage import MemoryQueue
from tests.golden.company import Company, vendors
from tests.kept import azure
from tests.kept.files import Copy, copies, read
from tests.kept.later import later
from tests.kept.memory import restored
from tests.kept.sockets import on_sockets
from tests.kept.vendors import restore, until

_DAY = 86_400  # seconds


def told_more(name: str) -> Copy:
    return later(read(name))


@pytest.fixture(params=[(how, name) for how in (read, told_more) for name in copies()])
def copy(request: pytest.FixtureRequest) -> Copy:
    """What the version before left, and the same as a later version might leave it to this one."""
    how, name = request.param
    kept: Copy = how(name)
    return kept


@pytest.fixture
async def company(copy: Copy, tmp_path: Path) -> Company:
    clock = FakeClock(copy.begun)
    return await goes_on(copy, clock, await restored(copy, clock), tmp_path)


async def goes_on(copy: Copy, clock: FakeClock, storage: Storage, folder: Path) -> Company:
    """The company that a copy is of, at the instant at which that was made."""
    known = vendors(clock)
    await restore(known, clock, copy.vendors, folder)
    until(clock, copy.at)
    queue = MemoryQueue(clock)
    for message in copy.messages:
        await queue.send(SliceMessage.model_validate_json(message))
    return Company(SigningKey(folder), clock, replace(storage, slices=queue), queue, known)


def written(company: Company) -> dict[str, list[str]]:
    """Who was told to which vendor since then."""
    told: dict[str, list[str]] = {}
    for each in company.network.writes:
        told.setdefault(each.vendor, []).extend(each.people)
    return {vendor: sorted(people) for vendor, people in told.items()}


def addresses(body: str) -> Iterator[str]:
    """The addresses in the body of a request to any of the vendors."""
    [people] = [value for key, value in json.loads(body).items() if key in _PEOPLE]
    return (each.get("email_address") or each["email"] for each in people)


_PEOPLE = ("members", "contacts", "import_data")


def good_rows(file: str) -> dict[str, tuple[str, str]]:
    """First and last names of those whom every vendor takes, by address."""
    rows = csv.DictReader(io.StringIO(file))
    everybody = {each["Email"]: (each["First"], each["Last"]) for each in rows}
    return {address: names for address, names in everybody.items() if address.startswith("user")}


async def segment(company: Company) -> str:
    return (await company.storage.segments.read("Customers/1.csv")).decode()


async def ended(company: Company, copy: Copy) -> dict[str, Any]:
    """How the runs are that had not ended when the copy was made."""
    runs = {run: await company.ask("GET", f"/runs/{run}") for run in copy.outcome["runs"]}
    return {
        run: {"status": of["status"], "counts": of["progress"]["counts"]}
        for run, of in runs.items()
    }


async def test_runs_come_to_the_end_that_they_would_have_come_to(
    copy: Copy, company: Company
) -> None:
    await company.deliver()
    assert await ended(company, copy) == copy.outcome["runs"]
    assert written(company) == copy.outcome["written"]


async def test_nobody_is_told_twice_and_nobody_is_left_out(copy: Copy, company: Company) -> None:
    await company.deliver()
    wanted = good_rows(await segment(company))
    # Each vendor was told of everybody for two lists, and once more of whoever has changed since.
    times = {
        address: 3 if last.startswith("Changed") else 2 for address, (_, last) in wanted.items()
    }
    since = written(company)
    for name, vendor in company.vendors.items():
        before = [each for of in copy.vendors[name]["writes"] for each in addresses(of["body"])]
        told = Counter([*before, *since[name]])
        assert {address: told[address] for address in wanted} == times
        for nth in (0, 1):
            held = vendor.holds(1, vendor.list_of(1, nth))
            assert {address: held[address] for address in wanted} == wanted


async def test_the_next_runs_send_what_has_changed_and_nothing_else(company: Company) -> None:
    await company.deliver()
    file = await segment(company)
    exports = [each["id"] for each in await company.every("/exports")]
    for changed in ([], ["user3@example.com", "user200@example.com"]):
        for address in changed:
            file = file.replace(f"\n{address},", f"\n{address},Newly")
        await company.drop("Customers/1.csv", file)
        company.network.writes.clear()
        for export in exports:
            await company.run(export)
        await company.deliver()
        told = {
            vendor: [each for each in people if each.startswith("user")]
            for vendor, people in written(company).items()
        }
        twice = sorted(changed * 2)  # for two lists
        assert {vendor: told.get(vendor, []) for vendor in company.vendors} == dict.fromkeys(
            company.vendors, twice
        )


async def test_what_is_due_begins_at_its_time(copy: Copy, company: Company) -> None:
    await company.deliver()
    company.clock.advance(_DAY)
    await company.tick()
    for export in await company.every("/exports"):
        newest = (await company.ask("GET", f"/exports/{export['id']}/runs"))["items"][0]
        follows_own = export["schedule"]["follows"] == "own"
        assert newest["trigger"] == ("schedule" if follows_own else "refresh")
        assert newest["status"] == "skipped"  # since the list was told this very version


async def answers(company: Company) -> dict[str, Any]:
    """What the API says of all that there is."""
    pages = ("/connections", "/exports", "/runs", "/audit")
    told = {path: await company.every(path) for path in pages}
    paths = ["/me", "/refresh-schedule"]
    for run in told["/runs"]:
        paths += [f"/runs/{run['id']}", f"/runs/{run['id']}/rejects.csv"]
    return {**told, **{path: await company.ask("GET", path) for path in paths}}


async def test_the_api_tells_of_all_that_there_was(copy: Copy, company: Company) -> None:
    kept = Counter((each.table, each.partition) for each in copy.entities)
    told = await answers(company)
    assert len(told["/exports"]) == kept["exports", "all"] == 6
    assert len(told["/runs"]) == kept["runs", "newest"] == 9
    assert len(told["/audit"]) == kept["audit", "all"] > 20
    assert [each["status"] for each in told["/connections"]] == ["ready"] * 3
    assert told["/me"]["language"] == "sv"
    assert told["/refresh-schedule"]["time_zone"] == "Europe/Stockholm"
    for run in copy.outcome["runs"]:
        assert told[f"/runs/{run}"]["status"] == "queued"


@pytest.mark.stack
async def test_azures_own_clients_read_the_same_and_go_on_from_there(
    copy: Copy, company: Company, tmp_path: Path
) -> None:
    with azurite_in_memory(tmp_path) as connection:
        azure.restore(connection, copy)
        clock = FakeClock(copy.begun)
        async with opened(connection) as storage:
            ports = replace(on_sockets(storage, clock), secrets=company.storage.secrets)
            real = await goes_on(copy, clock, ports, tmp_path)
            assert azure.messages(connection) == copy.messages
            assert await answers(real) == await answers(company)
            await real.deliver()
            assert await ended(real, copy) == copy.outcome["runs"]
            assert written(real) == copy.outcome["written"]


@asynccontextmanager
async def opened(connection: str) -> AsyncIterator[OpenStorage]:
    """Open storage as the settings do; there is no vault."""
    nowhere = "https://127.0.0.1:1"
    settings = Settings(
        storage=StorageAccount(DataStorage=connection),
        key_vault_url=nowhere,
        auth_issuer=nowhere,
        auth_audience="api://kept",
        public_base_url=nowhere,
    )
    storage = open_storage(settings)
    try:
        yield storage
    finally:
        await storage.close()
