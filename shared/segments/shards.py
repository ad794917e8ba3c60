"""Knows a shard by its name: the forms in which tools number the files of one result. No I/O.

A form has a running number, and names that differ in nothing else are of one set. Numbers that are too
large to count files, such as dates, make no shard.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.segments.formats.registry import extension_of

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CODEC = re.compile(r"\.(?:snappy|gz|gzip|zstd|zst|lz4|lz4_raw|brotli|br)$", re.IGNORECASE)
_PART = re.compile(r"part-(?:[mr]-)?(\d{1,1024})", re.IGNORECASE)
_NAMED = re.compile(_GUID, re.IGNORECASE)
_PARTITION = re.compile(r"[^=]++=.*+")


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of a set; `alike` is its name without the number, `first` whether that is the first.

    `is_named` says that it is named after a query or a job, so that nothing else is written over it.
    """

    alike: str
    first: bool
    is_named: bool = False
    number: int | None = None  # of a part


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to number files: `pattern` is of the name without its ending, `n` the number in it."""

    tool: str
    pattern: re.Pattern[str]
    firsts: Sequence[
        tuple[int, ...]
    ]  # numbers that a set begins with; none if any may be its first
    bare: bool = False  # names may have no ending, or none but .gz


def _form(tool: str, pattern: str, *firsts: tuple[int, ...], bare: bool = False) -> _Form:
    return _Form(tool, re.compile(pattern, re.IGNORECASE), firsts, bare)


FORMS: Sequence[_Form] = (
    _form("BigQuery", r".{0,1024}?(?P<n>0{6}\d{6})", (0,)),
    # What is named after a query or a job needs no first number: no other result has its name.
    _form("Iceberg", rf"(?P<n>\d{{5}}-\d{{1,1024}}-{_GUID}(?:-\d{{1,1024}})?)"),
    _form(
        "Snowflake with INCLUDE_QUERY_ID, Synapse",
        rf".{{0,1024}}{_GUID}[_-](?P<n>\d{{1,1024}}(?:[_-]\d{{1,1024}}){{0,1024}})",
    ),
    _form("Glue", r"run-\d{10,16}-part-(?:[mr]-)?(?P<n>\d{5})", bare=True),
    _form("Trino, Athena", r"\d{8}_\d{6}_\d{5}_[a-z0-9]{5}_(?P<n>.{1,1024})", bare=True),
    _form("Snowflake", r"(?:.{0,1024}_)?(?P<n>\d{1,3}_\d{1,3}_\d{1,3})", (0, 0, 0)),
    _form("Hive", r"(?P<n>00\d{4}_\d{1,2})(?:_copy_\d{1,1024})?", (0,), bare=True),
    _form("Redshift", r".{0,1024}?(?P<n>\d{4}_part_\d{2,3})", (0, 0), bare=True),
    _form("Aurora", r"(?:.{0,1024}[._-])?part_(?P<n>0\d{4})", (0,), bare=True),
    _form("Data Factory", r".{1,1024}_(?P<n>0\d{4})", (0,), (1,)),
    _form("Synapse", r"QID\d{1,1024}_\d{8}_\d{6}_(?P<n>\d{1,4})", (0,)),
    _form("DuckDB", r"data_(?P<n>\d{1,3})", (0,)),
    _form("Dask", r"part\.(?P<n>\d{1,4})", (0,)),
)
"""The first that fits counts. What begins with `part-` is a part of its folder: see `is_part`."""


def shard_of(name: str) -> Shard | None:
    """Return the shard that a file with this name is, or None."""
    extension = extension_of(name)
    end = extension or (".gz" if name.lower().endswith(".gz") else "")
    stem = name[: len(name) - len(end)]
    stem = _CODEC.sub("", stem)
    for form in FORMS:
        if extension is None and not form.bare:
            continue
        if found := form.pattern.fullmatch(stem):
            start, stop = found.span("n")
            numbers = tuple(map(int, re.findall(r"\d++", found["n"]))) if form.firsts else ()
            first = not form.firsts or any(numbers[: len(each)] == each for each in form.firsts)
            return Shard(f"{name[:start]}*{name[stop:]}", first, is_named=not form.firsts)
    return None


def set_name(shard: Shard) -> str:
    """Return what a file's name says beside the number; nothing if it is that of one job."""
    return "" if shard.is_named else shard.alike.partition("*")[0].rstrip("-_. ")


def is_part(name: str) -> bool:
    """Say whether a file is a part of its folder and of nothing else, as Spark names them."""
    return _PART.match(name) is not None


def part_of(name: str) -> Shard | None:
    """Return the shard that a part is among those of its folder, or None if it is none."""
    found = _PART.match(name)
    if found is None:
        return None
    number = int(found[1])
    return Shard("part-*", number == 0, _NAMED.search(name) is not None, number)


def is_partition(folder: str) -> bool:
    """Say whether a folder holds the rows with one value of a column, as `column=value` tells."""
    return _PARTITION.fullmatch(folder) is not None
