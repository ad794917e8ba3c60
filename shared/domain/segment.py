"""A segment: a named set of profiles that arrives as files in the `segments` container."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel

from shared.domain.message import Message
from shared.domain.reading import DateOrder, Dialect, Reading

EXPORTED = "CustomerInsights_"
"""What the name of a segment that Customer Insights exports begins with, and that of no other."""

MAX_FILES = 1_000
"""Files that all segments of one run may have together. Their list is kept with the run."""

MAX_PATHS = 250_000
"""Characters that the paths of these files may have together."""


class SegmentFile(BaseModel, frozen=True):
    """One file of a version, pinned by its ETag."""

    path: str  # inside the container
    etag: str
    size: int  # bytes


class CsvSettings(BaseModel, frozen=True):
    """How a CSV file is written; the defaults are those of RFC 4180 with a header."""

    delimiter: str = ","
    quoted: bool = True  # whether a quote at the beginning of a field means anything
    columns: list[str] | None = None  # of a file without a header


class SegmentVersion(BaseModel, frozen=True):
    """What a segment is at one time: a file, or a folder of files, pinned by ETags."""

    segment: str
    path: str  # inside the container; of a folder it ends in a slash, of shards a * is the number
    etag: str  # of a folder a digest of its files
    size: int  # bytes of all its files
    modified: datetime  # of its newest file
    closed: datetime | None = None  # when it was complete, if its newest file does not tell
    files: list[SegmentFile] = []  # of a folder, by name
    csv: CsvSettings = CsvSettings()
    reading: Reading | None = (
        None  # of its segment when it was found; None where nobody has said anything
    )

    @property
    def key(self) -> str:
        """What tells this version from every other one, and from itself if it is read in another way."""
        read = f"|{self.reading.digest}" if self.reading else ""
        return f"{self.path}|{self.etag}{read}"

    def read_by(self, reading: Reading | None) -> Self:
        """Return the same version, to be read in this way; a reading that says nothing is none."""
        said = None if reading == Reading() else reading
        return self.model_copy(update={"reading": said})

    @property
    def is_exported(self) -> bool:
        """Whether Customer Insights exported it: its model.json states how its files are written."""
        return self.segment.startswith(EXPORTED)

    @property
    def landed(self) -> datetime:
        """When it was complete."""
        return max(self.modified, self.closed or self.modified)

    @property
    def sources(self) -> list[SegmentFile]:
        """The files to read, in this order; there is at least one."""
        return self.files or [SegmentFile(path=self.path, etag=self.etag, size=self.size)]

    def name_of(self, file: SegmentFile) -> str:
        """What tells a file from the others of its version, or nothing when it is the only one."""
        folder = self.path[: self.path.rfind("/") + 1]
        return file.path.removeprefix(folder) if len(self.files) > 1 else ""


class VersionStats(BaseModel, frozen=True):
    """What there is to know of a version, which is found out once."""

    columns: list[str] = []
    rows: int | None = None  # without the header; None until somebody has counted them
    earlier: list[str] = []  # that it has not, and versions before it had; kept of NDJSON alone
    # By column: how its dates of numbers are written, as this version showed or the ones before it.
    dates: dict[str, DateOrder] = {}
    problem: Message | None = None  # why it cannot be read
    faults: dict[str, Message] = {}  # by column: why it cannot be read, though the others can
    dialect: Dialect | None = (
        None  # of text with columns, as that of its first file turned out to be
    )


class SegmentStatus(StrEnum):
    """What a segment is fit for."""

    READY = "ready"
    INCOMPLETE = "incomplete"  # its newest version is not all there
    UNREADABLE = "unreadable"  # its newest version is there, and cannot be read


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file of a segment that no run reads, and why."""

    path: str
    at: datetime  # when it was written
    reason: Message
    is_data: bool = False  # whether it may be what the segment was delivered as


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment with its newest complete version, and why that is not the newest or no good."""

    name: str
    newest: SegmentVersion | None
    versions: int
    stats: VersionStats  # of `newest`
    status: SegmentStatus = SegmentStatus.READY
    reason: Message | None = None
    until: datetime | None = None  # when what is not complete is taken as it is
    unread: Sequence[UnreadFile] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its newest complete version."""
        return tuple(self.stats.columns)
