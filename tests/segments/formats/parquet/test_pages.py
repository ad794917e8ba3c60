"""What the pages of a Parquet file say of themselves, for every way of compressing them."""

import io
from functools import partial

import pyarrow.parquet as pq
import pytest

from shared.arrow import pa
from shared.segments.formats.parquet.pages import longest_text, pages_of, row_groups
from shared.segments.formats.parquet.rows import longest_of

CODECS = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]


def repeated(texts: list[str], **options: object) -> int:
    """Write one column of texts, and return how long one may be that stands for many."""
    out = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), out, **options)
    file = out.getvalue()
    footer = int.from_bytes(file[-8:-4], "little")
    [group] = row_groups(memoryview(file)[-8 - footer :])
    [span], [codec] = group.chunks, group.codecs
    return pages_of(memoryview(file)[span.start : span.end], partial(longest_of, codec)).repeated


@pytest.mark.parametrize("codec", CODECS)
def test_of_a_dictionary_the_longest_text_counts(codec: str) -> None:
    texts = ["a" * (number % 300) for number in range(10_000)]
    assert repeated(texts, compression=codec) == 299


def test_texts_that_stand_for_themselves_alone_are_not_repeated() -> None:
    assert repeated(["a" * 300] * 10, use_dictionary=False) == 0


def test_prefixes_may_stand_for_a_whole_page() -> None:
    texts = ["a" * 300] * 10
    assert repeated(texts, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY") > 300


def test_a_dictionary_that_is_too_large_to_look_at_counts_as_a_whole() -> None:
    texts = [f"{number:0300}" for number in range(10_000)]
    assert repeated(texts, dictionary_pagesize_limit=10_000_000) > 3_000_000


@pytest.mark.parametrize(("dictionary", "longest"), [(b"", 0), (b"\x02\0\0\0ab\x09\0\0\0c", 9)])
def test_what_a_damaged_dictionary_claims_is_believed(dictionary: bytes, longest: int) -> None:
    assert longest_text(dictionary) == longest


@pytest.mark.parametrize("codec", [1, 3, 99])
def test_what_cannot_be_unpacked_counts_as_a_whole(codec: int) -> None:
    assert longest_of(codec, memoryview(b"no archive"), 1_000) == 1_000
