"""Reads what Customer Insights writes of an export: model.json, at its level, after all its files.

The format is that of the Common Data Model ("model.json", learn.microsoft.com/common-data-model/model-json,
schema at github.com/microsoft/CDM, docs/schema/modeljsonschema.json): entities with attributes and
partitions. Which folder it lies in is told by "Export segments to Azure Blob Storage" of Customer Insights.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, Field, ValidationError

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.segment import MAX_FILES, CsvSettings, SegmentVersion
from shared.segments.paths import (
    IncompleteVersion,
    PathKind,
    exported_name,
    joined,
    parse_path,
    too_many,
)
from shared.storage.ports import BlobInfo

MAX_MODEL = 4 * 1024 * 1024
"""Bytes that a model.json may have."""

MAX_COLUMNS = 2_000
"""Attributes that an entity may have, since files without a header are read by them."""

_NAMED = 200  # characters of a name or a location that a message shows


class _CsvFormat(BaseModel):
    """The defaults are those of the schema."""

    type: str = Field("CsvFormatSettings", alias="$type")
    header: bool = Field(False, alias="columnHeaders")
    delimiter: str = ","
    quote_style: str = Field("QuoteStyle.Csv", alias="quoteStyle")
    # csvStyle tells where quotes mean something in a field that begins without one. Files that RFC 4180
    # allows have none there.
    csv_style: str = Field("CsvStyle.QuoteAlways", alias="csvStyle")
    encoding: str = "UTF-8"


class _Partition(BaseModel):
    location: str = ""
    format: _CsvFormat = Field(default_factory=_CsvFormat, alias="fileFormatSettings")


class _Attribute(BaseModel):
    name: str


class _Entity(BaseModel):
    type: Literal["LocalEntity", "ReferenceEntity"] = Field("LocalEntity", alias="$type")
    name: str
    attributes: list[_Attribute] = []
    partitions: list[_Partition] = []


class _Model(BaseModel):
    entities: list[_Entity]


@dataclass(frozen=True, slots=True)
class Entity:
    """A segment as a model.json tells of it."""

    segment: str
    folder: str  # of the export
    locations: Sequence[str]  # as they are written there
    csv: CsvSettings
    problem: Message | None = None  # why it cannot be read


def read_model(folder: str, data: bytes) -> list[Entity]:
    """Return the segments that the model.json of an export's folder tells of; raise BadSegment."""
    try:
        model = _Model.model_validate_json(data)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        raise BadSegment(
            say(
                "{folder}model.json cannot be read. What is wrong stands at: {place}.",
                folder=folder,
                place=place[:_NAMED] or "1",
            )
        ) from None
    return [
        _entity(folder, entity)
        for entity in model.entities
        if entity.type == "LocalEntity" and entity.name and not {".", "/"} & set(entity.name)
    ]


def exported_version(
    entity: Entity, there: Mapping[str, BlobInfo], written: datetime
) -> SegmentVersion | IncompleteVersion:
    """Return the version that an entity is, from the files that are there, or why it is none.

    `written` is when its model.json was.
    """
    paths = {location: inside(location, entity.folder) for location in entity.locations}
    within = [path for path in dict.fromkeys(paths.values()) if path]
    blobs = [there[path] for path in within if path in there]
    reason = entity.problem or _why_not(entity, paths, within, there)
    at = max([written, *(blob.modified for blob in blobs)])
    if reason is not None:
        return IncompleteVersion(f"{entity.folder}model.json", at, reason)
    return joined(entity.segment, _common_folder(within), blobs, written, entity.csv)


def inside(location: str, folder: str) -> str | None:
    """Return the path in our container that a location means, or None when it is not below `folder`.

    Only what stands behind the export's folder counts: whichever account or container a location
    names, nothing but ours is ever read, and files are often copied on with their model.json.
    """
    try:
        address = urlsplit(location)
        path = unquote(address.path if address.scheme else location, errors="strict")
    except ValueError:  # no address, or not UTF-8
        return None
    before, found, rest = f"/{path}".partition(f"/{folder}")
    if not found:
        if address.scheme or address.netloc:
            return None
        rest = before.removeprefix("/")
    steps = rest.split("/")
    if any(step in ("", ".", "..") for step in steps) or "\\" in rest or not rest.isprintable():
        return None
    return f"{folder}{rest}"


def _entity(folder: str, entity: _Entity) -> Entity:
    columns = [attribute.name.strip() for attribute in entity.attributes]
    formats = [partition.format for partition in entity.partitions]
    first = formats[0] if formats else _CsvFormat()
    problem = _problem(f"{folder}model.json", entity.name[:_NAMED], columns, formats)
    csv = CsvSettings()
    if problem is None and first.type == "CsvFormatSettings":
        csv = CsvSettings(
            delimiter=first.delimiter,
            quoted=first.quote_style != "QuoteStyle.None",
            columns=None if first.header else columns,
        )
    locations = [partition.location for partition in entity.partitions]
    return Entity(exported_name(folder, entity.name), folder, locations, csv, problem)


def _problem(
    path: str, entity: str, columns: Sequence[str], formats: Sequence[_CsvFormat]
) -> Message | None:
    if not formats:
        return say("{path} names no file of {entity}.", path=path, entity=entity)
    first = formats[0]
    if any(each != first for each in formats):
        return say(
            "{path} says of several files of {entity} that they are written differently.",
            path=path,
            entity=entity,
        )
    if first.type == "CsvFormatSettings":
        if len(first.delimiter) != 1 or first.delimiter in '"\r\n\0':
            return say(
                "{path}: the delimiter of {entity} is not one character.", path=path, entity=entity
            )
        if not _is_utf_8(first.encoding):
            return say(
                "{path}: the files of {entity} are in {encoding}, and only UTF-8 is read.",
                path=path,
                entity=entity,
                encoding=first.encoding[:_NAMED],
            )
        if not first.header and not 0 < len(columns) <= MAX_COLUMNS:
            return say(
                "{path}: {entity} has {number} attributes, and files without a header need 1 to {most}.",
                path=path,
                entity=entity,
                number=len(columns),
                most=MAX_COLUMNS,
            )
    return None


def _is_utf_8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except (LookupError, ValueError):
        return False


def _why_not(
    entity: Entity,
    paths: Mapping[str, str | None],
    within: Sequence[str],
    there: Mapping[str, BlobInfo],
) -> Message | None:
    model = f"{entity.folder}model.json"
    outside = [location for location, path in paths.items() if path is None]
    if outside:
        return say(
            "{model} names a file that is not below its own folder, which is never read: {location}",
            model=model,
            location=_shown(outside[0]),
        )
    if len(within) > MAX_FILES:
        return too_many(entity.segment, len(within))
    unknown = [path for path in within if not _is_exported(path)]
    if unknown:
        return say("{path} is no segment file.", path=_shown(unknown[0]))
    missing = [path for path in within if path not in there]
    if missing:
        return say(
            "{model} names {number} files that are not there, the first of them {path}.",
            model=model,
            number=len(missing),
            path=_shown(missing[0]),
        )
    return None


def _is_exported(path: str) -> bool:
    parsed = parse_path(path)
    return parsed is not None and parsed.kind is PathKind.EXPORTED


def _common_folder(paths: Sequence[str]) -> str:
    """Return the innermost folder that holds all of these."""
    first, last = min(paths), max(paths)
    same = next(
        (at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[: first.rindex("/", 0, same) + 1]


def _shown(text: str) -> str:
    # A location may carry a signature behind its question mark.
    return text.partition("?")[0][:_NAMED]
