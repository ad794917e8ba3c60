"""Finds out which segments there are, and which versions of them have landed."""

from collections.abc import Mapping

from shared.domain.errors import BadSegment
from shared.domain.message import say
from shared.domain.segment import SegmentVersion
from shared.segments.inventory import Listing, SegmentFiles, classify
from shared.segments.model_json import (
    MAX_MODEL,
    Entity,
    exported_version,
    inside,
    read_model,
)
from shared.segments.paths import (
    MODEL,
    IncompleteVersion,
    PathKind,
    SegmentPath,
    export_folder,
    folder_version,
    folders_in,
    parse_path,
    version_of,
)
from shared.storage.ports import BlobInfo, Blobs, Missing, Stale


async def find_all(files: Blobs) -> dict[str, SegmentFiles]:
    """Return what there is of every segment, by name."""
    listing = classify([blob async for blob in files.list()])
    for folder in sorted(listing.models.keys() | listing.exported.keys()):
        await _explain(files, listing, folder)
    return dict(sorted(listing.segments.items()))


async def find_one(files: Blobs, name: str) -> SegmentFiles | None:
    """Return what there is of one segment, or None if there is nothing."""
    folder = export_folder(name)
    if folder is None:
        listing = classify([blob async for blob in files.list(name)])
        return listing.segments.get(name)
    return await _find_exported(files, name, folder)


async def newest_version(files: Blobs, name: str) -> SegmentVersion | None:
    """Return the newest complete version of one segment, or None if it has no files.

    Raise BadSegment when there are files and no complete version.
    """
    found = await find_one(files, name)
    if found is None:
        return None
    if found.newest is None and found.incomplete is not None:
        raise BadSegment(found.incomplete.reason)
    return found.newest


async def landed_versions(files: Blobs, path: str) -> list[SegmentVersion]:
    """Return the versions that are complete now that a file has been written.

    A part file completes none: `_SUCCESS` does. A model.json completes one version of each segment that
    it tells of; a file that it named before it was there completes one, too.
    """
    parsed = parse_path(path)
    if parsed is None or parsed.kind is PathKind.PART:
        return []
    if parsed.kind is PathKind.FILE:
        blob = await files.info(path)
        return [version_of(blob, parsed)] if blob else []
    if parsed.kind is PathKind.SUCCESS:
        return await _folder_versions(files, parsed)
    versions = await _exported_versions(files, parsed.folder)
    if parsed.kind is PathKind.MODEL:
        return versions
    return [each for each in versions if any(file.path == path for file in each.files)]


def replaced(path: str) -> BadSegment:
    """Return what to say of a file that is no longer the version it was."""
    return BadSegment(
        say(
            "{path} was replaced or removed while it was read. Nothing was sent; the next run "
            "takes the file that is there then.",
            path=path,
        )
    )


async def _folder_versions(files: Blobs, parsed: SegmentPath) -> list[SegmentVersion]:
    paths = [
        (there, blob)
        async for blob in files.list(parsed.folder)
        if (there := parse_path(blob.name)) and there.folder == parsed.folder
    ]
    found = map(folder_version, folders_in(paths))
    return [each for each in found if isinstance(each, SegmentVersion)]


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
    paths = [path for each in entity.locations if (path := inside(each, entity.folder))]
    folders = {path.rpartition("/")[0] for path in paths}
    return {blob.name: blob for folder in folders async for blob in files.list(f"{folder}/")}


async def _explain(files: Blobs, listing: Listing, folder: str) -> None:
    """Add the segments of one export of Customer Insights to a listing."""
    there = listing.exported[folder]
    try:
        model, entities = await _told(files, folder, listing.models.get(folder))
    except BadSegment as error:
        for blob in there.values():
            if parsed := parse_path(blob.name):
                incomplete = IncompleteVersion(f"{folder}{MODEL}", blob.modified, error.reason)
                listing.segments[parsed.segment].add(incomplete)
        return
    for entity in entities:
        listing.segments[entity.segment].add(exported_version(entity, there, model.modified))


async def _find_exported(files: Blobs, name: str, folder: str) -> SegmentFiles | None:
    """Return what there is of one segment of Customer Insights, or None if there is nothing."""
    found = SegmentFiles()
    try:
        model, entities = await _told(files, folder, await files.info(f"{folder}{MODEL}"))
    except BadSegment as error:
        async for blob in files.list(f"{folder}{name.rpartition('.')[2]}/"):
            found.add(IncompleteVersion(f"{folder}{MODEL}", blob.modified, error.reason))
        return found if found.incomplete else None
    told = [entity for entity in entities if entity.segment == name]
    for entity in told:
        found.add(exported_version(entity, await _there(files, entity), model.modified))
    return found if told else None


async def _told(files: Blobs, folder: str, model: BlobInfo | None) -> tuple[BlobInfo, list[Entity]]:
    """Return a model.json with what it tells; raise BadSegment if there is none or none that is good."""
    if model is None:
        raise BadSegment(
            say("{folder} is not complete: model.json is not there yet.", folder=folder)
        )
    return model, await _entities(files, folder, model)


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
    try:
        pieces = [piece async for piece in files.stream(model.name, model.etag)]
    except (Missing, Stale):
        raise replaced(model.name) from None
    return read_model(folder, b"".join(pieces))
