"""Sorts a listing of the container into the files of each segment, and these into versions."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.segment import SegmentVersion
from shared.segments.paths import (
    IncompleteVersion,
    PathKind,
    SegmentPath,
    folder_version,
    folders_in,
    parse_path,
    version_of,
)
from shared.storage.ports import BlobInfo


@dataclass(slots=True)
class SegmentFiles:
    """What there is of one segment: its newest version, and what is none yet."""

    newest: SegmentVersion | None = None
    versions: int = 0
    incomplete: IncompleteVersion | None = None  # the newest one

    def add(self, one: SegmentVersion | IncompleteVersion) -> None:
        """Take one more of its versions, in any order."""
        if isinstance(one, IncompleteVersion):
            if self.incomplete is None or (self.incomplete.at, self.incomplete.path) < (
                one.at,
                one.path,
            ):
                self.incomplete = one
            return
        self.versions += 1
        if self.newest is None or _age(self.newest) < _age(one):
            self.newest = one

    @property
    def awaited(self) -> IncompleteVersion | None:
        """What is newer than the newest version and no version yet."""
        if self.incomplete and self.newest and self.incomplete.at <= self.newest.landed:
            return None
        return self.incomplete


@dataclass(slots=True)
class Listing:
    """What there is of each segment, and what a model.json has yet to explain."""

    segments: defaultdict[str, SegmentFiles] = field(
        default_factory=lambda: defaultdict(SegmentFiles)
    )
    models: dict[str, BlobInfo] = field(default_factory=dict)  # by the folder of their export
    exported: defaultdict[str, dict[str, BlobInfo]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # files of Customer Insights by name, by the folder of their export


def classify(blobs: Iterable[BlobInfo]) -> Listing:
    """Return what a listing of blobs shows of each segment."""
    listing = Listing()
    folders: list[tuple[SegmentPath, BlobInfo]] = []
    for blob in blobs:
        parsed = parse_path(blob.name)
        if parsed is None:
            continue
        match parsed.kind:
            case PathKind.FILE:
                listing.segments[parsed.segment].add(version_of(blob, parsed))
            case PathKind.PART | PathKind.SUCCESS:
                folders.append((parsed, blob))
            case PathKind.EXPORTED:
                listing.exported[parsed.folder][blob.name] = blob
            case PathKind.MODEL:
                listing.models[parsed.folder] = blob
    for folder in folders_in(folders):
        listing.segments[folder.segment].add(folder_version(folder))
    return listing


def _age(version: SegmentVersion) -> tuple[datetime, str]:
    return version.landed, version.path
