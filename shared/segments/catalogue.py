"""Finds out which segments there are, and which versions of them have landed.

Everything follows from a listing and the time at which somebody looks: `now` is that.
"""

from collections.abc import Mapping
from datetime import datetime

from shared.domain.errors import BadSegment
from shared.domain.message import say
from shared.domain.segment import SegmentVersion
from shared.segments.faults import explained
from shared.segments.inventory import SegmentFiles, age, classify, versions_in
from shared.segments.model_json import (
    MAX_MODEL,
    Entity,
    exported_version,
    inside,
    read_model,
)
from shared.segments.partitions import base_of
from shared.segments.paths import MODEL, PathKind, SegmentPath, export_folder, parse_path
from shared.segments.prose import LOOKED_AT, holds_rows, may_be_prose
from shared.segments.shards import shard_of
from shared.segments.unread import prose
from shared.segments.versions import IncompleteVersion
from shared.storage.ports import BlobInfo, Blobs


async def find_all(files: Blobs, now: datetime) -> dict[str, SegmentFiles]:
    """Return what there is of every segment, by name. What is doubtful has yet to be settled."""
    listing = classify([blob async for blob in files.list()], now)
    for folder in sorted(listing.models.keys() | listing.exported.keys()):
        there, manifest = listing.exported[folder], listing.manifests.get(folder)
        try:
            model, entities = await _told(files, folder, listing.models.get(folder), manifest)
        except BadSegment as error:
            for blob in there.values():
                if parsed := parse_path(blob.name):
                    incomplete = IncompleteVersion(f"{folder}{MODEL}", blob.modified, error.reason)
                    listing.segments[parsed.segment].add(incomplete)
            continue
        for entity in entities:
            listing.segments[entity.segment].add(exported_version(entity, there, model.modified))
    return dict(sorted(listing.segments.items()))


async def find_one(files: Blobs, name: str, now: datetime) -> SegmentFiles | None:
    """Return what there is of one segment, or None if there is nothing."""
    folder = export_folder(name)
    if folder is not None:
        return await _find_exported(files, name, folder)
    found = classify([blob async for blob in files.list(name)], now).segments.get(name)
    return await settled(files, found) if found else None


async def newest_version(files: Blobs, name: str, now: datetime) -> SegmentVersion | None:
    """Return the newest complete version of one segment, or None if it has no files.

    Raise BadSegment when there are files and no complete version.
    """
    found = await find_one(files, name, now)
    if found is None:
        return None
    if found.newest is None and found.awaited is not None:
        raise BadSegment(found.awaited.reason)
    return found.newest


async def landed_versions(files: Blobs, path: str, now: datetime) -> list[SegmentVersion]:
    """Return the versions that are complete now that a file has been written.

    One of a set completes none: its marker does, or the time (`versions_in`). A model.json completes one
    version of each segment that it tells of; a file that it named before it was there completes one, too.
    """
    parsed = parse_path(path)
    if parsed is None or not _may_complete(path, parsed):
        return []
    if parsed.kind in (PathKind.EXPORTED, PathKind.MODEL):
        versions = await _exported_versions(files, parsed.folder)
        if parsed.kind is PathKind.MODEL:
            return versions
        return [each for each in versions if any(file.path == path for file in each.files)]
    there = [blob async for blob in files.list(parsed.segment)]
    found = [each for each in versions_in(there, now) if each.segment == parsed.segment]
    if parsed.kind is PathKind.FILE:
        return [each for each in found if each.path == path and await is_one(files, each)]
    closed = [each for each in found if each.closed is not None]
    return [each for each in closed if _folder_of(each.path) == parsed.folder]


async def settled(files: Blobs, found: SegmentFiles) -> SegmentFiles:
    """Look into the doubtful files of a segment that are newer than its newest version; return it."""
    while found.doubtful:
        newest = max(found.doubtful, key=age)
        if found.newest and age(newest) < age(found.newest):
            found.versions += len(found.doubtful)
            found.doubtful.clear()
        elif await is_one(files, newest):
            found.doubtful.remove(newest)
            found.versions += 1
            found.newest = newest
        else:
            found.doubtful.remove(newest)
            found.add(prose(newest.path, newest.modified))
    return found


