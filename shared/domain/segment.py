"""A segment: a named set of profiles that arrives as files in the `segments` container."""

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

# segments/<Segment>.csv or segments/<Segment>/<anything>.csv
_PATH = re.compile(r"(?P<segment>[^/]+?)(?:\.csv|/.+\.csv)", re.IGNORECASE)


class SegmentVersion(BaseModel, frozen=True):
    """One file of a segment, pinned by its ETag."""

    segment: str
    path: str  # inside the container
    etag: str
    size: int  # bytes
    modified: datetime

    @property
    def key(self) -> str:
        """What tells this version from every other one."""
        return f"{self.path}|{self.etag}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment with its newest version; `columns` are those of that version's header."""

    name: str
    newest: SegmentVersion
    versions: int
    columns: tuple[str, ...]


def segment_of(path: str) -> str | None:
    """Return the segment that a path in the container belongs to, or None if it is no segment file."""
    match = _PATH.fullmatch(path)
    return match["segment"] if match else None
