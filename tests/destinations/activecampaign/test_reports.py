"""ActiveCampaign's file: reports on imports, and what they say over a whole run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local.sandbox.activecampaign.contacts import ACTIVE, UNSUBSCRIBED
from local.sandbox.activecampaign.settings import Settings
from local.sandbox.activecampaign.state import Exclusion
from shared.destinations.activecampaign.destination import ActiveCampaign
from shared.destinations.activecampaign.jobs import reasons
from shared.destinations.model import Target
from shared.domain.email import normal_form
from shared.domain.outcomes import Outcome, RowOutcome
from shared.domain.run import RunStatus
from shared.runs.send.import_callbacks import accept_report
from shared.services import Services
from tests.contract.destinations.sides import ActiveCampaignSide
from tests.contract.destinations.world import address as address_of
from tests.contract.destinations.world import csv, ready
from tests.destinations.activecampaign.sandboxed import SUFFIXES, World, completed, polled
from tests.destinations.batches import Kept, batch, job

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
REPORTS = "https://ours.test/reports/run/{batch}?token=x"


@pytest.mark.parametrize(
    "why",
    [
        "Contact has unsubscribed from the list",
        "Email is on the exclusion list",
        "Excluded",
        "Hard bounce",
        "Contact opted out",
        "Suppressed address",
    ],
)
async def test_who_said_no_is_suppressed_with_the_vendors_words(why: str) -> None:
    report = orjson.dumps({"failures": [{"email": ANN, "error": why}]})
    [finished] = await polled(completed([ANN]), batch(ANN), report)
    assert finished.outcomes == [RowOutcome(0, Outcome.SUPPRESSED, "not_imported", why)]


async def test_other_reasons_are_refusals_and_a_report_refuses_nobody_by_itself() -> None:
    failures = [{"email": ANN, "error": "Invalid email address"}, {"email": BOB, "error": "No."}]
    report = orjson.dumps({"failures": failures})
    [finished] = await polled(completed([ANN]), batch(ANN, BOB), report)
    assert finished.outcomes == [
        RowOutcome(0, Outcome.REFUSED, "not_imported", "Invalid email address")
    ]


HALF = orjson.dumps([{"email": ANN, "error": "No."}])


@pytest.mark.parametrize(
    ("reports", "age", "expects_reports", "is_over"),
    [
        ((), 59, True, False),
        ((), 60, True, True),
        ((), 0, False, True),
        ((HALF,), 59, True, False),
        ((HALF,), 60, True, True),
        ((b"nonsense",), 59, True, False),
        ((HALF, orjson.dumps([{"email": BOB, "error": "No."}])), 0, True, True),
    ],
)
async def test_a_report_is_waited_for_a_minute_and_only_for_who_failed(
    reports: Sequence[bytes], age: float, expects_reports: bool, is_over: bool
) -> None:
    over = await polled(
        completed([ANN, BOB]), batch(ANN, BOB), *reports, age=age, expects_reports=expects_reports
    )
    assert bool(over) is is_over
    assert await polled(completed([]), batch(ANN, BOB), expects_reports=True)


async def test_without_a_report_a_failure_is_told_without_a_reason() -> None:
    [finished] = await polled(completed([ANN, BOB]), batch(ANN, BOB), HALF, age=60)
    first, second = finished.outcomes
    assert first.reason == "No."
    assert "gave no reason" in str(second.reason)


class Postbox(httpx.AsyncBaseTransport):
    """The address of reports; it keeps what is posted there."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.posted.append((str(request.url), await request.aread()))
        return httpx.Response(204)


@pytest.mark.parametrize(("callbacks", "times"), [("once", 1), ("twice", 2), ("never", 0)])
async def test_who_left_bounced_or_is_excluded_is_told_apart_if_a_report_comes(
    callbacks: Literal["once", "twice", "never"], times: int
) -> None:
    world = World(expects_reports=True)
    world.account.settings = Settings(callbacks=callbacks)
    world.account.contacts.put(BOB, {}, 0).lists = ((1, UNSUBSCRIBED),)
    world.account.exclusions.append(Exclusion("@excluded.example", "end"))
    api, target = world.api(), Target("1", report_url=REPORTS)
    encode = (await world.destination.encoder(api, target)).encode
    addresses = (ANN, BOB, "bounced+1@example.com", "eve@excluded.example")
    joined = b",\n".join(encode(each, ()) for each in addresses)
    sent = replace(batch(*addresses, number=3), joined=joined)
    began = await world.destination.send(api, target, sent)
    assert began.job
    one = job(began.job, 4, world.clock)
    world.clock.advance(30)
    assert await world.destination.poll(api, [one], Kept(sent)) == []
    postbox = Postbox()
    async with httpx.AsyncClient(transport=postbox) as client:
        await world.sandbox.deliver_callbacks(client)
    assert [url for url, _ in postbox.posted] == [REPORTS.replace("{batch}", "3")] * times
    world.clock.advance(0 if times else 30)
    said = [body for _, body in postbox.posted]
    [finished] = await world.destination.poll(api, [one], Kept(sent, said))
    outcome = Outcome.SUPPRESSED if times else Outcome.REFUSED
    told = {each.index: each.outcome for each in finished.outcomes}
    assert told == {1: outcome, 2: outcome, 3: outcome}
    lists = {each.email: dict(each.lists) for each in world.account.contacts.after(0)}
    assert lists == {ANN: {1: ACTIVE}, BOB: {1: UNSUBSCRIBED}}


