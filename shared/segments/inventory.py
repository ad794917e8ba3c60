"""Sorts a listing of the container into the files of each segment, and these into versions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.message import say
from shared.domain.segment import SegmentVersion, UnreadFile
from shared.segments.paths import PathKind, SegmentPath, parse_path
from shared.segments.prose import may_be_prose
from shared.segments.sets import FileSets, newest_by_folder
from shared.segments.unread import lone_marker, manifest, unread
from shared.segments.versions import IncompleteVersion, file_version, refused
from shared.storage.ports import BlobInfo

SHOWN = 20
"""Files beside a segment that are kept: the newest."""


@dataclass(slots=True)
class SegmentFiles:
    """What there is of one segment: its newest version, and what is none (yet)."""

    newest: SegmentVersion | None = None
    versions: int = 0
    incomplete: IncompleteVersion | None = None  # the newest one
    unread: list[UnreadFile] = field(default_factory=list)
    doubtful: list[SegmentVersion] = field(default_factory=list)  # unless they hold no rows

    def add(self, one: SegmentVersion | IncompleteVersion | UnreadFile) -> None:
        """Take one more of its versions, or of what is none, in any order."""
        if isinstance(one, UnreadFile):
            self.unread.append(one)
            self.unread.sort(key=lambda each: (each.at, each.path), reverse=True)
            del self.unread[SHOWN:]
        elif isinstance(one, IncompleteVersion):
            if self.incomplete is None or (self.incomplete.at, self.incomplete.path) < (
                one.at,
                one.path,
            ):
                self.incomplete = one
        elif not one.files and may_be_prose(one.path):
            self.doubtful.append(one)
        else:
            self.versions += 1
            if self.newest is None or age(self.newest) < age(one):
                self.newest = one

    @property
    def awaited(self) -> IncompleteVersion | None:
        """What is newer than the newest version and no version, or all there is if there is no version."""
        since = self.newest.landed if self.newest else None
        none = [each for each in self.unread if each.is_data or not since]
        found = [refused(each.path, each.at, each.reason) for each in none]
        if self.incomplete:
            found.append(self.incomplete)
        newer = [each for each in found if since is None or each.at > since]
        # Without any version what may become one says more than a file that nobody reads.
        return max(
            newer,
            key=lambda each: (since is None and each is self.incomplete, each.at),
            default=None,
        )


@dataclass(slots=True)
class Listing:
    """What there is of each segment, and what a model.json has yet to explain."""

    segments: defaultdict[str, SegmentFiles] = field(
        default_factory=lambda: defaultdict(SegmentFiles)
    )
    models: dict[str, BlobInfo] = field(default_factory=dict)  # by the folder of their export
    manifests: dict[str, BlobInfo] = field(
        default_factory=dict
    )  # the same, where they stand instead
    exported: defaultdict[str, dict[str, BlobInfo]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # files of Customer Insights by name, by the folder of their export


@dataclass(slots=True)
class _Sorted:
    """A listing by what its paths are."""

    data: list[tuple[SegmentPath, BlobInfo]] = field(default_factory=list)
    successes: list[tuple[SegmentPath, BlobInfo]] = field(default_factory=list)
    manifests: list[tuple[SegmentPath, BlobInfo]] = field(default_factory=list)
    tables: dict[str, SegmentPath] = field(default_factory=dict)
    others: list[tuple[SegmentPath, BlobInfo]] = field(default_factory=list)


def classify(blobs: Iterable[BlobInfo], now: datetime) -> Listing:
    """Return what a listing of blobs shows of each segment at a time."""
    listing, there = _sorted(blobs)
    for segment, found in _found(there, now):
        listing.segments[segment].add(found)
    return listing


def versions_in(blobs: Iterable[BlobInfo], now: datetime) -> Iterator[SegmentVersion]:
    """Yield the versions that a listing shows at a time, but for those of Customer Insights."""
    _, there = _sorted(blobs)
    yield from (found for _, found in _found(there, now) if isinstance(found, SegmentVersion))


def _sorted(blobs: Iterable[BlobInfo]) -> tuple[Listing, _Sorted]:
    listing, there = Listing(), _Sorted()
    for blob in blobs:
        if parsed := parse_path(blob.name):
            _sort(parsed, blob, listing, there)
    return listing, there


def _sort(parsed: SegmentPath, blob: BlobInfo, listing: Listing, there: _Sorted) -> None:
    match parsed.kind:
        case PathKind.FILE | PathKind.PART:
            there.data.append((parsed, blob))
        case PathKind.SUCCESS:
            there.successes.append((parsed, blob))
        case PathKind.MANIFEST if parsed.segment:
            there.manifests.append((parsed, blob))
        case PathKind.MANIFEST:
            listing.manifests[parsed.folder] = blob
        case PathKind.EXPORTED:
            listing.exported[parsed.folder][blob.name] = blob
        case PathKind.MODEL:
            listing.models[parsed.folder] = blob
        case PathKind.TABLE:
            there.tables.setdefault(parsed.folder, parsed)
        case PathKind.OTHER:
            there.others.append((parsed, blob))


def _found(
    there: _Sorted, now: datetime
) -> Iterator[tuple[str, SegmentVersion | IncompleteVersion | UnreadFile]]:
    """Yield all that a listing shows, with the segment that it is of."""
    in_tables: defaultdict[str, list[BlobInfo]] = defaultdict(list)
    sets = FileSets(
        newest_by_folder([*there.successes, *there.manifests]), newest_by_folder(there.successes)
    )
    folders: set[str] = set()  # that hold data, or have one below that does
    for parsed, blob in there.data:
        folders.update(_above(parsed.folder))
        if table := next((each for each in _above(parsed.folder) if each in there.tables), None):
            in_tables[table].append(blob)
        else:
            sets.add(parsed, blob)
    yield from sets.versions(now)
    for parsed, blob in sets.single:
        yield parsed.segment, file_version(parsed.segment, blob, now)
    for folder, parsed in there.tables.items():
        yield parsed.segment, _table(parsed, in_tables[folder], now)
    for parsed, blob in there.others:
        if not any(each in there.tables for each in _above(parsed.folder)):
            yield parsed.segment, unread(blob.name, blob.modified)
    for marks, alone in ((there.successes, lone_marker), (there.manifests, manifest)):
        for parsed, blob in marks:
            if parsed.folder not in folders and parsed.folder not in there.tables:
                yield parsed.segment, alone(blob.name, blob.modified)


def _above(folder: str) -> Iterator[str]:
    """Yield a folder and all that it lies in."""
    while folder:
        yield folder
        folder = folder[: folder.rfind("/", 0, -1) + 1]


def _table(parsed: SegmentPath, blobs: list[BlobInfo], now: datetime) -> IncompleteVersion:
    newest = max((blob.modified for blob in blobs), default=now)
    return refused(
        parsed.folder,
        newest,
        say(
            "{path} is a table in the format {table}: only its own log says which of its files count, so "
            "it is not read. Write the rows as Parquet or CSV to a folder of their own.",
            path=parsed.folder,
            table=parsed.table,
        ),
    )


def age(version: SegmentVersion) -> tuple[datetime, str]:
    """Return what the newest of some versions is the greatest by."""
    return version.landed, version.path
