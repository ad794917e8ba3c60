"""A file of which only some ranges are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from shared.domain.segment import SegmentFile
from shared.segments.formats.parquet.sparse import Pieces, Span
from shared.segments.formats.rows import Block
from shared.storage.ports import Blobs

if TYPE_CHECKING:  # see shared/arrow.py
    from shared.segments.formats.parquet.rows import ParquetRows

_REQUEST = 4 * 1024 * 1024  # bytes asked for at once


class Ranged:
    """The `Reader` of a Parquet file."""

    def __init__(self, files: Blobs, file: SegmentFile, rows: ParquetRows) -> None:
        self._files = files
        self._file = file
        self._rows = rows

    @property
    def header(self) -> list[str] | None:
        """What the cells of a row are."""
        return self._rows.header

    @property
    def columns(self) -> Sequence[str]:
        """All columns that the file has."""
        return self._rows.columns

    @property
    def unseen(self) -> frozenset[str]:
        """Nothing: the header tells."""
        return self._rows.unseen

    async def blocks(self) -> AsyncIterator[Block]:
        """Yield the rows block by block, some ten thousand at a time."""
        while spans := self._rows.needs():
            for block in self._rows.take(await self._brought(spans)):
                yield block
                await asyncio.sleep(
                    0
                )  # a row group may take long, and a lane must be renewed meanwhile

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