def form(**fields: Any) -> bytes:
    return urlencode(fields).encode()


WORDS = "It has bounced."
REPORTED: Mapping[str, bytes] = {
    "objects": orjson.dumps({"success": 1, "failures": [{"email": ANN, "error": WORDS}]}),
    "objects of other names": orjson.dumps([{"address": " ANN@example.com ", "why": WORDS}]),
    "objects with more in them": orjson.dumps(
        {"contact": {"email": ANN, "first_name": "Ann Elizabeth Theodora", "errorText": WORDS}}
    ),
    "texts by address": orjson.dumps({"errors": {ANN: WORDS}}),
    "lists of texts by address": orjson.dumps({"errors": {ANN: [WORDS]}}),
    "texts that hold the address": orjson.dumps({"errors": [f"{ANN}: {WORDS}", "other"]}),
    "a text with the address in brackets": orjson.dumps([f"Contact <{ANN}>. {WORDS}"]),
    "an object in a text in a form": form(results=orjson.dumps({ANN: WORDS}).decode()),
    "a form of one": form(email=ANN, error=WORDS, success="1"),
    "a form of groups": urlencode(
        {
            "failures[0][email]": ANN,
            "failures[0][error]": WORDS,
            "failures[1][email]": BOB,
            "failures[1][error]": "No.",
        }
    ).encode(),
    "a form by address": urlencode({f"errors[{ANN}]": WORDS}).encode(),
}


@pytest.mark.parametrize("report", REPORTED.values(), ids=REPORTED)
def test_reasons_are_found_whatever_the_shape_of_a_report(report: bytes) -> None:
    assert WORDS in reasons(report)[ANN]


@pytest.mark.parametrize(
    "report",
    [
        b"",
        b"null",
        b"7",
        b"[]",
        b'{"failures": []}',
        b'{"failures": 1',
        b"\xff\xfe",
        b"<html>ann</html>",
        b"[" * 5_000,
        b"[" * 500 + b"]" * 500,
        orjson.dumps({"email": ANN}),
        orjson.dumps({"email": ANN, "error": ""}),
        orjson.dumps([ANN, BOB]),
        orjson.dumps({"failure": [ANN]}),
        orjson.dumps([{"from": ANN, "to": BOB, "error": WORDS}]),
        orjson.dumps([f"{ANN} and {BOB} failed"]),
        orjson.dumps({ANN: None, BOB: 7}),
    ],
)
def test_a_report_without_a_reason_for_one_address_gives_none(report: bytes) -> None:
    assert reasons(report) == {}


LONG = "x" * 5_000


@pytest.mark.parametrize(
    "report", [{ANN: LONG}, {ANN: [LONG]}, {"email": ANN, "error": LONG}, [f"{ANN} {LONG}"]]
)
def test_a_reason_is_cut_where_it_would_fill_a_page(report: Any) -> None:
    assert len(reasons(orjson.dumps(report))[ANN]) == 300


TEXTS = st.text("aB@. :", max_size=12) | st.just(ANN) | st.text(max_size=5)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@settings(max_examples=200, deadline=None)
@example(b'{"ann@example.com": " "}')
@given(st.binary(max_size=60) | SHAPES.map(orjson.dumps) | TEXTS.map(str.encode))
def test_whatever_is_posted_gives_reasons_of_addresses_in_their_normal_form(report: bytes) -> None:
    for address, why in reasons(report).items():
        assert "@" in address
        assert address == normal_form(address)
        assert why.strip()


BOUNCED = "bounced+1@example.com"


class ToUs(httpx.AsyncBaseTransport):
    """The way of callbacks to us."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Take a report as the API does."""
        given = urlsplit(str(request.url))
        assert given.netloc == "exports.test"
        run_id, batch = given.path.removeprefix("/api/v1/reports/").split("/")
        [token] = parse_qs(given.query)["token"]
        await accept_report(self._services, run_id, token, int(batch), await request.aread())
        return httpx.Response(204)


@pytest.mark.parametrize(
    ("callbacks", "suppressed", "refused"), [("once", 2, 0), ("twice", 2, 0), ("never", 0, 2)]
)
async def test_what_reports_say_is_in_the_rejects_of_the_run(
    callbacks: Literal["once", "twice", "never"], suppressed: int, refused: int
) -> None:
    side = ActiveCampaignSide()
    side.account.settings = Settings(callbacks=callbacks)
    side.destination = ActiveCampaign("https://{host}", SUFFIXES, True, side.clock)
    world = await ready(side)
    side.unsubscribe(address_of(280))
    await world.drop(csv(300) + f"{BOUNCED},Eve,Doe\n")
    run = await world.start()
    async with httpx.AsyncClient(transport=ToUs(world.services)) as client:
        while world.queue.waiting:
            await world.deliver(most=1)
            await side.sandbox.deliver_callbacks(client)
    assert (await world.now(run)).status is RunStatus.SUCCESSFUL
    counts = (await world.progress(run)).counts
    assert (counts.accepted, counts.suppressed, counts.refused) == (299, suppressed, refused)
    said = {each.address: each.reason for each in await world.rejects(run)}
    assert set(said) == {address_of(280), BOUNCED}
    assert ("unsubscribed from the list" in said[address_of(280)]) == bool(suppressed)
    assert ("Contact has bounced" in said[BOUNCED]) == bool(suppressed)
    assert BOUNCED not in side.active()
