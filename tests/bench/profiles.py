"""Segment files of any size for the benchmarks: of nine columns, an export maps seven and the address."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from pathlib import Path
from typing import IO, cast

COLUMNS: dict[str, str] = {
    "CustomerId": "{0:08x}-7c1f-4d5e-9a3b-{0:012d}",
    "Email": "user{0}@example.com",
    "FirstName": "First{0}",
    "LastName": "Last{0}",
    "Phone": "+46 70 {0:07d}",
    "City": "City {0}",
    "Country": "Sweden",
    "Product": "Product {0}",
    "Score": "{0}.5",
}
"""The columns, and what a cell is made of from the number of its row."""

FIELDS = {
    "email": "Email",
    "first_name": "FirstName",
    "last_name": "LastName",
    "phone": "Phone",
    "CITY": "City",
    "COUNTRY": "Country",
    "PRODUCT": "Product",
    "SCORE": "Score",
}
"""The mapping of the export: field -> column."""

TAGS = {"FirstName": "FNAME", "LastName": "LNAME", "Phone": "PHONE"} | {
    column: tag for tag, column in FIELDS.items() if tag.isupper()
}
"""Column -> Mailchimp's merge field."""

_AT_ONCE = 100_000  # rows, so that files of any size can be made
_ROW_GROUP = 1_000_000  # rows; pyarrow's own default is much the same

type _Encode = Callable[[tuple[str, ...]], str]


def write_segment(file: Path, rows: int, changed_every: int = 0) -> None:
    """Write a file of so many profiles, in the form that its name says; `.quoted.csv` has quotes.

    In a text file one of `changed_every` profiles has another value than without that.
    """
    if file.suffix == ".parquet":
        _write_parquet(file, rows)
        return
    with _opened(file) as out:
        is_csv = ".csv" in file.suffixes
        encode = _encode_of(file) if is_csv else _json
        if is_csv:
            header = (";" if ".semicolons" in file.suffixes else ",").join(COLUMNS)
            out.write((header + "\n").encode())
        for numbers in batched(range(rows), _AT_ONCE, strict=False):
            lines = [encode(_row(number)) + "\n" for number in numbers]
            for at in range(0, len(lines), changed_every) if changed_every else ():
                lines[at] = lines[at].replace("First", "New")
            out.write("".join(lines).encode())


def _opened(file: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(file, "wb")) if file.suffix == ".gz" else file.open("wb")


def _row(number: int) -> tuple[str, ...]:
    return tuple(text.format(number) for text in COLUMNS.values())


def _quoted(row: tuple[str, ...]) -> str:
    return f'"{'","'.join(row)}"'


def _encode_of(file: Path) -> _Encode:
    """Return how the rows of CSV become lines."""
    ways: Mapping[str, _Encode] = {
        ".quoted": _quoted,
        ".escaped": _escaped,
        ".semicolons": ";".join,
    }
    return next((way for name, way in ways.items() if name in file.suffixes), ",".join)


def _escaped(row: tuple[str, ...]) -> str:
    """Write the last cell but one between quotes, as Spark does."""
    return ",".join([*row[:-2], f'"\\"{row[-2]}\\""', row[-1]])


def _json(row: tuple[str, ...]) -> str:
    return json.dumps(dict(zip(COLUMNS, row, strict=True)))


def _write_parquet(file: Path, rows: int) -> None:
    # Imported here, because it takes memory that is measured where there is Parquet only.
    import pyarrow as pa
    import pyarrow.parquet as pq

    def groups() -> Iterator[pa.Table]:
        for first in range(0, rows, _ROW_GROUP):
            numbers = range(first, min(first + _ROW_GROUP, rows))
            yield pa.table(
                {
                    name: pa.array(map(text.format, numbers), pa.string())
                    for name, text in COLUMNS.items()
                }
            )

    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    with pq.ParquetWriter(file, schema) as writer:
        for group in groups():
            writer.write_table(group, row_group_size=_ROW_GROUP)
