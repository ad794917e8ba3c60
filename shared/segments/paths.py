"""Says what a path in the container is, from its name alone and without any I/O.

| version | files | complete |
|---|---|---|
| a file | `<Segment>.<ext>`, `<Segment>/<anything>.<ext>` | when it is there |
| shards | files whose names differ in a running number | with a marker, or once no more come |
| a folder | `<Segment>/…/part-<number>…` | the same |
| partitions | `<Segment>/…/<column>=<value>/…` | the same |
| Customer Insights | `CustomerInsights_<instance>/<Export>/<Segment>/…` | when all of model.json is there |

A marker is `_SUCCESS` or a manifest. Files and folders whose names begin with `_` or `.` are no data: every
tool that writes part files keeps its own notes there.

The name of a segment is its folder. That of a segment of Customer Insights is `CustomerInsights_<instance>.
<Export>.<Segment>`: no other segment has a name that begins so, and neither an instance nor, by the schema of
model.json, an entity has a dot in its name, so that no two segments have the same name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from shared.domain.segment import EXPORTED
from shared.invisible import can_be_name
from shared.segments.formats.registry import FORMATS, extension_of
from shared.segments.shards import is_part, set_name, shard_of

SUCCESS = "_SUCCESS"
MODEL = "model.json"

_INSTANCE = EXPORTED
_HIDDEN = ("_", ".")
_MANIFEST = re.compile(r".{0,1024}manifest(?:\.(?:json|csv|txt|gz|cdm\.json)){0,9}", re.IGNORECASE)
_FOLDER_MARK = "_$folder$"  # how Hadoop once ended the names of blobs that stand for folders
_ICEBERG = re.compile(r".{0,1024}\.metadata\.json|version-hint\.text|snap-.{0,1024}\.avro")
_FEWEST_FOLDERS = 3  # of a file of Customer Insights: instance, export, segment


class PathKind(Enum):
    """What a path can be."""

    FILE = auto()  # a version by itself, or a shard
    PART = auto()  # of a folder
    SUCCESS = auto()  # closes a folder
    MANIFEST = auto()  # closes a folder, too; at Customer Insights it closes nothing
    EXPORTED = auto()  # a file of Customer Insights
    MODEL = auto()  # closes an export of Customer Insights
    TABLE = auto()  # a note of a table format, whose files are no segment
    OTHER = auto()  # in no form that is read


@dataclass(frozen=True, slots=True)
class SegmentPath:
    """What a path is, and which segment it belongs to (none in particular for a model.json)."""

    kind: PathKind
    segment: str
    folder: str  # with a slash at its end; that of the export at Customer Insights, of the table in a TABLE
    table: str = ""  # the name of the table format


def segment_of(path: str) -> str | None:
    """Return the segment that a path in the container holds data of, or None if it is no segment file."""
    parsed = parse_path(path)
    return (
        parsed.segment
        if parsed and parsed.kind in (PathKind.FILE, PathKind.PART, PathKind.EXPORTED)
        else None
    )


def parse_path(path: str) -> SegmentPath | None:
    """Return what a path is, or None if it has nothing to do with segments.

    No segment has a name that people cannot see as it is: they choose segments by their names.
    """
    parsed = _parsed(path)
    return parsed if parsed and (not parsed.segment or can_be_name(parsed.segment)) else None


def _parsed(path: str) -> SegmentPath | None:
    *folders, name = path.split("/")
    if folders and not folders[0]:
        return None
    if table := _table(folders, name):
        return table
    if any(step.startswith(_HIDDEN) for step in folders):
        return None
    if path.startswith(_INSTANCE):
        return _exported(folders, name)
    folder = "".join(f"{step}/" for step in folders)
    if folders and name == SUCCESS:
        return SegmentPath(PathKind.SUCCESS, folders[0], folder)
    if not name or name.startswith(_HIDDEN) or name.endswith(_FOLDER_MARK):
        return None
    if not folders:
        return _alone(name)
    return SegmentPath(_kind_in_folder(name), folders[0], folder)


def _alone(name: str) -> SegmentPath:
    """Return what a file in no folder is: the segment has its name, without the number of a shard."""
    shard = shard_of(name)
    if shard or is_part(name):
        base = set_name(shard) if shard else ""
        kind = PathKind.FILE if base else PathKind.OTHER
        return SegmentPath(kind, base or name.partition(".")[0], "")
    extension = extension_of(name, FORMATS)
    if extension is not None:
        return SegmentPath(PathKind.FILE, name[: -len(extension)], "")
    stem = name.rpartition(".")[0] or name
    inner = extension_of(stem, FORMATS)  # as in people.csv.bz2
    return SegmentPath(PathKind.OTHER, stem[: -len(inner)] if inner else stem, "")


def _kind_in_folder(name: str) -> PathKind:
    if _MANIFEST.fullmatch(name):
        return PathKind.MANIFEST
    if is_part(name):
        return PathKind.PART
    return PathKind.FILE if extension_of(name, FORMATS) or shard_of(name) else PathKind.OTHER


def _table(folders: Sequence[str], name: str) -> SegmentPath | None:
    """Return which table a path is a note of."""
    for at, step in enumerate(folders):
        table = {"_delta_log": "Delta", ".hoodie": "Hudi"}.get(step)
        if step == "metadata" and at == len(folders) - 1 and _ICEBERG.fullmatch(name):
            table = "Iceberg"
        if table and at:
            return SegmentPath(
                PathKind.TABLE, folders[0], "".join(f"{each}/" for each in folders[:at]), table
            )
        if step.startswith(_HIDDEN):
            return None
    return None


def _exported(folders: Sequence[str], name: str) -> SegmentPath | None:
    """Return what a path below `CustomerInsights_…` is."""
    folder = "".join(f"{step}/" for step in folders[:2])
    if len(folders) == _FEWEST_FOLDERS - 1:
        if name == MODEL:
            return SegmentPath(PathKind.MODEL, "", folder)
        return SegmentPath(PathKind.MANIFEST, "", folder) if _MANIFEST.fullmatch(name) else None
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
