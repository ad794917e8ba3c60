"""Finds where the row groups and pages of a Parquet file lie, and how large they are, in its own metadata.

The structs are those of parquet.thrift of the Parquet format: FileMetaData, RowGroup, ColumnChunk,
ColumnMetaData in the footer, and the PageHeader in front of each page.

The footer says how large a chunk is once it is unpacked, but nothing makes that true: a page of a few
kilobytes may hold gigabytes of zeros. Each page says so in its own header, which is what the library
believes when it makes room, so that is what has to be looked at first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.segments.formats.parquet.sparse import Span
from shared.segments.formats.parquet.thrift import BadThrift, Struct, Thrift, ThriftValue

_GROUPS, _COLUMNS, _ROWS = 4, 1, 3
_METADATA, _CODEC, _PACKED, _DATA_AT, _DICTIONARY_AT = 3, 4, 7, 9, 11

_PAGE_UNPACKED, _PAGE_PACKED, _PAGE_DICTIONARY = 2, 3, 7
_PAGE_DATA = {5: 2, 8: 4}  # the field of a page's data header -> that of the encoding in there
_OF_DICTIONARY = (2, 8)  # PLAIN_DICTIONARY, RLE_DICTIONARY
_OF_PREFIXES = 7  # DELTA_BYTE_ARRAY
_LENGTH = 4  # bytes in front of each text of a dictionary

type Longest = Callable[[memoryview, int], int]
"""A dictionary page as it is stored, and its size unpacked -> the size of the longest text in it, or more."""

_LONGEST_HEADER = 1024 * 1024  # bytes: a page header may hold the least and the greatest value
_MOST_PAGES = 100_000  # of a chunk; a page is a megabyte usually


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Where a row group lies; `number` counts all of them from 0."""

    number: int
    rows: int
    chunks: Sequence[Span]  # of its columns, in the order of the schema
    codecs: Sequence[int]  # how these are compressed, as parquet.thrift numbers it


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages of a chunk take."""

    largest: int  # bytes of the largest one, unpacked, and of the dictionary, which stays beside it
    repeated: (
        int  # bytes that one value may take which stands for many, or 0 if there are none such
    )


def row_groups(footer: memoryview) -> list[RowGroup]:
    """Return the row groups that hold rows, as a footer lists them; raise BadThrift."""
    groups = map(_struct, _list(Thrift(footer).struct().get(_GROUPS)))
    # An empty row group has no pages, and its offsets mean nothing.
    return [
        RowGroup(number, rows, *_chunks(group))
        for number, group in enumerate(groups)
        if (rows := _number(group.get(_ROWS)))
    ]


def pages_of(chunk: memoryview, longest: Longest) -> Pages:
    """Return what the pages of a chunk take; raise BadThrift."""
    at = largest = dictionary = in_dictionary = repeated = count = 0
    while at < len(chunk):
        reader = Thrift(chunk[at : at + _LONGEST_HEADER])
        header = reader.struct()
        at, count = at + reader.at, count + 1
        if count > _MOST_PAGES:
            raise BadThrift("more pages than anybody writes")
        unpacked, packed = _number(header.get(_PAGE_UNPACKED)), _number(header.get(_PAGE_PACKED))
        if unpacked < 0 or not 0 <= packed <= len(chunk) - at:
            raise BadThrift("a page that ends outside its chunk")
        encoding = _encoding(header)
        if _PAGE_DICTIONARY in header:
            dictionary = max(dictionary, unpacked)
            in_dictionary = max(in_dictionary, longest(chunk[at : at + packed], unpacked))
        else:
            largest = max(largest, unpacked)
        if encoding in _OF_DICTIONARY:
            repeated = max(repeated, in_dictionary)
        elif encoding == _OF_PREFIXES:
            repeated = max(repeated, unpacked)
        at += packed
    return Pages(largest + dictionary, repeated)


def longest_text(dictionary: bytes | memoryview) -> int:
    """Return the size of the longest text of an unpacked dictionary page, or more where it is damaged."""
    at = longest = 0
    while at < len(dictionary):
        size = int.from_bytes(dictionary[at : at + _LENGTH], "little")
        longest = max(longest, size)
        at += _LENGTH + size
    return longest


def _chunks(group: Struct) -> tuple[list[Span], list[int]]:
    columns = [_struct(_struct(each).get(_METADATA)) for each in _list(group.get(_COLUMNS))]
    return list(map(_chunk, columns)), [_number(each.get(_CODEC)) for each in columns]


def _chunk(metadata: Struct) -> Span:
    start = _number(metadata.get(_DATA_AT))
    dictionary = metadata.get(_DICTIONARY_AT)
    if isinstance(dictionary, int) and 0 < dictionary < start:
        start = dictionary
    return Span(start, start + _number(metadata.get(_PACKED)))


def _encoding(header: Struct) -> ThriftValue:
    """Return how the values of a data page are written, or None."""
    for field, encoding in _PAGE_DATA.items():
        data = header.get(field)
        if isinstance(data, dict):
            return data.get(encoding)
    return None


def _number(value: ThriftValue) -> int:
    if not isinstance(value, int):
        raise BadThrift("no number where there must be one")
    return value


def _list(value: ThriftValue) -> list[ThriftValue]:
    if not isinstance(value, list):
        raise BadThrift("no list where there must be one")
    return value


def _struct(value: ThriftValue) -> Struct:
    if not isinstance(value, dict):
        raise BadThrift("no struct where there must be one")
    return value
