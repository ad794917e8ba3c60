"""A preview: the work of a run before it sends, and nothing that stays."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import httpx
import orjson
import pytest

from shared.domain.audit import Action
from shared.domain.errors import BadSegment, Conflict, NeedsAttention
from shared.domain.run import Mode
from shared.runs.preview.preview import BODIES, Preview, preview
from shared.storage.entries import ALL
from shared.storage.ports import Storage
from tests.fakes.mailchimp import LIST_ID, answers
from tests.fakes.people import ADMINISTRATOR
from tests.runs.small import connection, small
from tests.runs.test_cancel import Watched
from tests.runs.world import World, csv


async def previewed(world: World, mode: Mode = Mode.CHANGES) -> Preview:
    return await preview(world.services, ADMINISTRATOR, "export", mode)


def kept(world: World) -> Mapping[str, str]:
    """Return all that storage holds but for the trail, as text."""
    storage = world.services.storage
    names = (field.name for field in fields(Storage) if field.name not in ("audit", "lanes"))
    return {name: str(vars(port)) if (port := getattr(storage, name)) else "" for name in names}


BAD = "bad,A,B\nuser3@example.com,C,D\ntoo,many,fields,here\n"


async def test_a_preview_counts_what_a_run_then_does() -> None:
    world = await small()
    await world.drop(csv(90))
    await world.run()
    await world.drop(csv(95).replace("First7,", "New7,") + BAD)

    seen = await previewed(world)

    counts = seen.laid_out.counts
    assert (counts.unchanged, counts.invalid, counts.duplicate, counts.accepted) == (89, 2, 1, 0)
    assert (seen.laid_out.profiles, seen.laid_out.batches) == (6, 1)
    progress = await world.progress(await world.run())
    assert progress.profiles == seen.laid_out.profiles
    assert progress.counts.unchanged == counts.unchanged
    assert progress.counts.invalid == counts.invalid


async def test_everything_can_be_previewed_too() -> None:
    world = await small()
    await world.drop(csv(90))
    await world.run()
    assert (await previewed(world)).laid_out.profiles == 0
    assert (await previewed(world)).bodies == []
    assert (await previewed(world, Mode.EVERYTHING)).laid_out.profiles == 90


@pytest.mark.parametrize("ran_before", [False, True])
async def test_nothing_is_stored_and_nothing_is_sent(ran_before: bool) -> None:
    world = await small()
    await world.drop(csv(200))
    if ran_before:
        await world.run()
        await world.drop(csv(250))
    before, calls = kept(world), world.mailchimp.calls
    asked: list[httpx.Request] = []
    inner = world.mailchimp

    class Listening(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return await inner.handle_async_request(request)

    world.having(http=httpx.AsyncClient(transport=Listening()))
    await previewed(world, Mode.EVERYTHING)

    assert kept(world) == before
    assert world.mailchimp.calls == calls
    assert {request.method for request in asked} == {"GET"}


async def test_whoever_looked_is_in_the_trail_because_addresses_leave_the_app() -> None:
    world = await small()
    await world.drop(csv(20))
    await previewed(world)
    [entry] = [each.value for each in await world.services.storage.audit.page(ALL)]
    assert (entry.action, entry.by.name) == (Action.EXPORT_PREVIEWED, "Ann")
    assert "example.com" not in entry.model_dump_json()


async def test_the_first_requests_are_shown_as_they_would_be_sent() -> None:
    world = await small()
    await world.drop(csv(95))
    seen = await previewed(world)
    sent: list[bytes] = []
    write = world.mailchimp.write

    async def listens(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return write(request)

    world.mailchimp.down = listens
    await world.run()
    assert list(seen.bodies) == sent[:BODIES]
    assert len(orjson.loads(seen.bodies[0])["members"]) == 10


async def test_values_that_are_cut_are_told_of() -> None:
    world = await small()
    await world.drop(f"Email,First,Last\nann@example.com,{'x' * 300},Lee\n")
    [note] = (await previewed(world)).notes
    assert "cut" in str(note)


async def test_what_stops_a_run_stops_a_preview_and_says_why() -> None:
    world = await small()
    with pytest.raises(BadSegment, match="has no file"):
        await previewed(world)
    await world.drop("Email,First\nann@example.com,Ann\n")
    with pytest.raises(BadSegment, match="no column 'Last'"):
        await previewed(world)


async def test_a_list_that_is_gone_is_named() -> None:
    world = await small()
    await world.drop(csv(20))
    await world.services.storage.exports.delete(ALL, "export")
    await world.export(list_id=LIST_ID[::-1])
    with pytest.raises(NeedsAttention, match="no audience"):
        await previewed(world)


async def test_an_export_without_a_connection_cannot_be_previewed() -> None:
    world = await small()
    await world.services.storage.exports.delete(ALL, "export")
    await world.export(connection_id=None)
    with pytest.raises(Conflict, match="detached"):
        await previewed(world)


async def test_a_lost_sign_in_is_told_and_marked() -> None:
    world = await small()
    await world.drop(csv(20))

    async def shut(request: httpx.Request) -> httpx.Response:
        return await answers(401)(request)

    world.having(http=httpx.AsyncClient(transport=httpx.MockTransport(shut)))
    with pytest.raises(Conflict, match="needs sign-in"):
        await previewed(world)
    assert (await connection(world)).reason


async def test_what_takes_longer_than_a_request_may_is_refused_with_what_to_do() -> None:
    world = await small()
    await world.drop(csv(20_000))

    async def is_slow() -> None:
        world.clock.advance(151)

    storage = world.services.storage
    watched: Any = Watched(storage.segments, is_slow)
    world.having(storage=replace(storage, segments=watched))
    with pytest.raises(Conflict, match="begin a run"):
        await previewed(world)
