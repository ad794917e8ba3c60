"""Warning of what would fail: segments without a file, unreadable ones, and too large ones.

Whoever saves an export waits for this, so as little as possible is read: nothing where the files are too
small to hold too many profiles, and else what is not known of a version yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.errors import BadSegment, MemberPath
from shared.domain.export import Export
from shared.domain.message import Message, say
from shared.domain.segment import SegmentVersion
from shared.segments.formats.names import column_name
from shared.segments.readings import version_to_read
from shared.segments.stats import stats_of
from shared.services import Services

_LEAST_BYTES = 7
"""What a row takes that could be a profile: an address such as a@b.cc and the end of the line."""


@dataclass(frozen=True, slots=True)
class ExportWarning:
    """Something about a saved export that its runs may stumble over; `members` lead to it."""

    members: MemberPath
    reason: Message


async def warnings(services: Services, export: Export) -> Sequence[ExportWarning]:
    """Return what to warn of about an export's segments as they are now."""
    warned: list[ExportWarning] = []
    there: dict[int, SegmentVersion] = {}
    for index, name in enumerate(export.segments):
        try:
            version = await version_to_read(services.storage, name, services.clock.now())
        except BadSegment as error:
            warned.append(ExportWarning(("segments", index), _would_fail(error.reason)))
            continue
        if version is None:
            reason = say("The segment {segment} has no file now. Runs fail without.", segment=name)
            warned.append(ExportWarning(("segments", index), reason))
        else:
            there[index] = version
    return [*warned, *await _too_many(services, export, there)]


async def _too_many(
    services: Services, export: Export, there: dict[int, SegmentVersion]
) -> Sequence[ExportWarning]:
    storage, destination = services.storage, services.destinations[export.destination]
    most = services.profiles_allowed(destination.limits)
    if sum(version.size for version in there.values()) // _LEAST_BYTES <= most:
        return []
    total = 0
    for index, version in there.items():
        members = ("segments", index)
        stats = await stats_of(storage.segments, storage.versions, version, count=True)
        if stats.problem:
            return [ExportWarning(members, _would_fail(stats.problem))]
        faults = [stats.faults.get(column_name(column)) for column in export.fields.values()]
        for fault in filter(None, faults):
            return [ExportWarning(members, _would_fail(fault))]
        count = stats.rows or 0
        total += count
        if count > most:
            return [ExportWarning(members, _too_large(version.segment, destination.title, most))]
        if total > most:
            return [ExportWarning(("segments",), _too_large_together(destination.title, most))]
    return []


def _would_fail(why: Message) -> Message:
    return say("Runs would fail: {why}", why=why)


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
