"""Reads a Parquet file, of which only some ranges are brought."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from shared.segments.formats.parquet.sparse import Pieces, Span
from shared.segments.formats.reader import Reader
from shared.segments.formats.rows import Block, Rows

_REQUEST = 4 * 1024 * 1024  # bytes asked for at once


class RangedRows(Rows, Protocol):
    """The rows of a file that says which of its bytes it needs."""

    count: int | None  # of rows, once that is known

    def needs(self) -> Sequence[Span]:
        """Return which bytes to bring next; none when the file has been read."""

    def take(self, pieces: Pieces) -> Iterator[Block]:
        """Take the bytes that were asked for, and yield the rows that they hold, block by block."""


class Ranged(Reader[RangedRows]):
    """Reads a Parquet file."""

    async def blocks(self) -> AsyncIterator[Block]:
        """Yield the rows block by block, some ten thousand at a time."""
        while spans := self._rows.needs():
            for block in self._rows.take(await self._brought(spans)):
                yield block
                # A row group may take long, and a lane must be renewed meanwhile.
                await asyncio.sleep(0)

    async def total(self) -> int | None:
        """Return how many rows there are, which the end of the file says."""
        while self._rows.count is None:
            for _ in self._rows.take(await self._brought(self._rows.needs())):
                pass
        return self._rows.count

    async def _brought(self, spans: Sequence[Span]) -> Pieces:
        pieces = [(span, await self._bytes(span)) for span in spans]
        return Pieces(self._file.size, pieces)

    async def _bytes(self, span: Span) -> bytes | bytearray:
        path, etag = self._file.path, self._file.etag
        if span.size <= _REQUEST:
            return await self._files.read_range(path, etag, span.start, span.size)
        data = bytearray(span.size)  # filled in place, so that there are never two of it
        for start in range(0, span.size, _REQUEST):
            size = min(_REQUEST, span.size - start)
            data[start : start + size] = await self._files.read_range(
                path, etag, span.start + start, size
            )
        return data
