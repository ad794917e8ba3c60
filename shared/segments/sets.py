"""Sorts the files of segments into sets, and says of each whether it is all there. No I/O.

What of a set there is at any time is told by the listing alone, so that whoever looks, and whenever, sees
the same. A set is complete with its marker; without one it is once nothing has come for ten minutes, which
also is how long a file of another set may be behind it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.message import Message, say
from shared.domain.segment import SegmentVersion
from shared.segments.partitions import base_of
from shared.segments.paths import SUCCESS, PathKind, SegmentPath
from shared.segments.shards import Shard, part_of, shard_of
from shared.segments.versions import (
    QUIET,
    IncompleteVersion,
    clock_time,
    file_version,
    joined_version,
)
from shared.storage.ports import BlobInfo

LONGEST = timedelta(hours=1)
"""How long a set without a marker may grow; what comes later is another one."""

type SetVersion = SegmentVersion | IncompleteVersion


@dataclass(slots=True)
class FileSet:
    """Files of which only all together are a version; `path` is what it is called."""

    segment: str
    path: str
    marker: BlobInfo | None
    needs_first: bool = True  # whether it is none without a file that `firsts` holds
    splits: bool = False  # into single files, if it is none
    files: list[BlobInfo] = field(default_factory=list)
    firsts: set[str] = field(default_factory=set)
    shards: dict[str, Shard] = field(default_factory=dict)

    def add(self, blob: BlobInfo, shard: Shard | None = None) -> None:
        """Take a file."""
        self.files.append(blob)
        if shard:
            self.shards[blob.name] = shard
            if shard.first:
                self.firsts.add(blob.name)

    def versions(self, now: datetime) -> Iterator[SetVersion]:
        """Yield what its files are."""
        newest = max(blob.modified for blob in self.files)
        marked = self.marker.modified if self.marker else None
        if marked is None or (self.splits and marked < min(blob.modified for blob in self.files)):
            yield from self._unmarked(now)
        elif newest <= marked:
            yield joined_version(self.segment, self.path, self._written_last(), marked)
        elif now >= newest + QUIET:
            yield joined_version(self.segment, self.path, self._written_last(), newest + QUIET)
        else:
            yield self._waiting(newest, newest + QUIET, _came_late(self))

    def _unmarked(self, now: datetime) -> Iterator[SetVersion]:
        clusters = _clusters(self.files)
        for cluster, following in zip(clusters, [*clusters[1:], None], strict=True):
            has_first = cluster.goes_on or any(blob.name in self.firsts for blob in cluster.files)
            if following is None and now < cluster.until:
                yield self._waiting(cluster.newest, cluster.until, _not_closed(self))
            elif self.needs_first and not has_first:
                # Left behind where something newer follows: the others of its set were written over.
                if following is None:
                    yield from self._without_first(cluster, now)
            elif following is None or following.goes_on or now >= clusters[-1].until:
                # Else somebody who writes the same names again may have begun with what is gone by now.
                yield self._closed(cluster)

    def _written_last(self) -> Sequence[BlobInfo]:
        """Return the files without those of a larger set that stood there before, in whose place they are.

        So it is where the first of them came after a quiet of ten minutes. The first part of a folder may
        take long, so there only higher numbers must have come before.
        """
        if not self.shards or any(shard.is_named for shard in self.shards.values()):
            return self.files
        clusters = _clusters(self.files)
        for at in range(len(clusters) - 1, 0, -1):
            before = [blob for cluster in clusters[:at] for blob in cluster.files]
            after = [blob for cluster in clusters[at:] for blob in cluster.files]
            has_first = any(blob.name in self.firsts for blob in clusters[at].files)
            if has_first and not clusters[at].goes_on and self._is_behind(before, after):
                return after
        return self.files

    def _is_behind(self, old: Sequence[BlobInfo], new: Sequence[BlobInfo]) -> bool:
        """Say whether all of some files have higher numbers than the others."""
        lowest = min(self._number(blob) for blob in old)
        return self.splits or lowest > max(self._number(blob) for blob in new)

    def _number(self, blob: BlobInfo) -> int:
        return self.shards[blob.name].number or 0

    def _closed(self, cluster: "_Cluster") -> SetVersion:
        if self.splits and len(cluster.files) == 1:
            return file_version(self.segment, cluster.files[0], cluster.until, cluster.until)
        return joined_version(self.segment, self.path, cluster.files, cluster.until)

    def _without_first(self, cluster: "_Cluster", now: datetime) -> Iterator[SetVersion]:
        if self.splits:
            for blob in cluster.files:
                yield file_version(self.segment, blob, now, cluster.until)
            return
        reason = say(
            "{path} is not complete: {marker} is not there, nor is the first of the parts.",
            path=self.path,
            marker=SUCCESS,
        )
        yield IncompleteVersion(self.path, cluster.newest, reason)

    def _waiting(self, newest: datetime, until: datetime, why: Message) -> IncompleteVersion:
        reason = say(
            "{why} It is taken as it is if nothing more comes until {time}.",
            why=why,
            time=clock_time(until),
        )
        return IncompleteVersion(self.path, newest, reason, until=until)


class FileSets:
    """The sets of a listing; `single` are the files that are in none."""

    def __init__(self, markers: Mapping[str, BlobInfo], successes: Mapping[str, BlobInfo]) -> None:
        self.single: list[tuple[SegmentPath, BlobInfo]] = []
        self._markers = markers  # the newest of each folder, of any kind
        self._successes = successes
        self._sets: dict[tuple[str, str], FileSet] = {}

    def add(self, parsed: SegmentPath, blob: BlobInfo) -> None:
        """Take a file of a segment."""
        name = blob.name.rpartition("/")[2]
        shard = shard_of(name)
        base = base_of(blob.name)
        if base is not None:
            root = self._root(parsed.folder, base)
            found = self._set(parsed, root, root)
            found.needs_first, shard = False, None
        elif parsed.kind is PathKind.PART:
            found = self._set(parsed, parsed.folder, parsed.folder)
            shard = part_of(name)
        elif shard:
            found = self._set(parsed, parsed.folder, parsed.folder + shard.alike, splits=True)
        else:
            self.single.append((parsed, blob))
            return
        found.add(blob, shard)

    def versions(self, now: datetime) -> Iterator[tuple[str, SetVersion]]:
        """Yield what all sets are, with the segment."""
        for each in self._sets.values():
            yield from ((each.segment, found) for found in each.versions(now))

    def _set(
        self,
        parsed: SegmentPath,
        folder: str,
        path: str,
        splits: bool = False,
    ) -> FileSet:
        if (folder, path) not in self._sets:
            marker = self._markers.get(folder)
            self._sets[folder, path] = FileSet(parsed.segment, path, marker, splits=splits)
        return self._sets[folder, path]

    def _root(self, folder: str, base: str) -> str:
        """Return the folder whose partitions are one version: the innermost that has been closed."""
        steps = folder.removeprefix(base).split("/")[:-1]
        for at in range(len(steps), 0, -1):
            inner = base + "".join(f"{step}/" for step in steps[:at])
            if inner in self._successes:
                return inner
        return base


def newest_by_folder(
    marks: Iterable[tuple[SegmentPath, BlobInfo]],
) -> dict[str, BlobInfo]:
    """Return the newest of some markers, by the folder that they close."""
    found: defaultdict[str, list[BlobInfo]] = defaultdict(list)
    for parsed, blob in marks:
        found[parsed.folder].append(blob)
    return {folder: max(blobs, key=lambda blob: blob.modified) for folder, blobs in found.items()}


@dataclass(slots=True)
class _Cluster:
    """Files that landed within ten minutes of one another, and all within an hour."""

    files: list[BlobInfo]  # in the order in which they landed
    goes_on: bool  # from another one, which had grown for an hour

    @property
    def newest(self) -> datetime:
        """When the last of them landed."""
        return self.files[-1].modified

    @property
    def until(self) -> datetime:
        """When no other one can be of it any more."""
        return min(self.newest + QUIET, self.files[0].modified + LONGEST)


def _clusters(files: Iterable[BlobInfo]) -> list[_Cluster]:
    clusters: list[_Cluster] = []
    for blob in sorted(files, key=lambda blob: (blob.modified, blob.name)):
        last = clusters[-1] if clusters else None
        if last and blob.modified <= last.until:
            last.files.append(blob)
        else:
            goes_on = last is not None and blob.modified - last.newest <= QUIET
            clusters.append(_Cluster([blob], goes_on))
    return clusters


def _not_closed(of: FileSet) -> Message:
    return say("{path} is not complete: {marker} is not there yet.", path=of.path, marker=SUCCESS)


def _came_late(of: FileSet) -> Message:
    return say(
        "{path} is not complete: files came after {marker}. Write it when all are there.",
        path=of.path,
        marker=of.marker.name.rpartition("/")[2] if of.marker else SUCCESS,
    )
