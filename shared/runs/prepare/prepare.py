"""Preparing a run: read the segment files once, and lay out all its work before the first profile leaves.

First pass: every row is mapped, checked and written to a spool in the destination's own JSON. Second
pass: partition by partition, duplicates and unchanged profiles are found, and the rest goes into
parts. Memory does not grow with the number of rows.

If it dies it starts over: nothing has been sent. What it writes is in the folder of a layout, which nobody
else writes to: only the checkpoint says which layout is the run's.
"""

import tempfile
from collections.abc import AsyncIterator, MutableMapping, Sequence
from datetime import datetime
from typing import IO

from shared.destinations.contract import Encoder
from shared.destinations.encoding.habits import Habits
from shared.destinations.model import Limits
from shared.domain.errors import BadSegment
from shared.domain.export import Export
from shared.domain.message import Message, say, say_count
from shared.domain.outcomes import Counts, Outcome
from shared.domain.reading import Reading
from shared.domain.run import Checkpoint, Mode, Phase, Run
from shared.domain.segment import MAX_FILES, MAX_PATHS, SegmentVersion
from shared.runs.prepare.mapping import Mapper, Report
from shared.runs.state.delivered import StateReader, digest_key, digest_with, state_name
from shared.runs.state.parts import PartWriter
from shared.runs.state.rejects import RejectWriter
from shared.segments.catalogue import newest_version
from shared.segments.faults import NoFile
from shared.segments.formats.rows import ReadAnew
from shared.segments.readings import version_to_read
from shared.services import Services
from shared.storage.paths import digests, layout_folder
from shared.storage.ports import Storage
from shared.storage.side_by_side import side_by_side

_UPLOAD_PIECE = 1024 * 1024  # bytes


class NothingToLayOut(BadSegment):
    """All rows were read, and nothing may be sent; `found` is how far the run has come."""

    def __init__(self, reason: Message, found: Checkpoint) -> None:
        super().__init__(reason)
        self.found = found


class NoValidRow(NothingToLayOut):
    """Every row is invalid."""


class TooManyProfiles(NothingToLayOut):
    """An export has more profiles than it may have."""


async def resolve_versions(
    storage: Storage, export: Export, now: datetime, begun: Sequence[SegmentVersion] = ()
) -> list[SegmentVersion]:
    """Return the newest version of each of the export's segments; raise BadSegment if one has none.

    A run keeps the reading with which it began: `begun` are the versions that it has had so far.
    """
    readings = {version.segment: version.reading for version in begun}
    versions = []
    for name in export.segments:
        if name in readings:
            newest = await newest_version(storage.segments, name, now)
            version = newest.read_by(readings[name]) if newest else None
        else:
            version = await version_to_read(storage, name, now)
        if version is None:
            raise NoFile(name)
        versions.append(version)
    _require_few(versions)
    return versions


def _require_few(versions: Sequence[SegmentVersion]) -> None:
    """Raise BadSegment when the record of a run could not hold the list of its files."""
    files = [file for version in versions for file in version.files]
    if len(files) > MAX_FILES or sum(len(file.path) for file in files) > MAX_PATHS:
        raise BadSegment(
            say(
                "The segments of the export have {number} files together and may have {most}, with paths of "
                "{characters} characters in all. Write fewer and larger files.",
                number=len(files),
                most=MAX_FILES,
                characters=MAX_PATHS,
            )
        )


async def prepare(
    services: Services,
    run: Run,
    layout: str,
    export: Export,
    encoder: Encoder,
    limits: Limits,
    report: Report,
) -> Checkpoint:
    """Lay out the work of `run.versions` as `layout`, and return the checkpoint that sending begins from.

    Raise BadSegment when a file cannot be read, lacks a mapped column or is replaced meanwhile, or when
    there is no profile at all; raise NoValidRow when every row is invalid, and TooManyProfiles when there
    are more than one export may hold.
    """
    readings: dict[str, Reading] = {}
    habits: dict[str, Habits] = {}
    while True:
        encoder.restart()
        try:
            return await _laid_out(
                services, run, layout, export, encoder, limits, report, readings, habits
            )
        except ReadAnew:
            continue  # nothing is laid out before all is read, and no checkpoint names the rejects


async def _laid_out(
    services: Services,
    run: Run,
    layout: str,
    export: Export,
    encoder: Encoder,
    limits: Limits,
    report: Report,
    readings: MutableMapping[str, Reading],
    habits: MutableMapping[str, Habits],
) -> Checkpoint:
    from shared.runs.prepare.sorter import Sorter  # with them comes pyarrow: see shared/arrow.py
    from shared.runs.prepare.spool import Spool

    storage, folder = services.storage, layout_folder(run.id, layout)
    digest = digest_with(await digest_key(services))
    rejects = RejectWriter(storage.run_files, run.id, most=services.max_unsent_rejects)
    compare = run.mode is Mode.CHANGES
    before = StateReader(storage.delivered.stream(state_name(export)) if compare else None)
    parts = PartWriter(storage.run_files, folder, limits)
    with Spool() as spool, tempfile.TemporaryFile() as state:
        mapper = Mapper(export, encoder, spool, rejects, report, readings, habits)
        for version in run.versions:
            await mapper.read(storage, version)
        if not mapper.rows:
            raise BadSegment(
                say(
                    "There is a header but no profile in {paths}. Nothing was sent.",
                    paths=tuple(each.path for each in run.versions),
                )
            )
        if rejects.counts[Outcome.INVALID] == mapper.rows:
            await rejects.write()
            found = Checkpoint(
                rows_read=mapper.rows,
                layout=layout,
                reject_files=rejects.written,
                counts=Counts().plus(rejects.counts),
            )
            raise NoValidRow(_none_valid(mapper.rows), found)
        most = services.profiles_allowed(limits)
        sorter = Sorter(run, digest, before, rejects, parts, state, most)
        for partitions in spool.partitions():
            await sorter.sort(partitions)
        await rejects.write()
        found = Checkpoint(
            layout=layout,
            rows_read=mapper.rows,
            reject_files=rejects.written,
            counts=Counts(unchanged=sorter.unchanged).plus(rejects.counts),
        )
        if sorter.distinct > most:
            raise TooManyProfiles(_too_many(sorter.distinct, most), found)
        await side_by_side(parts.close(), storage.run_files.write(digests(folder), _pieces(state)))
    ready = {"phase": Phase.SEND, "profiles": parts.profiles, "batches": parts.batches}
    return found.model_copy(update=ready)


def _none_valid(rows: int) -> Message:
    return say_count(
        "{count} row was read, and it is invalid. The rejects say why. Nothing was sent.",
        "{count} rows were read, and none is valid. The rejects say why of each. Nothing was sent.",
        rows,
    )


def _too_many(profiles: int, most: int) -> Message:
    return say(
        "The export has {profiles} profiles and may have {most}. Nothing was sent; choose smaller "
        "segments.",
        profiles=profiles,
        most=most,
    )


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    file.seek(0)
    while piece := file.read(_UPLOAD_PIECE):
        yield piece
