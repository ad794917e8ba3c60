"""A run is one tree of spans, from its trigger to every request, and gives nothing away."""

import json
import re
from collections import Counter

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from shared.domain.run import Run, RunStatus
from shared.records.app_keys import AppKey
from shared.runs.send.import_callbacks import report_url
from shared.telemetry.spans import call, span
from tests.contract.destinations.side import Side, fault
from tests.contract.destinations.world import World, csv, ready
from tests.docs.pages import ROOT, rows, section
from tests.telemetry.recorder import Recorder

ROWS = 1_234


def tree(spans: list[ReadableSpan], run: Run) -> Counter[tuple[str, ...]]:
    """The paths of names from the root of a run's trace to each of its spans, and how many are alike."""
    [began] = [each for each in spans if each.name == "run" and of(each, "run_id") == run.id]
    trace_id = began.context.trace_id
    by_id = {each.context.span_id: each for each in spans if each.context.trace_id == trace_id}

    def path(each: ReadableSpan) -> tuple[str, ...]:
        name = "call" if each.kind is SpanKind.CLIENT else each.name
        return (*(path(by_id[each.parent.span_id]) if each.parent else ()), name)

    return Counter(map(path, by_id.values()))


def of(span: ReadableSpan, attribute: str) -> object:
    return (span.attributes or {}).get(attribute)


async def triggered(world: World, refusals: int = 3) -> Run:
    """A run from its trigger to its end; three refusals of a batch end a slice, and the next goes on."""
    refusing = fault("503", world.side.write_path, method="POST", count=refusals)
    world.side.faults.queued.append(refusing)
    with span("refresh", SpanKind.CONSUMER):
        run = await world.start()
    while world.queue.waiting:
        with span("slices", SpanKind.CONSUMER):
            await world.deliver(1)
    return await world.now(run)


async def test_the_trace_of_a_run_is_one_tree(side: Side, told: Recorder) -> None:
    world = await ready(side)
    await world.drop(csv(ROWS))
    told.spans.ended.clear()
    before = len(world.wire.requests)
    run = await triggered(world, refusals=9)  # some destinations have three batches under way
    assert run.status is RunStatus.SUCCESSFUL
    slices = len(world.slice_seconds)
    assert slices >= 2
    found = tree(told.spans.ended, run)
    above = ("refresh", "run", "slice")
    calls = {path: count for path, count in found.items() if path[-1] == "call"}
    assert {path: count for path, count in found.items() if path not in calls} == {
        ("refresh",): 1,
        ("refresh", "run"): 1,
        above: slices,
        (*above, "prepare"): 1,
        (*above, "send"): slices,
        (*above, "settle"): 1,
    }
    assert calls.keys() <= {(*above, "prepare", "call"), (*above, "send", "call")}
    assert sum(calls.values()) == len(world.wire.requests) - before > 0


async def test_a_slice_has_a_link_to_the_execution_that_it_ran_in(
    side: Side, told: Recorder
) -> None:
    world = await ready(side)
    await world.drop(csv(10))
    await triggered(world)
    ran = {each.context.span_id for each in told.spans.ended if each.name == "slices"}
    linked = {
        link.context.span_id
        for each in told.spans.ended
        if each.name == "slice"
        for link in each.links
    }
    assert linked == ran


