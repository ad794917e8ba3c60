"""Says which files make a version of a segment: rules over names, times and ETags, without any I/O.

| version | files | complete |
|---|---|---|
| a file | `<Segment>.<ext>`, `<Segment>/<anything>.<ext>` | when it is there |
| a folder | `<Segment>/…/part-<number>…` | when `_SUCCESS` is there, and newer than they are |
| Customer Insights | `CustomerInsights_<instance>/<Export>/<Segment>/…` | when all of model.json is there |

What a path is follows from the path alone. Files and folders whose names begin with `_` or `.` are no
data: every tool that writes part files keeps its own notes there.

The name of a segment is its folder. That of a segment of Customer Insights is `CustomerInsights_<instance>.
<Export>.<Segment>`: no other segment has a name that begins so, and neither an instance nor, by the schema of
model.json, an entity has a dot in its name, so that no two segments have the same name.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from shared.domain.message import Message, say
from shared.domain.segment import EXPORTED, MAX_FILES, CsvSettings, SegmentFile, SegmentVersion
from shared.segments.formats.registry import FORMATS, extension_of
from shared.storage.ports import BlobInfo

SUCCESS = "_SUCCESS"
MODEL = "model.json"

_INSTANCE = EXPORTED
_HIDDEN = ("_", ".")
_PART = re.compile(r"part-(?:[mr]-)?\d+", re.IGNORECASE)
_FEWEST_FOLDERS = 3  # of a file of Customer Insights: instance, export, segment


class PathKind(Enum):
    """What a path can be."""

    FILE = auto()  # a version by itself
    PART = auto()  # of a folder
    SUCCESS = auto()  # closes a folder
    EXPORTED = auto()  # a file of Customer Insights
    MODEL = auto()  # closes an export of Customer Insights


@dataclass(frozen=True, slots=True)
class SegmentPath:
    """What a path is, and which segment it belongs to (none in particular for a model.json)."""

    kind: PathKind
    segment: str
    folder: str  # of the version, with a slash at its end; of the export at Customer Insights


@dataclass(frozen=True, slots=True)
class IncompleteVersion:
    """What is not a version, or not yet, and why."""

    path: str
    at: datetime  # when its newest file was written
    reason: Message


@dataclass(slots=True)
class Folder:
    """A folder of part files as it is found."""

    segment: str
    path: str
    parts: list[BlobInfo] = field(default_factory=list)
    success: BlobInfo | None = None


def segment_of(path: str) -> str | None:
    """Return the segment that a path in the container holds data of, or None if it is no segment file."""
    parsed = parse_path(path)
    return (
        parsed.segment
        if parsed and parsed.kind in (PathKind.FILE, PathKind.PART, PathKind.EXPORTED)
        else None
    )


def parse_path(path: str) -> SegmentPath | None:
    """Return what a path is, or None if it has nothing to do with segments."""
    *folders, name = path.split("/")
    if any(step.startswith(_HIDDEN) for step in folders) or (folders and not folders[0]):
        return None
    if path.startswith(_INSTANCE):
        return _exported(folders, name)
    folder = "".join(f"{step}/" for step in folders)
    if folders and name == SUCCESS:
        return SegmentPath(PathKind.SUCCESS, folders[0], folder)
    if name.startswith(_HIDDEN):
        return None
    if folders and _PART.match(name):
        return SegmentPath(PathKind.PART, folders[0], folder)
    extension = extension_of(name, FORMATS)
    if extension is None or name == MODEL:
        return None
    stem = name[: -len(extension)]
    return SegmentPath(PathKind.FILE, folders[0] if folders else stem, folder) if stem else None


def _exported(folders: Sequence[str], name: str) -> SegmentPath | None:
    """Return what a path below `CustomerInsights_…` is."""
    folder = "".join(f"{step}/" for step in folders[:2])
    if len(folders) == _FEWEST_FOLDERS - 1 and name == MODEL:
        return SegmentPath(PathKind.MODEL, "", folder)
    if len(folders) < _FEWEST_FOLDERS or "." in folders[0] + folders[2] or not all(folders[:3]):
        return None
    if name.startswith(_HIDDEN) or name == MODEL or extension_of(name) is None:
        return None
    return SegmentPath(PathKind.EXPORTED, exported_name(folder, folders[2]), folder)


def exported_name(folder: str, entity: str) -> str:
    """Return the name of a segment that an entity of an export of Customer Insights is."""
    return f"{folder.replace('/', '.')}{entity}"


def export_folder(segment: str) -> str | None:
    """Return the folder of the export that a segment of Customer Insights comes from, else None."""
    instance, _, rest = segment.partition(".")
    export, _, entity = rest.rpartition(".")
    if not segment.startswith(_INSTANCE) or not export or not entity or "/" in segment:
        return None
    return f"{instance}/{export}/"


def closing(path: str, parsed: SegmentPath) -> str:
    """Return the path whose arrival completes the version that a file belongs to."""
    match parsed.kind:
        case PathKind.FILE:
            return path
        case PathKind.PART | PathKind.SUCCESS:
            return parsed.folder + SUCCESS
        case PathKind.EXPORTED | PathKind.MODEL:
            return parsed.folder + MODEL


def version_of(blob: BlobInfo, parsed: SegmentPath) -> SegmentVersion:
    """Return the version that a file is by itself."""
    return SegmentVersion(
        segment=parsed.segment,
        path=blob.name,
        etag=blob.etag,
        size=blob.size,
        modified=blob.modified,
    )


def folders_in(paths: Iterable[tuple[SegmentPath, BlobInfo]]) -> list[Folder]:
    """Return the folders of part files that there are."""
    found: dict[str, Folder] = {}
    for parsed, blob in paths:
        if parsed.kind in (PathKind.PART, PathKind.SUCCESS):
            folder = found.setdefault(parsed.folder, Folder(parsed.segment, parsed.folder))
            if parsed.kind is PathKind.PART:
                folder.parts.append(blob)
            else:
                folder.success = blob
    return [folder for folder in found.values() if folder.parts]


def folder_version(folder: Folder) -> SegmentVersion | IncompleteVersion:
    """Return the version that a folder of part files is, or why it is none."""
    newest = max(part.modified for part in folder.parts)
    reason = _why_not(folder, newest)
    if reason is not None:
        at = max(newest, folder.success.modified) if folder.success else newest
        return IncompleteVersion(folder.path, at, reason)
    closed = folder.success.modified if folder.success else None
    return joined(folder.segment, folder.path, folder.parts, closed)


def joined(
    segment: str,
    path: str,
    blobs: Iterable[BlobInfo],
    closed: datetime | None,
    csv: CsvSettings | None = None,
) -> SegmentVersion:
    """Return the version that some files are together."""
    found = sorted(blobs, key=lambda blob: blob.name)
    files = [SegmentFile(path=each.name, etag=each.etag, size=each.size) for each in found]
    csv = csv or CsvSettings()
    identity = "\n".join([csv.model_dump_json(), *(f"{file.path}|{file.etag}" for file in files)])
    return SegmentVersion(
        segment=segment,
        path=path,
        etag=hashlib.sha256(identity.encode()).hexdigest()[:32],
        size=sum(file.size for file in files),
        modified=max(blob.modified for blob in found),
        closed=closed,
        files=files,
        csv=csv,
    )


def too_many(path: str, count: int) -> Message:
    """Return what to say of a version of too many files."""
    return say(
        "{path} has {number} files, and the segments of a run may have {most} together. Write fewer and "
        "larger files.",
        path=path,
        number=count,
        most=MAX_FILES,
    )


def _why_not(folder: Folder, newest: datetime) -> Message | None:
    if "=" in folder.path:
        return say(
            "{path} is one of several folders that the rows were spread over by the value of a column. "
            "Write them to one folder.",
            path=folder.path,
        )
    if folder.success is None:
        return say("{path} is not complete: _SUCCESS is not there yet.", path=folder.path)
    if newest > folder.success.modified:
        return say(
            "{path} is not complete: files came after _SUCCESS. Write _SUCCESS when all are there.",
            path=folder.path,
        )
    if len(folder.parts) > MAX_FILES:
        return too_many(folder.path, len(folder.parts))
    formats = {extension_of(part.name, FORMATS) for part in folder.parts}
    if None in formats or len({FORMATS[each] for each in formats if each}) > 1:
        return say(
            "{path} has files of several forms, or of one that is not read here. The forms are {forms}.",
            path=folder.path,
            forms=", ".join(FORMATS),
        )
    return None
