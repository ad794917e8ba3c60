"""Reads what Customer Insights writes of an export: model.json, at its level, after all its files.

The format is that of the Common Data Model ("model.json", learn.microsoft.com/common-data-model/model-json,
schema at github.com/microsoft/CDM, docs/schema/modeljsonschema.json): entities with attributes and
partitions. Which folder it lies in is told by "Export segments to Azure Blob Storage" of Customer Insights.
"""

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import unquote

from pydantic import BaseModel, Field, ValidationError, model_validator

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.segment import MAX_FILES, CsvSettings, SegmentVersion
from shared.invisible import can_be_name
from shared.segments.paths import PathKind, exported_name, parse_path
from shared.segments.versions import IncompleteVersion, archived, joined, refused, too_many
from shared.storage.ports import BlobInfo

MAX_MODEL = 4 * 1024 * 1024
"""Bytes that a model.json may have."""

MAX_COLUMNS = 2_000
"""Attributes that an entity may have, since files without a header are read by them."""

_NAMED = 200  # characters of a name that a message shows
_LOCATION = 1_200  # characters of a location that a message shows
_BOM = b"\xef\xbb\xbf"
_AUTHORITY = re.compile(
    r"[a-z][a-z0-9+.-]*+:(?://[^/]*+)?|//[^/]*+", re.IGNORECASE
)  # and the scheme


class _Told(BaseModel):
    """A part of a model.json, in which null says as much as nothing."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, told: object) -> object:
        if not isinstance(told, dict):
            return told
        return {name: value for name, value in told.items() if value is not None}


class _CsvFormat(_Told):
    """The defaults are those of the schema."""

    type: str = Field("CsvFormatSettings", alias="$type")
    header: bool = Field(False, alias="columnHeaders")
    delimiter: str = ","
    quote_style: str = Field("QuoteStyle.Csv", alias="quoteStyle")
    # csvStyle tells where quotes mean something in a field that begins without one. Files that RFC 4180
    # allows have none there.
    csv_style: str = Field("CsvStyle.QuoteAlways", alias="csvStyle")
    encoding: str = "UTF-8"


class _Partition(_Told):
    location: str = ""
    format: _CsvFormat = Field(default_factory=_CsvFormat, alias="fileFormatSettings")


class _Attribute(_Told):
    name: str


class _Entity(_Told):
    type: Literal["LocalEntity", "ReferenceEntity"] = Field("LocalEntity", alias="$type")
    name: str
    attributes: list[_Attribute] = []
    partitions: list[_Partition] = []


class _Model(BaseModel):
    entities: list[object]  # each looked at by itself, so that a bad one spoils no other


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
        model = _Model.model_validate_json(data.removeprefix(_BOM))
    except ValidationError as error:
        raise BadSegment(_wrong_at(folder, error)) from None
    found = [_read_entity(folder, at, told) for at, told in enumerate(model.entities)]
    return [entity for entity in found if entity]


def _read_entity(folder: str, at: int, told: object) -> Entity | None:
    """Return the segment that an entity is, or None if it is none or has no name to be shown by."""
    try:
        entity = _Entity.model_validate(told)
    except ValidationError as error:
        name = told.get("name") if isinstance(told, dict) else None
        if not isinstance(name, str) or not _is_name(name):
            return None
        problem = _wrong_at(folder, error, f"entities.{at}")
        return Entity(exported_name(folder, name), folder, [], CsvSettings(), problem)
    if entity.type != "LocalEntity" or not _is_name(entity.name):
        return None
    return _entity(folder, entity)


def _is_name(name: str) -> bool:
    return can_be_name(name) and not {".", "/"} & set(name)


def _wrong_at(folder: str, error: ValidationError, *within: str) -> Message:
    place = ".".join([*within, *map(str, error.errors(include_input=False)[0]["loc"])])
    return say(
        "{folder}model.json cannot be read. What is wrong stands at: {place}.",
        folder=folder,
        place=place[:_NAMED] or "1",
    )


def exported_version(
    entity: Entity, there: Mapping[str, BlobInfo], written: datetime
) -> SegmentVersion | IncompleteVersion:
    """Return the version that an entity is, from the files that are there, or why it is none.

    `written` is when its model.json was.
    """
    meant = {location: inside(location, entity.folder) for location in entity.locations}
    paths = {
        location: next((path for path in each if path in there), each[0] if each else None)
        for location, each in meant.items()
    }
    within = [path for path in dict.fromkeys(paths.values()) if path]
    blobs = [there[path] for path in within if path in there]
    model = f"{entity.folder}model.json"
    at = max([written, *(blob.modified for blob in blobs)])
    if cold := [blob.name for blob in blobs if blob.archived]:
        return refused(model, at, archived(cold[0]))
    if wrong := entity.problem or _wrong(entity, paths, within):
        return IncompleteVersion(model, at, wrong)
    if missing := [path for path in within if path not in there]:
        reason = say(
            "{model} names {number} files that are not there, the first of them {path}.",
            model=model,
            number=len(missing),
            path=missing[0],
        )
        return IncompleteVersion(model, at, reason)
    return joined(entity.segment, _common_folder(within), blobs, written, entity.csv)


def inside(location: str, folder: str) -> list[str]:
    """Return the paths in our container that a location may mean, the likeliest first; none outside `folder`.

    Only what stands behind the export's folder counts: whichever account or container a location
    names, nothing but ours is ever read, and files are often copied on with their model.json. Some write
    names as they are, with `%` and `#` in them, and others as an address has them; a `?` may begin a
    signature or belong to the name.
    """
    found: list[str] = []
    for text in (location.partition("?")[0], location):
        try:
            decoded = _below(unquote(text, errors="strict"), folder)
        except UnicodeDecodeError:  # no address, then
            found.append(_below(text, folder) or "")
            continue
        if decoded:
            found += [decoded, _below(text, folder) or ""]
    return [path for path in dict.fromkeys(found) if path]


def _below(location: str, folder: str) -> str | None:
    """Return the path that a location has below a folder of ours, None if it has none."""
    authority = _AUTHORITY.match(location)
    path = location[authority.end() :] if authority else location
    before, found, rest = f"/{path}".partition(f"/{folder}")
    if not found:
        if authority:
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
        return say(
            "{entity} has no members: {path} names no file of {entity}.", path=path, entity=entity
        )
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


def _wrong(
    entity: Entity,
    paths: Mapping[str, str | None],
    within: Sequence[str],
) -> Message | None:
    """Return why an entity cannot be read whatever comes yet."""
    outside = [location for location, path in paths.items() if path is None]
    if outside:
        return say(
            "{model} names a file that is not below its own folder, which is never read: {location}",
            model=f"{entity.folder}model.json",
            location=_shown(outside[0]),
        )
    if len(within) > MAX_FILES:
        return too_many(entity.segment, len(within))
    unknown = [path for path in within if not _is_exported(path)]
    if unknown:
        return say("{path} is no segment file.", path=unknown[0])
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
    # A location may carry a signature behind its question mark; no blob has a longer name than this.
    return text.partition("?")[0][:_LOCATION]
