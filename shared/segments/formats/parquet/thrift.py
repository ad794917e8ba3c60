"""Reads structs in Thrift's compact protocol, as thrift-compact-protocol.md of Apache Thrift has it.

Parquet's own metadata is written so. pyarrow reads it, too, but some of what it offers of it ends the
process when a file is damaged, and some it does not offer.
"""

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY = 0, 1, 2, 3, 7, 8
_INTEGERS = (4, 5, 6)
_LISTS = (9, 10)
_MAP, _STRUCT = 11, 12
_DEEPEST = 32

type ThriftValue = int | bytes | list[ThriftValue] | Struct | None
type Struct = dict[int, ThriftValue]


class BadThrift(Exception):
    """The bytes are no struct."""


class Thrift:
    """Reads one struct after the other; `at` is where the next one begins.

    Numbers, texts, lists and structs are returned by the numbers of their fields; booleans, floating point
    and maps, which nobody here asks for, are None.
    """

    def __init__(self, data: memoryview, at: int = 0) -> None:
        self.at = at
        self._data = data

    def struct(self, depth: int = 0) -> Struct:
        """Return the struct that begins here; raise BadThrift."""
        if depth > _DEEPEST:
            raise BadThrift("nested too deeply")
        fields: Struct = {}
        number = 0
        while (head := self._byte()) & 0x0F != _STOP:
            number = number + (head >> 4) if head >> 4 else self._integer()
            kind = head & 0x0F
            # The value of a boolean lies in the head of its field.
            fields[number] = None if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> ThriftValue:
        if kind in _INTEGERS:
            return self._integer()
        if kind == _BINARY:
            return bytes(self._bytes(self._varint()))
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in _LISTS:
            return self._list(depth + 1)
        if kind in (_TRUE, _FALSE, _BYTE):  # in a list a boolean is a byte
            self._bytes(1)
        elif kind == _DOUBLE:
            self._bytes(8)
        elif kind == _MAP:
            self._map(depth + 1)
        else:
            raise BadThrift("a value of no kind")
        return None

    def _list(self, depth: int) -> list[ThriftValue]:
        if depth > _DEEPEST:
            raise BadThrift("nested too deeply")
        head = self._byte()
        size = head >> 4 if head >> 4 != 15 else self._varint()
        if size > len(self._data) - self.at:  # each element takes a byte at least
            raise BadThrift("a list that is longer than the data")
        return [self._value(head & 0x0F, depth) for _ in range(size)]

    def _map(self, depth: int) -> None:
        size = self._varint()
        kinds = self._byte() if size else 0
        if size > len(self._data) - self.at or depth > _DEEPEST:
            raise BadThrift("a map that is longer than the data")
        for _ in range(size):
            self._value(kinds >> 4, depth)
            self._value(kinds & 0x0F, depth)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise BadThrift("cut off")
        self.at += 1
        return self._data[self.at - 1]

    def _bytes(self, size: int) -> memoryview:
        if size > len(self._data) - self.at:
            raise BadThrift("cut off")
        self.at += size
        return self._data[self.at - size : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
            if shift > 63:
                raise BadThrift("a number that is too long")
        return value | byte << shift

    def _integer(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)  # zigzag
