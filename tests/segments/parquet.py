"""Parquet files for tests, good and bad."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

type Columns = Mapping[str, Sequence[Any]]


def parquet(columns: Columns, **options: Any) -> bytes:
    """Return a file of these columns."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), buffer, **options)
    return buffer.getvalue()


def twice_named() -> bytes:
    """Return a file with two columns of one name."""
    buffer = io.BytesIO()
    arrays = [pa.array(["a@x.com"]), pa.array(["b@x.com"]), pa.array(["A"]), pa.array(["B"])]
    pq.write_table(pa.Table.from_arrays(arrays, ["Email", "Email", "First", "Last"]), buffer)
    return buffer.getvalue()


def encrypted_footer() -> bytes:
    """Return what a file with an encrypted footer ends in, which is all that is looked at."""
    return b"PARE" + bytes(100) + (90).to_bytes(4, "little") + b"PARE"


def with_footer_length(data: bytes, length: int) -> bytes:
    """Return a file that says its footer were so long."""
    return data[:-8] + length.to_bytes(4, "little") + data[-4:]


def bomb() -> bytes:
    """Return a small file whose one page holds 140 MB of zeros."""
    value = "0" * 35_000_000
    columns = {"Email": [value] * 4, "First": ["A"] * 4, "Last": ["B"] * 4}
    options = {"compression": "zstd", "use_dictionary": False, "data_page_size": 1 << 30}
    return parquet(columns, **options, write_statistics=False)


def dictionary_bomb() -> bytes:
    """Return a small file in which 20,000 rows repeat one value of 1 MB: 20 GB once it is spelt out."""
    indices = pa.array([0] * 20_000, pa.int32())
    last = pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 1_000_000]))
    table = pa.table({"Email": [f"u{n}@x.com" for n in range(20_000)], "First": last, "Last": last})
    buffer = io.BytesIO()
    pq.write_table(
        table, buffer, store_schema=False, dictionary_pagesize_limit=1 << 24, write_statistics=False
    )
    return buffer.getvalue()


def absurd_rows() -> bytes:
    """Return a small file of 60 million rows without any value."""
    rows = pa.nulls(60_000_000)
    return parquet({"Email": rows, "First": rows, "Last": rows}, compression="zstd")
