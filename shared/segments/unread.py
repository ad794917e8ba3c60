"""Says of a file in no form that is read what it is, and what to do. No I/O.

Some may be a segment, such as a workbook, and stand for a delivery that nobody can read. Others are for
people or for tools, such as a README or a script: they stand beside the data and never take its place.
"""

from datetime import datetime

from shared.domain.message import Message, say
from shared.domain.segment import UnreadFile
from shared.segments.formats.registry import FORMATS
from shared.segments.shards import is_part, shard_of

_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
_PACKED = (
    ".gz",
    ".bz2",
    ".zst",
    ".zstd",
    ".xz",
    ".lz4",
    ".lzo",
    ".br",
    ".snappy",
    ".deflate",
    ".z",
)
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz")
_DATA = {
    ".avro": "Avro",
    ".orc": "ORC",
    ".arrow": "Arrow",
    ".arrows": "Arrow",
    ".ipc": "Arrow",
    ".feather": "Feather",
    ".xml": "XML",
    ".json": "JSON",
    ".sas7bdat": "SAS",
    ".sav": "SPSS",
    ".dta": "Stata",
    ".rds": "R",
    ".rdata": "R",
    ".pkl": "pickle",
    ".h5": "HDF5",
    ".db": "SQLite",
    ".sqlite": "SQLite",
    ".duckdb": "DuckDB",
    ".mdb": "Access",
    ".accdb": "Access",
}
_NO_ROWS = (
    *(
        ".md",
        ".rst",
        ".log",
        ".sql",
        ".ddl",
        ".html",
        ".htm",
        ".pdf",
        ".doc",
        ".docx",
        ".rtf",
        ".pptx",
    ),
    *(
        ".yaml",
        ".yml",
        ".ini",
        ".cfg",
        ".conf",
        ".toml",
        ".xsd",
        ".dtd",
        ".avsc",
        ".ctl",
        ".fmt",
        ".schema",
    ),
    *(
        ".md5",
        ".sha1",
        ".sha256",
        ".sig",
        ".asc",
        ".crc",
        ".ok",
        ".done",
        ".trg",
        ".ready",
        ".flag",
        ".lock",
    ),
    *(
        ".py",
        ".sh",
        ".ps1",
        ".bat",
        ".r",
        ".ipynb",
        ".js",
        ".png",
        ".jpg",
        ".jpeg",
        ".gif",
        ".svg",
        ".eml",
    ),
    *(".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".bak", ".old", ".swp"),
)


def unread(path: str, at: datetime) -> UnreadFile:
    """Return what to say of a file in no form that is read."""
    if "/" not in path and (is_part(path) or shard_of(path)):
        return UnreadFile(path, at, _one_of_several(path), is_data=True)
    name = path.rpartition("/")[2].lower()
    ending = f".{name.rpartition('.')[2]}" if "." in name else ""
    if ending in _NO_ROWS:
        return UnreadFile(path, at, _no_rows(path))
    return UnreadFile(path, at, _why(path, ending), is_data=True)


def prose(path: str, at: datetime) -> UnreadFile:
    """Return what to say of a text in which there are no rows."""
    if ".json" in path.lower():
        reason = say(
            "{path} has no line that is an object with an email address, so it is taken for no segment. If "
            "it is one, write each of its objects on a line of its own (NDJSON) and add it again.",
            path=path,
        )
        return UnreadFile(path, at, reason)
    reason = say(
        "{path} holds no rows with email addresses, so it is taken for no segment. If it is one, save it "
        "as CSV UTF-8 and add it again.",
        path=path,
    )
    return UnreadFile(path, at, reason)


def lone_marker(path: str, at: datetime) -> UnreadFile:
    """Return what to say of a file that closes nothing."""
    reason = say(
        "{path} says that files are complete, and there is none beside it that is read. Add them, and "
        "this file last.",
        path=path,
    )
    return UnreadFile(path, at, reason)


def manifest(path: str, at: datetime) -> UnreadFile:
    """Return what to say of a manifest that closes nothing."""
    return UnreadFile(path, at, _manifest(path))


def _manifest(path: str) -> Message:
    return say(
        "{path} is a manifest, which is not read: only files with rows are. Add these.", path=path
    )


def _one_of_several(path: str) -> Message:
    return say(
        "{path} is one of several files by its name, which says nothing of their segment. Put them into a "
        "folder that has the name of the segment.",
        path=path,
    )


def _no_rows(path: str) -> Message:
    return say("{path} is not read: by its name it holds no rows.", path=path)


def _why(path: str, ending: str) -> Message:
    if ending in _WORKBOOKS:
        return say("{path} is a workbook. Save it as CSV UTF-8 and add that.", path=path)
    if ending in _PACKED:
        return say(
            "{path} is packed in a way that is not read. Add it as it was, or packed with gzip, with a "
            "name that ends in .csv.gz or .jsonl.gz.",
            path=path,
        )
    if ending in _ARCHIVES:
        return say("{path} is an archive of files. Add the files themselves.", path=path)
    if ending in _DATA:
        return say(
            "{path} is {form}, which is not read. Write it as Parquet or as CSV UTF-8.",
            path=path,
            form=_DATA[ending],
        )
    return say(
        "{path} has a name that does not say in which form it is. Names end in one of these: {forms}.",
        path=path,
        forms=", ".join(FORMATS),
    )