async def test_a_request_says_where_it_went_and_what_came_of_it(side: Side, told: Recorder) -> None:
    world = await ready(side)
    await world.drop(csv(10))
    told.spans.ended.clear()
    await triggered(world)
    calls = [each for each in told.spans.ended if each.kind is SpanKind.CLIENT]
    assert {of(each, "destination") for each in calls} == {side.destination.name}
    refused = [each for each in calls if of(each, "http.response.status_code") == 503]
    assert {of(each, "verdict") for each in refused} == {"try_later"}
    assert {of(each, "error.type") for each in refused} == {"TryLater"}
    assert len(refused) == 3
    answered = [each for each in calls if each not in refused]
    assert {of(each, "verdict") for each in answered} == {"answered"}
    for each in calls:
        host, path = str(of(each, "server.address")), each.name.partition(" ")[2]
        assert not re.search(r"[?#=]|\d{2}", path), each.name
        assert str(of(each, "url.full")).endswith(f"://{host}{path}")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/3.0/lists/1a2b3c4d5e/merge-fields", "/3.0/lists/{id}/merge-fields"),
        ("/3.0/lists/1a2b/members/8c4ab1fe", "/3.0/lists/{id}/members/{id}"),
        ("/v3/contacts/ann@example.com", "/v3/contacts/{id}"),
        ("/api/3/contact/Łukasz Wójcik/x", "/api/3/contact/{id}/x"),
        ("/oauth2/token", "/{id}/token"),
        ("/api/v1/reports/e.1-a/0ff1ce/7", "/api/v1/reports/{id}/{id}/7"),
        ("/" + "a" * 41, "/{id}"),
        ("/", "/"),
    ],
)
def test_what_may_be_an_id_is_no_part_of_a_route(path: str, route: str, told: Recorder) -> None:
    with call("acme", "GET", httpx.URL("https://us1.acme.test", path=path)):
        pass
    [kept] = told.spans.ended
    assert (kept.name, of(kept, "url.full")) == (f"GET {route}", f"https://us1.acme.test{route}")


def test_of_a_surprise_only_the_type_is_kept(told: Recorder) -> None:
    with pytest.raises(ValueError, match="ann@example"), span("work"):
        raise ValueError("ann@example.com is not expected")
    [kept] = told.spans.ended
    assert of(kept, "error.type") == "ValueError"
    assert "ann@" not in kept.to_json()


async def secrets_of(world: World, run: Run) -> set[str]:
    """What the vault holds, also one by one, and the address that reports of the run come to."""
    vault, connection = world.services.storage.secrets, await world.connection()
    kept = await vault.get(str(connection.secret_name))
    parts = {str(part) for part in json.loads(kept).values()}
    keys = {await vault.get(name) for name in (AppKey.DELIVERED, AppKey.REPORTS)}
    url = await report_url(world.services, run.id)
    return {kept, url.rpartition("token=")[2], *keys, *(part for part in parts if len(part) >= 10)}


async def test_nothing_personal_and_no_secret_is_reported(side: Side, told: Recorder) -> None:
    world = await ready(side)  # signing in as a person does
    bad = "planted wrong address,Planted,Wrong\n"
    await world.drop(csv(ROWS) + bad + csv(3).partition("\n")[2])
    run = await triggered(world)
    assert run.status is RunStatus.SUCCESSFUL
    planted = await secrets_of(world, run)
    assert len(planted) >= 5
    personal = re.compile(r"user\d|First\d|Last\d|planted|@|%40|code=|state=", re.IGNORECASE)

    def leaks(texts: list[tuple[str, str]]) -> list[str]:
        return [
            where
            for where, text in texts
            if personal.search(text) or any(each in text for each in planted)
        ]

    reported = list(told.texts())
    assert {where.partition(" ")[0] for where, _ in reported} == {"span", "metric", "log"}
    assert leaks(reported) == []
    for each in (*planted, "user7@example.com", "Last12", "GET /x?code=1"):
        assert leaks([("planted", f"... {each} ...")]) == ["planted"]


async def test_the_guide_names_every_span_with_its_attributes(side: Side, told: Recorder) -> None:
    table = rows(section((ROOT / "docs/operations.md").read_text(), "### Traces"))
    documented = {
        name: set(re.findall(r"`([^`]+)`", row[1]))
        for row in table
        for name in re.findall(r"`([^`]+)`", row[0])
    }
    world = await ready(side)
    await world.drop(csv(10))
    await triggered(world)
    for each in told.spans.ended:
        called = each.kind is SpanKind.CLIENT
        name = "POST /3.0/lists/{id}" if called else each.name
        assert set(each.attributes or {}) - {"error.type"} == documented[name], each.name