async def is_one(files: Blobs, version: SegmentVersion) -> bool:
    """Say whether what may be a version by its name holds rows, as far as its beginning tells."""
    if version.files or not may_be_prose(version.path):
        return True
    size = min(version.size, LOOKED_AT)
    try:
        with explained(version.path):
            head = await files.read_range(version.path, version.etag, 0, size)
    except BadSegment:
        return True  # whoever reads it says why that cannot be done
    return holds_rows(version.path, head, size == version.size)


def _may_complete(path: str, parsed: SegmentPath) -> bool:
    """Say whether a file can complete a version by being there."""
    match parsed.kind:
        case PathKind.PART | PathKind.TABLE | PathKind.OTHER:
            return False
        case PathKind.FILE:
            return shard_of(path.rpartition("/")[2]) is None and base_of(path) is None
        case _:
            return True


def _folder_of(path: str) -> str:
    return path[: path.rfind("/") + 1]


async def _exported_versions(files: Blobs, folder: str) -> list[SegmentVersion]:
    try:
        model, entities = await _told(files, folder, await files.info(f"{folder}{MODEL}"))
    except BadSegment:
        return []  # nothing can be begun; the catalogue says why
    found = [
        exported_version(entity, await _there(files, entity), model.modified) for entity in entities
    ]
    return [each for each in found if isinstance(each, SegmentVersion)]


async def _there(files: Blobs, entity: Entity) -> Mapping[str, BlobInfo]:
    """Return the files of an entity that are there, by name."""
    paths = [path for each in entity.locations for path in inside(each, entity.folder)]
    folders = {_folder_of(path) for path in paths}
    return {blob.name: blob for folder in folders async for blob in files.list(folder)}


async def _find_exported(files: Blobs, name: str, folder: str) -> SegmentFiles | None:
    """Return what there is of one segment of Customer Insights, or None if there is nothing."""
    found = SegmentFiles()
    model = await files.info(f"{folder}{MODEL}")
    manifest = None if model else await _manifest(files, folder)
    try:
        model, entities = await _told(files, folder, model, manifest)
    except BadSegment as error:
        async for blob in files.list(f"{folder}{name.rpartition('.')[2]}/"):
            found.add(IncompleteVersion(f"{folder}{MODEL}", blob.modified, error.reason))
        return found if found.incomplete else None
    told = [entity for entity in entities if entity.segment == name]
    for entity in told:
        found.add(exported_version(entity, await _there(files, entity), model.modified))
    return found if told else None


async def _manifest(files: Blobs, folder: str) -> BlobInfo | None:
    """Return the manifest that lies in the folder of an export of Customer Insights."""
    async for blob in files.list(folder):
        parsed = parse_path(blob.name)
        if parsed and parsed.kind is PathKind.MANIFEST and parsed.folder == folder:
            return blob
    return None


async def _told(
    files: Blobs, folder: str, model: BlobInfo | None, manifest: BlobInfo | None = None
) -> tuple[BlobInfo, list[Entity]]:
    """Return a model.json with what it tells; raise BadSegment if there is none or none that is good."""
    if model is not None:
        return model, await _entities(files, folder, model)
    if manifest is not None:
        raise BadSegment(
            say(
                "{folder} has no model.json, and {path} is a manifest, which is not read. Export with "
                "model.json, or add the files to a folder of their own.",
                folder=folder,
                path=manifest.name,
            )
        )
    raise BadSegment(say("{folder} is not complete: model.json is not there yet.", folder=folder))


async def _entities(files: Blobs, folder: str, model: BlobInfo) -> list[Entity]:
    if model.size > MAX_MODEL:
        raise BadSegment(
            say(
                "{folder}model.json has {size} bytes and may have {most}.",
                folder=folder,
                size=model.size,
                most=MAX_MODEL,
            )
        )
    with explained(model.name):
        data = b"".join([piece async for piece in files.stream(model.name, model.etag)])
    return read_model(folder, data)
