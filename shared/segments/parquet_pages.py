"""How much memory the pages of a Parquet column chunk would take, from their headers alone.

The footer says how large a chunk is once it is unpacked, but nothing makes that true: a page of a few
kilobytes may hold gigabytes of zeros. Each page says so in its own header, which is what the library
believes when it makes room, so that is what has to be looked at first.

A header is a struct in Thrift's compact protocol, as parquet.thrift of the Parquet format defines it
("PageHeader") and thrift-compact-protocol.md of Apache Thrift encodes it.
"""

from dataclasses import dataclass

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY = 0, 1, 2, 3, 7, 8
_INTEGERS = (4, 5, 6)
_LISTS = (9, 10)
_MAP, _STRUCT = 11, 12
_DEEPEST = 8  # structs in a page header are nested three deep

_UNCOMPRESSED_SIZE, _COMPRESSED_SIZE, _DICTIONARY = 2, 3, 7
_DATA_HEADERS = {5: 2, 8: 4}  # the field of a page's data header -> that of the encoding in there
_REPEATING = {2, 7, 8}  # PLAIN_DICTIONARY, DELTA_BYTE_ARRAY, RLE_DICTIONARY

type _Struct = dict[int, "int | _Struct"]


class BadPage(Exception):
    """The bytes are no page headers."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages of a chunk take."""

    largest: int  # bytes of the largest one, unpacked, and of the dictionary, which stays beside it
    repeated: (
        int  # bytes that one value may take which stands for many, or 0 if there are none such
    )


def pages_of(chunk: memoryview) -> Pages:
    """Return what the pages of a chunk take; raise BadPage."""
    at = largest = dictionary = repeated = 0
    while at < len(chunk):
        reader = _Thrift(chunk, at)
        header = reader.struct()
        unpacked, packed = header.get(_UNCOMPRESSED_SIZE), header.get(_COMPRESSED_SIZE)
        if not isinstance(unpacked, int) or not isinstance(packed, int):
            raise BadPage("a page header without sizes")
        if unpacked < 0 or not 0 <= packed <= len(chunk) - reader.at:
            raise BadPage("a page that ends outside its chunk")
        if _DICTIONARY in header:
            dictionary = max(dictionary, unpacked)
        else:
            largest = max(largest, unpacked)
        if _repeats(header):
            repeated = max(repeated, unpacked, dictionary)
        at = reader.at + packed
    return Pages(largest + dictionary, repeated)


def _repeats(header: _Struct) -> bool:
    """Say whether few bytes of the page can stand for the same long value many times."""
    for field, encoding in _DATA_HEADERS.items():
        data = header.get(field)
        if isinstance(data, dict) and data.get(encoding) in _REPEATING:
            return True
    return False


class _Thrift:
    """Reads structs of whole numbers and skips everything else; `at` moves along."""

    def __init__(self, data: memoryview, at: int) -> None:
        self.at = at
        self._data = data

    def struct(self, depth: int = 0) -> _Struct:
        if depth > _DEEPEST:
            raise BadPage("structs nested too deeply")
        fields: _Struct = {}
        number = 0
        while (head := self._byte()) & 0x0F != _STOP:
            number = number + (head >> 4) if head >> 4 else self._integer()
            value = self._value(head & 0x0F, depth)
            if value is not None:
                fields[number] = value
        return fields

    def _value(self, kind: int, depth: int) -> "int | _Struct | None":
        if kind in _INTEGERS:
            return self._integer()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind not in (_TRUE, _FALSE):  # a boolean lies in the field's head
            self._skip(kind, depth)
        return None

    def _skip(self, kind: int, depth: int) -> None:
        if kind in (_TRUE, _FALSE, _BYTE):  # of a list
            self._move(1)
        elif kind == _DOUBLE:
            self._move(8)
        elif kind == _BINARY:
            self._move(self._varint())
        elif kind in _LISTS:
            self._skip_list(depth)
        elif kind in _INTEGERS or kind == _STRUCT:
            self._value(kind, depth)
        else:  # a map, of which a page header has none, or no kind at all
            raise BadPage("a field of a kind that page headers do not have")

    def _skip_list(self, depth: int) -> None:
        if depth > _DEEPEST:
            raise BadPage("lists nested too deeply")
        head = self._byte()
        size = head >> 4 if head >> 4 != 15 else self._varint()
        if size > len(self._data):
            raise BadPage("a list longer than the chunk")
        for _ in range(size):
            self._skip(head & 0x0F, depth + 1)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise BadPage("a page header that is cut off")
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise BadPage("a number that is too long")
        return value | byte << shift

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)  # zigzag

    def _move(self, size: int) -> None:
        if size > len(self._data) - self.at:
            raise BadPage("a page header that is cut off")
        self.at += size
