"""Lists segments: what has landed in storage."""

from fastapi import APIRouter

from shared.api.dependencies import After, Limit, Page, TheServices, cursor
from shared.api.openapi.declared import documented
from shared.api.paths import V1
from shared.api.schemas.segments import SegmentItem, segment_item
from shared.domain.errors import BadSegment, NotFound
from shared.domain.message import say
from shared.segments.catalogue import find_all
from shared.segments.stats import describe, find_segment

router = APIRouter(prefix=V1 + "/segments", tags=["segments"])


@router.get("", operation_id="listSegments", summary="Segments that can be exported")
async def list_all(services: TheServices, after: After, limit: Limit = 50) -> Page[SegmentItem]:
    """Return a page of segments, by name."""
    storage = services.storage
    found = await find_all(storage.segments)
    names = sorted(name for name in found if name > after)
    onward = names[limit - 1] if len(names) > limit else None
    segments = [
        await describe(storage.segments, storage.versions, name, found[name])
        for name in names[:limit]
    ]
    return Page(items=[segment_item(each) for each in segments], next=cursor(onward))


@router.get("/{name}", operation_id="getSegment", summary="One segment with its columns")
@documented(BadSegment)
async def get(services: TheServices, name: str) -> SegmentItem:
    """Return a segment; 409 when it has no version that can be read."""
    storage = services.storage
    segment = await find_segment(storage.segments, storage.versions, name)
    if segment is None:
        raise NotFound(say("There is no such segment."))
    return segment_item(segment)
