"""Lists segments, which is what has landed in storage, and says how they are read."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AfterValidator

from shared.api.dependencies import (
    After,
    Contributor,
    IfMatch,
    Limit,
    Page,
    TheServices,
    cursor,
    tagged,
)
from shared.api.openapi.declared import documented
from shared.api.paths import V1
from shared.api.schemas.segments import (
    ReadingItem,
    SegmentItem,
    TrialItem,
    segment_item,
    trial_item,
)
from shared.domain.errors import BadSegment, NotFound
from shared.domain.message import say
from shared.exports.reading_trial import try_reading
from shared.exports.readings import find_reading, remove_reading, set_reading
from shared.exports.schemas import ReadingChoices
from shared.records.chosen import visible
from shared.segments.catalogue import find_all
from shared.segments.readings import all_said
from shared.segments.stats import describe, find_segment

router = APIRouter(prefix=V1 + "/segments", tags=["segments"])

# No blob has a longer name, and so no segment.
type SegmentKey = Annotated[str, Path(min_length=1, max_length=1024), AfterValidator(visible)]


@router.get("", operation_id="listSegments", summary="Segments that can be exported")
async def list_all(services: TheServices, after: After, limit: Limit = 50) -> Page[SegmentItem]:
    """Return a page of segments, by name."""
    storage = services.storage
    now = services.clock.now()
    found, said = await find_all(storage.segments, now), await all_said(storage.readings)
    names = sorted(name for name in found if name > after)
    onward = names[limit - 1] if len(names) > limit else None
    segments = [
        await describe(storage.segments, storage.versions, name, found[name], said.get(name))
        for name in names[:limit]
    ]
    return Page(items=[segment_item(each) for each in segments], next=cursor(onward))


@router.get("/{name}", operation_id="getSegment", summary="One segment with its columns")
@documented(BadSegment)
async def get(services: TheServices, name: str) -> SegmentItem:
    """Return a segment; 409 when it has no version that can be read."""
    storage = services.storage
    segment = await find_segment(
        storage.segments, storage.versions, storage.readings, name, services.clock.now()
    )
    if segment is None:
        raise NotFound(say("There is no such segment."))
    return segment_item(segment)


@router.get(
    "/{name}/reading", operation_id="getReading", summary="What was said of how a segment is read"
)
@documented(etag=True)
async def reading(
    services: TheServices, caller: Contributor, name: SegmentKey, response: Response
) -> ReadingItem:
    """Return what somebody has said; all of it is null until then."""
    stored = await find_reading(services, caller, name)
    tagged(response, stored.etag)
    return ReadingItem(**stored.value.model_dump())


@router.put("/{name}/reading", operation_id="setReading", summary="Say how a segment is read")
@documented(etag=True)
async def replace_reading(
    services: TheServices,
    caller: Contributor,
    name: SegmentKey,
    etag: IfMatch,
    body: ReadingChoices,
    response: Response,
) -> ReadingItem:
    """Say how the files of a segment are read from now on; there need not be one yet.

    Its newest file is then as good as new to scheduled runs. Runs keep the reading with which they began.
    """
    stored = await set_reading(services, caller, name, etag, body.as_reading())
    tagged(response, stored.etag)
    return ReadingItem(**stored.value.model_dump())


@router.delete(
    "/{name}/reading",
    status_code=204,
    operation_id="removeReading",
    summary="Find out again how a segment is read",
)
async def forget_reading(
    services: TheServices, caller: Contributor, name: SegmentKey, etag: IfMatch
) -> None:
    """Forget what was said; 204 also when nothing was."""
    await remove_reading(services, caller, name, etag)


@router.post(
    "/{name}/reading/try", operation_id="tryReading", summary="See rows as they would be read"
)
@documented(BadSegment)
async def try_it(
    services: TheServices, caller: Contributor, name: SegmentKey, body: ReadingChoices
) -> TrialItem:
    """Read the first 20 rows of the newest file in this way. Nothing is saved.

    Empty cells are empty, a date of a column in `dates` is in ISO 8601 (or nothing, if it is left out), and a
    number with the mark of `decimal` is a plain decimal. The answer holds personal data.
    """
    return trial_item(await try_reading(services, caller, name, body.as_reading()))
