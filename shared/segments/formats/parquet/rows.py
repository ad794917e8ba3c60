"""Reads Parquet a row group at a time: says which bytes it needs, and turns them into columns of text.

Only the footer and the mapped columns are asked for. pyarrow does the reading, over a file that has
only those bytes. No I/O here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from shared.arrow import EMPTY, TEXT, pa, pc
from shared.domain.errors import BadSegment
from shared.domain.message import Message, say
from shared.domain.reading import Dialect
from shared.segments.formats.names import column_name
from shared.segments.formats.parquet.columns import is_mappable, is_number
from shared.segments.formats.parquet.columns import texts as texts_of
from shared.segments.formats.parquet.pages import RowGroup, longest_text, pages_of, row_groups
from shared.segments.formats.parquet.sparse import Pieces, Span, merged
from shared.segments.formats.parquet.thrift import BadThrift
from shared.segments.formats.rows import MAX_FIELD, Columns, has_nul, too_long

MAX_ROWS = 50_000_000
"""Rows that one file may have: a few bytes can stand for any number of them."""

MAX_FOOTER = 4 * 1024 * 1024
"""Bytes of the footer, which grows with row groups and columns and is read as a whole."""

MAX_ROW_GROUP = 128 * 1024 * 1024
"""Bytes that the mapped columns of a row group may have in the file, and their largest pages unpacked."""

_TAIL = 64 * 1024  # read first: it holds most footers
_ENDING = 8  # the footer's length, and the magic
_STRETCH = 4 * 1024 * 1024  # row groups smaller than this are fetched together
_ROWS_AT_ONCE = 4_096
_MAX_DICTIONARY = 2 * 1024 * 1024  # bytes; one is a megabyte usually
_CODECS = {0: "", 1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
"""How parquet.thrift numbers what chunks are compressed with, and what pyarrow calls it; "" is not at all."""
_BUFFER = 1024 * 1024  # bytes that pyarrow reads at a time

_UNREADABLE = (
    pa.ArrowException,
    OSError,
    ValueError,
    OverflowError,
    MemoryError,
    TypeError,
    KeyError,
)


class ParquetRows:
    """The rows of one file, numbered from 1, with the cells of the wanted columns that it has.

    `columns` and `count` are known once the footer was taken; `header` names those of the wanted
    columns that there are, each as often as it is there. Every error is a BadSegment.
    """

    dialect: Dialect | None = None
    unseen: frozenset[str] = frozenset()  # what is wanted is looked for in the footer

    def __init__(self, path: str, size: int, wanted: Sequence[str] = ()) -> None:
        self.header: list[str] | None = None
        self.columns: list[str] = []
        self.faults: dict[str, Message] = {}
        self.count: int | None = None
        self._path = path
        self._size = size
        self._wanted = frozenset(map(column_name, wanted))
        self._names: list[str] = []  # of the header, as the file writes them
        self._tail = b""
        self._metadata: Any = None
        self._leaves: list[int] = []  # the column chunks that hold what is wanted
        self._long: list[bool] = []  # whether values of theirs may be of any length
        self._groups: list[RowGroup] = []  # that have rows
        self._next = 0  # among these
        self._until = 0  # behind those that are asked for
        self._row = 0

    def needs(self) -> list[Span]:
        """Return which bytes to bring next; none when the file has been read."""
        if self._metadata is None:
            end = self._size - len(self._tail)
            return [Span(end - self._missing(end), end)]
        if not self.header:
            return []
        if self._next == len(self._groups):
            self._require_all()
            return []
        chunks = self._chunks(self._groups[self._next])
        total = sum(chunk.size for chunk in chunks)
        if total > MAX_ROW_GROUP:
            raise self._too_large()
        self._until = self._next + 1
        while self._until < len(self._groups):
            more = self._chunks(self._groups[self._until])
            total += sum(chunk.size for chunk in more)
            if total > _STRETCH:
                break
            chunks += more
            self._until += 1
        return merged(chunks)

    def take(self, pieces: Pieces) -> Iterator[Columns]:
        """Take the bytes that were asked for, and yield the rows that they hold, block by block."""
        if self._metadata is None:
            self._take_tail(pieces)
            return
        with self._reading():
            file = pq.ParquetFile(
                pa.PythonFile(pieces, mode="r"),
                metadata=self._metadata,
                buffer_size=_BUFFER,
                pre_buffer=False,
                coerce_int96_timestamp_unit="us",
            )
        for group in self._groups[self._next : self._until]:
            yield from self._rows_of(file, group.number, self._rows_at_once(group, pieces))
            self._next += 1

    def _missing(self, end: int) -> int:
        """Return how many bytes before `end` are wanted to see the footer."""
        if not self._tail:
            return min(end, _TAIL)
        return int.from_bytes(self._tail[-_ENDING:-4], "little") + _ENDING - len(self._tail)

    def _take_tail(self, pieces: Pieces) -> None:
        self._tail = pieces.whole() + self._tail
        if not self._tail.endswith((b"PAR1", b"PARE")) or self._size < 12:
            raise self._bad(say("this is not Parquet, or its end is missing"))
        if self._tail.endswith(b"PARE"):
            raise self._bad(say("the file is encrypted, and there is no key for it here"))
        length = int.from_bytes(self._tail[-_ENDING:-4], "little")
        if length > MAX_FOOTER:
            what = say(
                "the footer has {size} bytes and may have {most}", size=length, most=MAX_FOOTER
            )
            raise self._bad(what)
        if length + _ENDING > self._size:
            raise self._bad(say("this is not Parquet, or its end is missing"))
        if length + _ENDING <= len(self._tail):
            self._take_footer(self._tail[-length - _ENDING :])

    def _take_footer(self, footer: bytes) -> None:
        with self._reading():
            metadata = pq.read_metadata(pa.BufferReader(footer))
            types = [(field.name, field.type) for field in metadata.schema.to_arrow_schema()]
            leaves = [metadata.schema.column(at) for at in range(metadata.num_columns)]
            kinds = [(leaf.path, leaf.physical_type == "BYTE_ARRAY") for leaf in leaves]
        if not 0 <= metadata.num_rows <= MAX_ROWS:
            rows = metadata.num_rows
            what = say("the file has {rows} rows and may have {most}", rows=rows, most=MAX_ROWS)
            raise self._bad(what)
        self._require_mappable(types)
        self._groups = self._read_groups(memoryview(footer), len(leaves))
        self._metadata, self._tail = metadata, b""
        self.count = metadata.num_rows
        self.columns = [column_name(name) for name, _ in types]
        self._names = [name for name, _ in types if column_name(name) in self._wanted]
        self.header = list(map(column_name, self._names))
        self._leaves = [at for at, (path, _) in enumerate(kinds) if self._is_picked(path)]
        self._long = [kinds[at][1] for at in self._leaves]

    def _require_mappable(self, types: Sequence[tuple[str, Any]]) -> None:
        for name, kind in types:
            if not is_mappable(kind):
                what = say(
                    "the column '{column}' holds {kind}, which no field can be filled with",
                    column=name,
                    kind=str(kind)[:100],
                )
                if column_name(name) in self._wanted:
                    raise self._bad(what)
                self.faults[column_name(name)] = self._bad(what).reason

    def _read_groups(self, footer: memoryview, columns: int) -> list[RowGroup]:
        try:
            groups = row_groups(footer)
        except BadThrift:
            raise self._bad(say("the footer is damaged, or the file is encrypted")) from None
        spans = [span for group in groups for span in group.chunks]
        if any(len(group.chunks) != columns for group in groups) or any(
            not 4 <= span.start <= span.end <= self._size for span in spans
        ):
            raise self._bad(say("the footer does not fit the file"))
        return groups

    def _require_all(self) -> None:
        if self._row != self.count:
            raise self._bad(say("there are fewer rows than the footer says"))

    def _is_picked(self, path: str) -> bool:
        """Say whether pyarrow takes a column chunk for one of those that are wanted."""
        names = self._names
        return path in names or any(path.startswith(f"{name}.") for name in names)

    def _chunks(self, group: RowGroup) -> list[Span]:
        """Return where the wanted column chunks of a row group lie."""
        return [group.chunks[at] for at in self._leaves]

    def _rows_at_once(self, group: RowGroup, pieces: Pieces) -> int:
        """Return how many rows fit memory even if each of them holds the longest value there is."""
        try:
            pages = [
                pages_of(pieces.view(group.chunks[at]), partial(longest_of, group.codecs[at]))
                for at in self._leaves
            ]
        except BadThrift:
            raise self._bad(say("a page is damaged or encrypted")) from None
        if sum(each.largest for each in pages) > MAX_ROW_GROUP:
            raise self._too_large()
        longest = sum(each.repeated for each, long in zip(pages, self._long, strict=True) if long)
        return max(1, min(_ROWS_AT_ONCE, MAX_ROW_GROUP // max(longest, 1)))

    def _rows_of(self, file: Any, number: int, at_once: int) -> Iterator[Columns]:
        names = self._names
        batches = file.iter_batches(at_once, row_groups=[number], columns=names, use_threads=False)
        while held := self._some(batches):
            with self._reading():
                table = pa.Table.from_batches(held)
                texts = {place: self._texts(table, name) for place, name in enumerate(names)}
                places = map(table.schema.get_field_index, names)
                kinds = [table.column(place).type for place in places]
            first, self._row = self._row + 1, self._row + table.num_rows
            if self._row > (self.count or 0):
                raise self._bad(say("there are more rows than the footer says"))
            typed = [place for place, kind in enumerate(kinds) if is_number(kind)]
            yield Columns(range(first, self._row + 1), texts, typed)

    def _some(self, batches: Iterator[Any]) -> list[Any]:
        """Return the next few batches: they may have to be small, and short columns cost more."""
        held: list[Any] = []
        rows = size = 0
        while rows < _ROWS_AT_ONCE and size < _STRETCH:
            with self._reading():
                batch = next(batches, None)
            if batch is None:
                break
            held.append(batch)
            rows += batch.num_rows
            size += batch.get_total_buffer_size()
        return held

    def _texts(self, table: Any, name: str) -> Any:
        array = table.column(table.schema.get_field_index(name)).combine_chunks()
        if pa.types.is_string(array.type):
            array.validate(full=True)  # that it is UTF-8
            texts = array.fill_null(EMPTY) if array.null_count else array
        else:
            texts = pa.array(texts_of(array), TEXT)
        if (pc.max(pc.utf8_length(texts)).as_py() or 0) > MAX_FIELD:
            raise self._bad_near(too_long())
        if pc.any(pc.match_substring(texts, "\0")).as_py():
            raise self._bad_near(has_nul())
        return texts

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Say of whatever pyarrow raises, whose words may quote what it choked on, where that was."""
        try:
            yield
        except _UNREADABLE:
            raise self._bad_near(say("the file is damaged, or holds what cannot be read")) from None

    def _too_large(self) -> BadSegment:
        what = say(
            "row group {number} takes more than {most} bytes of memory. Write smaller row groups",
            number=self._groups[self._next].number + 1,
            most=MAX_ROW_GROUP,
        )
        return self._bad(what)

    def _bad_near(self, what: Message) -> BadSegment:
        if self._metadata is None:
            return self._bad(what)
        return self._bad(say("near row {row}: {what}", row=self._row + 1, what=what))

    def _bad(self, what: Message) -> BadSegment:
        return BadSegment(say("{path}: {what}. Nothing was sent.", path=self._path, what=what))


def longest_of(codec: int, page: memoryview, unpacked: int) -> int:
    """Return the size of the longest text of a dictionary, or more where that would take too long to see."""
    name = _CODECS.get(codec)
    if unpacked > _MAX_DICTIONARY or name is None:
        return unpacked
    try:
        plain = pa.decompress(page, unpacked, codec=name, asbytes=True) if name else page
    except _UNREADABLE:
        return unpacked  # what is wrong is said where the column is read
    return longest_text(plain)
