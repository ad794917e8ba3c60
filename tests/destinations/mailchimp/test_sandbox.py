"""Mailchimp's file over its sandbox: what is mapped arrives, and what is refused is told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest

from local.sandbox.mailchimp.app import create_app
from local.sandbox.mailchimp.audience import Audience
from local.sandbox.mailchimp.fields import MergeField
from local.sandbox.mailchimp.state import Sandbox
from shared.destinations.batch import Batch
from shared.destinations.model import Target
from shared.domain.outcomes import Outcome
from shared.transport.authorisation import Fixed
from shared.transport.client import VendorApi
from shared.transport.fast_client import open_http
from shared.transport.pace import Pace
from tests.contract.wire import Wire, needs_specs, violations
from tests.destinations.says import ACCOUNT, MAILCHIMP
from tests.fakes.clock import FakeClock


class StandingClock:
    """It is always the same instant, and nothing takes time."""

    def now(self) -> float:
        return 1_700_000_000.0

    async def sleep(self, seconds: float) -> None:
        pass


CUSTOM = [
    MergeField(5, "BIRTHDAY", "Birthday", "birthday", options={"date_format": "MM/DD"}),
    MergeField(6, "SINCE", "Since", "date", options={"date_format": "DD/MM/YYYY"}),
    MergeField(7, "LTV", "Value", "number"),
    MergeField(8, "SITE", "Site", "url"),
    MergeField(9, "ZIP", "Zip", "zip"),
    MergeField(10, "SIZE", "Size", "dropdown", options={"choices": ["Small", "Large"]}),
    MergeField(11, "MOBILE", "Mobile", "phone", options={"phone_format": "US"}),
    MergeField(12, "NEEDED", "Needed", required=True),
]
CELLS = {
    "first_name": "Ann",
    "last_name": "Łee",
    "phone": "+49 30 1234567",
    "BIRTHDAY": "1980-11-24",
    "SINCE": "11/24/2026",
    "LTV": "12.50",
    "SITE": "https://ann.example",
    "ZIP": "30301",
    "SIZE": "LARGE",
    "MOBILE": "(404) 555 1212",
}
STORED = {
    "FNAME": "Ann",
    "LNAME": "Łee",
    "PHONE": "+49 30 1234567",
    "BIRTHDAY": "11/24",
    "SINCE": "2026-11-24",
    "LTV": 12.5,
    "SITE": "https://ann.example",
    "ZIP": "30301",
    "SIZE": "Large",
    "MOBILE": "404-555-1212",
}


class World:
    """An audience with a merge field of every type, and an authorised way to it."""

    def __init__(self) -> None:
        sandbox = Sandbox(StandingClock(), "id", "secret", ())
        account = sandbox.accounts[1]
        self.audience: Audience = next(iter(account.audiences.values()))
        self.audience.merge_fields |= {field.tag: field for field in CUSTOM}
        self.wire = Wire(httpx.ASGITransport(create_app(sandbox)))
        mailchimp = replace(MAILCHIMP, api_url="https://{dc}.api.mailchimp.com")
        self.api = VendorApi(
            http=open_http(self.wire),
            destination="mailchimp",
            title="Mailchimp",
            base_url=mailchimp.base_url(ACCOUNT),
            authorisation=Fixed({"Authorization": f"Bearer {account.api_key}"}),
            explain=mailchimp.explain,
            pace=Pace(FakeClock()),
        )

    def target(self, fields: Sequence[str], clears: Sequence[str] = ()) -> Target:
        return Target(self.audience.id, fields, clears)

    def stored(self, address: str) -> Mapping[str, Any]:
        found = self.audience.find(address)
        assert found
        merge: Mapping[str, Any] = orjson.loads(found[1].merge_fields)
        return merge

    async def send(
        self,
        target: Target,
        rows: Mapping[str, Sequence[str]],
        partial: bool = True,
    ) -> Mapping[str, Outcome]:
        """Send rows by address; return the outcomes of those that were not accepted."""
        mailchimp = replace(MAILCHIMP, partial_answers=partial)
        encode = (await mailchimp.encoder(self.api, target)).encode
        fragments = [encode(address, cells) for address, cells in rows.items()]
        addresses = list(rows)
        batch = Batch(b"", "\t".join(addresses).encode(), b",\n".join(fragments), len(rows))
        sent = await mailchimp.send(self.api, target, batch)
        return {
            addresses[each.index]: each.outcome for each in sent.outcomes if each.index is not None
        }


ANN, BOB = "ann@xn--bcher-kva.example", "bob@example.com"


async def test_every_type_of_merge_field_can_be_filled_and_cleared() -> None:
    world = World()
    fields = await MAILCHIMP.fields_of(world.api, world.audience.id)
    assert {field.name for field in fields} == {"email", "NEEDED", *CELLS}

    target = world.target(list(CELLS))
    assert await world.send(target, {ANN: list(CELLS.values())}) == {}
    assert world.stored(ANN) == STORED

    kept = await world.send(target, {ANN: [""] * len(CELLS)})
    assert kept == {}
    assert world.stored(ANN) == STORED

    clearing = world.target(list(CELLS), clears=list(CELLS))
    assert await world.send(clearing, {ANN: [""] * len(CELLS)}) == {}
    assert set(world.stored(ANN).values()) == {""}


@pytest.mark.parametrize("partial", [True, False])
async def test_everybody_has_the_outcome_that_the_answer_gives(partial: bool) -> None:
    world = World()
    people = {
        ANN: None,
        BOB: None,
        "unsubscribed+a@example.com": Outcome.SUPPRESSED,
        "forgotten+a@example.com": Outcome.SUPPRESSED,
        "toomany+a@example.com": Outcome.REFUSED,
        "eve@fake.example": Outcome.REFUSED,
    }
    target = world.target(["first_name"])
    for _ in range(2):  # the first time they are new, the second time known
        said = await world.send(target, {address: ["A"] for address in people}, partial)
        assert said == {address: outcome for address, outcome in people.items() if outcome}
    assert len(world.audience.members) == 2


@needs_specs
async def test_what_is_asked_keeps_to_the_description() -> None:
    world = World()
    await MAILCHIMP.check(world.api)
    await MAILCHIMP.lists(world.api)
    await MAILCHIMP.look_up(world.api, world.audience.id)
    await MAILCHIMP.fields_of(world.api, world.audience.id)
    await world.send(world.target(list(CELLS)), {BOB: list(CELLS.values())})
    assert violations("mailchimp", world.wire.requests) == []
