"""Opens segment files by their format: one table, from the extension of a name to its reader.

Whatever the format, memory is bounded by the limits that the modules of the formats state.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from shared.domain.reading import Dialect, Escape, Reading
from shared.domain.segment import CsvSettings, SegmentFile, SegmentVersion
from shared.segments.formats.csv.found import FoundRows
from shared.segments.formats.csv.rows import CsvRows
from shared.segments.formats.gunzip import Gunzip
from shared.segments.formats.ndjson import NdjsonRows
from shared.segments.formats.parquet.ranged import Ranged
from shared.segments.formats.reader import Reader
from shared.segments.formats.streamed import Streamed
from shared.storage.ports import Blobs


class Told(BaseModel, frozen=True):
    """How a file is to be read, as far as that is known before it is looked at."""

    csv: CsvSettings | None = None  # as model.json states them, and then nothing is guessed
    reading: Reading = Reading()


type Open = Callable[[Blobs, SegmentFile, Told, Sequence[str]], Reader]
"""Container, file, what is known of it and wanted columns -> reader."""


@dataclass(frozen=True, slots=True)
class Format:
    """A file format; `name` is for people."""

    name: str
    open: Open


def _text(is_tabbed: bool = False, is_packed: bool = False) -> Open:
    """Return what opens text with columns, whose name speaks of tabs or says that it is packed."""

    def opened(files: Blobs, file: SegmentFile, told: Told, wanted: Sequence[str]) -> Reader:
        rows: CsvRows | FoundRows
        if told.csv is None:
            rows = FoundRows(file.path, told.reading, wanted, is_tabbed)
        else:
            dialect = Dialect(
                delimiter=told.reading.delimiter or told.csv.delimiter,
                escape=told.reading.escape or Escape.DOUBLED,
                quoted=told.csv.quoted,
            )
            rows = CsvRows(file.path, dialect, wanted, told.csv.columns)
        gunzip = Gunzip(file.path) if is_packed else None
        return Streamed(files, file, rows, gunzip, told.reading.encoding)

    return opened


def _objects(is_packed: bool = False) -> Open:
    """Return what opens an object a line."""

    def opened(files: Blobs, file: SegmentFile, told: Told, wanted: Sequence[str]) -> Reader:
        gunzip = Gunzip(file.path) if is_packed else None
        rows = NdjsonRows(file.path, wanted)
        return Streamed(files, file, rows, gunzip, told.reading.encoding)

    return opened


def _parquet(files: Blobs, file: SegmentFile, _: Told, wanted: Sequence[str]) -> Reader:
    from shared.segments.formats.parquet.rows import ParquetRows

    return Ranged(files, file, ParquetRows(file.path, file.size, wanted))


_NDJSON, _NDJSON_GZ = Format("NDJSON", _objects()), Format("NDJSON.gz", _objects(is_packed=True))
_TABS, _TABS_GZ = Format("TSV", _text(True)), Format("TSV.gz", _text(True, is_packed=True))

FORMATS: Mapping[str, Format] = {
    ".csv": Format("CSV", _text()),
    ".csv.gz": Format("CSV.gz", _text(is_packed=True)),
    ".tsv": _TABS,
    ".txt": _TABS,
    ".tsv.gz": _TABS_GZ,
    ".txt.gz": _TABS_GZ,
    ".ndjson": _NDJSON,
    ".jsonl": _NDJSON,
    ".json": _NDJSON,
    ".ndjson.gz": _NDJSON_GZ,
    ".jsonl.gz": _NDJSON_GZ,
    ".json.gz": _NDJSON_GZ,
    ".parquet": Format("Parquet", _parquet),
}
"""By the end of a file's name, whatever the case of its letters. What Spark and others call JSON is an
object a line."""


def open_file(
    files: Blobs,
    version: SegmentVersion,
    file: SegmentFile,
    wanted: Sequence[str] = (),
    reading: Reading | None = None,
    extension: str | None = None,
) -> Reader:
    """Return the reader of one file of a version.

    `reading` is the version's own with what was found out in reading it, see `ReadAnew`; `extension` says
    the format where the name does not.
    """
    found = FORMATS[extension] if extension else format_of(file.path)
    if found is None:
        raise AssertionError(f"{file.path} is part of a version and has no format")
    told = Told(
        csv=version.csv if version.is_exported else None,
        reading=reading or version.reading or Reading(),
    )
    return found.open(files, file, told, wanted)


def may_leave_out_members(version: SegmentVersion) -> bool:
    """Say whether a row of this version may leave out a column, which is NDJSON's way to say nothing."""
    return format_of(version.sources[0].path) in (_NDJSON, _NDJSON_GZ)


def format_of(path: str, formats: Mapping[str, Format] = FORMATS) -> Format | None:
    """Return the format of a file, or None if it has none of these."""
    extension = extension_of(path, formats)
    return formats[extension] if extension else None


def extension_of(path: str, formats: Mapping[str, Format] = FORMATS) -> str | None:
    """Return the end of a file's name that says its format, as it stands in the table."""
    lower = path.lower()
    return next((extension for extension in formats if lower.endswith(extension)), None)
