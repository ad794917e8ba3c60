"""Segments: what has landed in storage."""

from fastapi import APIRouter

from shared.api.dependencies import After, Limit, Page, TheServices, cursor
from shared.api.documented import documented
from shared.api.items import SegmentDetail, SegmentItem, segment_detail, segment_item
from shared.domain.errors import BadSegment, NotFound
from shared.exports.members import known_members
from shared.segments.catalogue import find_segment, list_segments

router = APIRouter(prefix="/api/v1/segments", tags=["segments"])


@router.get("", operation_id="listSegments", summary="Segments that can be exported")
async def list_all(services: TheServices, after: After, limit: Limit = 50) -> Page[SegmentItem]:
    """Return a page of segments, by name."""
    found = [each for each in await list_segments(services.storage.segments) if each.name > after]
    onward = found[limit - 1].name if len(found) > limit else None
    return Page(items=[segment_item(each) for each in found[:limit]], next=cursor(onward))


@router.get("/{name}", operation_id="getSegment", summary="One segment with its columns")
@documented(BadSegment)
async def get(services: TheServices, name: str) -> SegmentDetail:
    """Return a segment; 409 when the header of its newest file cannot be read."""
    segment = await find_segment(services.storage.segments, name)
    if segment is None:
        raise NotFound("There is no such segment.")
    return segment_detail(segment, await known_members(services, segment.newest))
