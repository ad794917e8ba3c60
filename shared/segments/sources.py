"""Opens the files of versions, in the format that they have and with the columns of their folders."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from shared.domain.reading import Reading
from shared.domain.segment import SegmentFile, SegmentVersion
from shared.segments.faults import explained
from shared.segments.formats.reader import Reader
from shared.segments.formats.registry import extension_of, may_leave_out_members, open_file
from shared.segments.formats.rows import Block, Columns, Row, empty
from shared.segments.partitions import columns_of
from shared.storage.ports import Blobs

_SIGNATURES = {b"PAR1": ".parquet", b"\x1f\x8b": ".csv.gz", b"{": ".ndjson"}
"""What a file begins with whose name says nothing of its form, and how that ends elsewhere."""


async def open_source(
    files: Blobs,
    version: SegmentVersion,
    file: SegmentFile,
    wanted: Sequence[str] = (),
    reading: Reading | None = None,
) -> Reader:
    """Return the reader of one file of a version, which raises nothing but BadSegment and ReadAnew.

    `wanted` and `reading` are those of `open_file`. Raise BadSegment.
    """
    told = columns_of(file.path)
    if may_leave_out_members(version):  # then nobody can see from a file that it lacks one
        wanted = [column for column in wanted if column not in told]
    extension = await _extension(files, file)
    return _Source(open_file(files, version, file, wanted, reading, extension), file, told)


async def _extension(files: Blobs, file: SegmentFile) -> str:
    known = extension_of(file.path)
    if known or not file.size:
        return known or ".csv"
    with explained(file.path):
        head = await files.read_range(file.path, file.etag, 0, min(file.size, 4))
    return next((each for mark, each in _SIGNATURES.items() if head.startswith(mark)), ".csv")


class _Source(Reader):
    """A file with the columns that its folders tell, unless it has them itself."""

    def __init__(self, inner: Reader, file: SegmentFile, told: Mapping[str, str]) -> None:
        super().__init__(inner._files, file, inner._rows)
        self._inner = inner
        self._told = told

    @property
    def header(self) -> list[str] | None:
        """What the cells of a row are."""
        inner = self._inner.header
        return inner if inner is None else [*inner, *self._added(inner)]

    @property
    def unseen(self) -> frozenset[str]:
        """Wanted columns that no row had so far, and no folder tells."""
        return self._inner.unseen.difference(self._told)

    @property
    def columns(self) -> Sequence[str]:
        """All columns of the file and its folders, as far as they are known."""
        inner = self._inner.columns
        return [*inner, *self._added(inner)] if self._told else inner

    async def blocks(self) -> AsyncIterator[Block]:
        """Yield the rows block by block, each to be used up before the next; raise BadSegment."""
        with explained(self._file.path):
            self._require_some()
            async for block in self._inner.blocks():
                yield self._widened(block) if self._told else block

    async def total(self) -> int | None:
        """Return how many rows there are if that can be known without reading them, else None."""
        with explained(self._file.path):
            self._require_some()
            return await self._inner.total()

    def _require_some(self) -> None:
        if not self._file.size:
            raise empty(self._file.path)

    def _added(self, columns: Sequence[str]) -> Mapping[str, str]:
        return {name: value for name, value in self._told.items() if name not in columns}

    def _widened(self, block: Block) -> Block:
        if not isinstance(block, Columns):
            return self._longer(block)
        from shared.arrow import TEXT, pa

        header = self._inner.header or []
        texts = {
            len(header) + at: pa.repeat(pa.scalar(value, TEXT), len(block))
            for at, value in enumerate(self._added(header).values())
        }
        return Columns(block.numbers, {**block.texts, **texts}, block.typed)

    def _longer(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Yield rows with the cells of the added columns behind those of the header."""
        width, values = 0, list[str]()
        for number, cells in rows:
            if not width:  # before the first row there may be no header
                header = self._inner.header or []
                width, values = len(header), list(self._added(header).values())
            missing = [""] * (width - len(cells))
            yield number, [*cells, *missing, *values]
