"""What is asked of storage for one object does not depend on how many others there are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest
from pydantic import BaseModel

from local.identity import SigningKey
from shared.connections.index import placed
from shared.storage.entries import ALL
from shared.storage.ports import Stored
from tests.api.office import Office, choices
from tests.fakes.accounts import OTHER
from tests.fakes.storage import MemoryRecords

MANY = 60

SINGLE = [
    "GET /connections/{connection}",
    "PATCH /connections/{connection}",
    "POST /connections",
    "POST /connections/{connection}/consent",
    "POST /connections/{connection}/connect",
    "PUT /connections/{connection}/export-user",
    "POST /connections/{connection}/save",
    "POST /connections/{connection}/check",
    "DELETE /connections/{unused}",
    "GET /connections/{connection}/lists",
    "GET /connections/{connection}/fields?list_id=a1",
    "GET /exports/{export}",
    "PATCH /exports/{export}",
    "POST /exports",
    "DELETE /exports/{export}",
    "POST /exports/{export}/duplicate",
    "POST /exports/{export}/detach",
    "POST /exports/{detached}/attach",
    "PUT /exports/{export}/schedule",
    "POST /exports/{export}/run",
    "GET /exports/{export}/runs",
    "GET /runs",
    "GET /runs/{run}",
    "GET /runs/{run}/rejects.csv",
    "POST /runs/{run}/rejects/search",
    "GET /refresh-schedule",
    "PUT /refresh-schedule",
    "GET /me",
]

SEEN: Counter[str] = Counter()


class Counted[T: BaseModel](MemoryRecords[T]):
    """Records that count what is asked of them, and what they answer with."""

    async def get(self, partition: str, key: str) -> Stored[T] | None:
        """Count one."""
        SEEN["get"] += 1
        return await super().get(partition, key)

    async def page(
        self, partition: str, *, after: str = "", before: str = "\uffff", limit: int = 100
    ) -> Sequence[Stored[T]]:
        """Count one for the page, and one for each record on it."""
        found = await super().page(partition, after=after, before=before, limit=limit)
        SEEN["page"] += 1
        SEEN["on pages"] += len(found)
        return found

    def _write(self, partition: str, key: str, value: T) -> str:
        SEEN["write"] += 1
        return super()._write(partition, key, value)


async def furnished(office: Office) -> dict[str, str]:
    """Return the ids of one of everything, in an office whose storage counts."""
    storage = office.services.storage
    counted: dict[str, Any] = {
        field.name: Counted(port._model)
        for field in fields(storage)
        if type(port := getattr(storage, field.name)) is MemoryRecords
    }
    office.services = replace(office.services, storage=replace(storage, **counted))
    connection, unused = await office.ready(), await office.ready()
    export, detached = await office.export(connection), await office.export(connection)
    await office.done("POST", f"/exports/{detached}/detach")
    run = await office.done("POST", f"/exports/{await office.export(connection)}/run")
    there = {"connection": connection, "unused": unused, "export": export, "detached": detached}
    return there | {"run": run["id"]}


async def crowd(office: Office, there: dict[str, str]) -> None:
    """Add many connections, each with an export."""
    storage = office.services.storage
    connection = await storage.connections.get(ALL, there["connection"])
    export = await storage.exports.get(ALL, there["export"])
    assert connection
    assert export
    for number in range(MANY):
        new = {"id": f"c{number}", "display_name": f"Account {number}"}
        await storage.connections.insert(ALL, f"c{number}", connection.value.model_copy(update=new))
        moved = {"id": f"e{number}", "connection_id": f"c{number}"}
        copy = export.value.model_copy(update=moved)
        async with placed(storage, None, copy):
            await storage.exports.insert(ALL, copy.id, copy)


def body(operation: str, there: dict[str, str]) -> Any:
    """Return what is sent with an operation."""
    if operation.endswith("/attach"):
        return {"connection_id": there["connection"], "list_id": "a1"}
    return {
        "PATCH /connections/{connection}": {"display_name": "New"},
        "POST /connections": {"destination": "mailchimp", "display_name": "New"},
        "POST /connections/{connection}/consent": {"accepted": True, "terms_version": "2026-11"},
        "PATCH /exports/{export}": {"name": "New", "fields": {"email": "EMail"}},
        "POST /runs/{run}/rejects/search": {},
        "POST /exports": choices(there["connection"], name="New"),
        "PUT /exports/{export}/schedule": {"follows": "off"},
        "PUT /refresh-schedule": {"times": ["06:00"]},
    }.get(operation)


async def asked(office: Office, operation: str, there: dict[str, str]) -> Counter[str]:
    """Do an operation and return what it asked of storage."""
    SEEN.clear()
    method, path = operation.split(" ", 1)
    answer = await office.ask(method, path.format(**there), body(operation, there))
    assert answer.is_success, answer.text
    return SEEN.copy()


@pytest.mark.parametrize("operation", SINGLE)
async def test_a_call_for_one_object_asks_no_more_of_storage_among_many(
    office: Office, signing_key: SigningKey, operation: str
) -> None:
    few = await asked(office, operation, await furnished(office))
    full = Office(signing_key)
    there = await furnished(full)
    await crowd(full, there)
    assert await asked(full, operation, there) == few
    assert few.total() > 0


async def test_neither_does_a_sign_in_to_another_account(signing_key: SigningKey) -> None:
    counts = []
    for is_full in (False, True):
        office = Office(signing_key)
        there = await furnished(office)
        if is_full:
            await crowd(office, there)
        SEEN.clear()
        moved = await office.sign_in(there["unused"], OTHER, allow_other_account=True)
        assert moved.status_code == 303
        counts.append(SEEN.copy())
    assert counts[0] == counts[1]
