"""How many members segments have, counted once for each version of a file, and warned of if too many.

Whoever saves an export waits for this, so as little as possible is read: nothing where the files are too
small to hold too many profiles, and no more rows of all of them than twice what is too many.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.segment import SegmentVersion
from shared.exports.services import Services
from shared.segments.catalogue import count_rows, newest_version
from shared.storage.ports import MEMBERS, Members

_LEAST_BYTES = 7
"""What a row takes that could be a profile: an address such as a@b.cc and the end of the line."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something about a saved export that its runs may stumble over; `pointer` is to its member."""

    pointer: str
    reason: Message


async def known_members(services: Services, version: SegmentVersion) -> int | None:
    """Return how many members a version has, if that was counted."""
    stored = await services.storage.members.get(MEMBERS, _key(version))
    known = stored.value if stored and stored.value.version == version.key else None
    return known.count if known and not known.at_least else None


async def keep_members(services: Services, version: SegmentVersion, count: int) -> None:
    """Keep how many members a version has; of each segment, only what was counted last is kept."""
    await _keep(services, version, Members(version=version.key, count=count))


async def warnings(services: Services, export: Export) -> Sequence[Warned]:
    """Return what to warn of about an export's segments as they are now."""
    files = services.storage.segments
    newest = [await newest_version(files, name) for name in export.segments]
    there = {index: version for index, version in enumerate(newest) if version}
    return [*_without_file(export, there), *await _too_many(services, export, there)]


def _without_file(export: Export, there: dict[int, SegmentVersion]) -> Iterator[Warned]:
    for index, name in enumerate(export.segments):
        if index not in there:
            reason = say("The segment {segment} has no file now. Runs fail without.", segment=name)
            yield Warned(f"/segments/{index}", reason)


async def _too_many(
    services: Services, export: Export, there: dict[int, SegmentVersion]
) -> Sequence[Warned]:
    destination = services.destinations[export.destination]
    most = min(services.max_profiles, destination.limits.profiles_per_export)
    if sum(version.size for version in there.values()) // _LEAST_BYTES <= most:
        return []
    total = 0
    for index, version in there.items():
        pointer = f"/segments/{index}"
        try:
            count = await _count(services, version, most)
        except BadSegment as error:
            return [Warned(pointer, say("Runs would fail: {why}", why=error.reason))]
        total += count
        if count > most:
            return [Warned(pointer, _too_large(version.segment, destination.title, most))]
        if total > most:
            return [Warned("/segments", _too_large_together(destination.title, most))]
    return []


def _too_large(segment: str, destination: str, most: int) -> Message:
    return say(
        "The segment {segment} has more than {most} rows, and an export to {destination} may have "
        "{most} profiles. Rows with the same address count once. If there are still more, nothing "
        "is sent.",
        segment=segment,
        destination=destination,
        most=most,
    )


def _too_large_together(destination: str, most: int) -> Message:
    return say(
        "The segments have more than {most} rows together, and an export to {destination} may have "
        "{most} profiles. Rows with the same address count once. If there are still more, nothing "
        "is sent.",
        destination=destination,
        most=most,
    )


async def _count(services: Services, version: SegmentVersion, most: int) -> int:
    """Return how many rows a version has, or some number above `most`."""
    stored = await services.storage.members.get(MEMBERS, _key(version))
    if stored and stored.value.version == version.key:
        known = stored.value
        if not known.at_least or known.count > most:
            return known.count
    count = await count_rows(services.storage.segments, version, most)
    await _keep(services, version, Members(version=version.key, count=count, at_least=count > most))
    return count


async def _keep(services: Services, version: SegmentVersion, members: Members) -> None:
    await services.storage.members.put(MEMBERS, _key(version), members)


def _key(version: SegmentVersion) -> str:
    # A segment's name may hold characters that no key of a table may.
    return hashlib.sha256(version.segment.encode()).hexdigest()
