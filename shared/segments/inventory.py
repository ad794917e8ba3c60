"""What a listing of the container shows of each segment."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.segment import SegmentVersion
from shared.segments.paths import (
    Kind,
    Pending,
    Place,
    folder_version,
    folders_in,
    place_of,
    version_of,
)
from shared.storage.ports import BlobInfo


@dataclass(slots=True)
class Found:
    """What there is of one segment."""

    newest: SegmentVersion | None = None
    versions: int = 0
    pending: Pending | None = None  # the newest one

    def add(self, one: SegmentVersion | Pending) -> None:
        """Take one more of its versions, in any order."""
        if isinstance(one, Pending):
            if self.pending is None or (self.pending.at, self.pending.path) < (one.at, one.path):
                self.pending = one
            return
        self.versions += 1
        if self.newest is None or _age(self.newest) < _age(one):
            self.newest = one

    @property
    def awaited(self) -> Pending | None:
        """What is newer than the newest version and no version yet."""
        if self.pending and self.newest and self.pending.at <= self.newest.landed:
            return None
        return self.pending


@dataclass(slots=True)
class Listing:
    """What there is of each segment, and what a model.json has yet to explain."""

    segments: defaultdict[str, Found] = field(default_factory=lambda: defaultdict(Found))
    models: dict[str, BlobInfo] = field(default_factory=dict)  # by the folder of their export
    exported: defaultdict[str, dict[str, BlobInfo]] = field(
        default_factory=lambda: defaultdict(dict)
    )  # files of Customer Insights by name, by the folder of their export


def sort_out(blobs: Iterable[BlobInfo]) -> Listing:
    """Return what some blobs are together."""
    listing = Listing()
    folders: list[tuple[Place, BlobInfo]] = []
    for blob in blobs:
        place = place_of(blob.name)
        if place is None:
            continue
        match place.kind:
            case Kind.FILE:
                listing.segments[place.segment].add(version_of(blob, place))
            case Kind.PART | Kind.SUCCESS:
                folders.append((place, blob))
            case Kind.EXPORTED:
                listing.exported[place.folder][blob.name] = blob
            case Kind.MODEL:
                listing.models[place.folder] = blob
    for folder in folders_in(folders):
        listing.segments[folder.segment].add(folder_version(folder))
    return listing


def _age(version: SegmentVersion) -> tuple[datetime, str]:
    return version.landed, version.path
