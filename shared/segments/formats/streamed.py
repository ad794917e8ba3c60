"""Reads a file from front to back as it streams in."""

import asyncio
from collections.abc import AsyncIterator

from shared.domain.errors import BadSegment
from shared.domain.message import say
from shared.domain.segment import SegmentFile
from shared.segments.formats.gunzip import GZIP, Gunzip
from shared.segments.formats.reader import Reader
from shared.segments.formats.rows import Block, StreamRows
from shared.segments.formats.transcoder import Transcoder, transcoder_of
from shared.storage.ports import Blobs

_BLOCK = 512 * 1024
"""Bytes parsed at once, or little more, which bounds the rows held in memory. Long columns cost less."""

_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"PAR1\x15": "Parquet",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"Obj\x01": "Avro",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"BZh91AY&SY": "bzip2",
    b"ARROW1\0\0": "Arrow",
    b"ORC\x08": "ORC",
    b"\xfd7zXZ\0": "xz",
    b"SQLite format 3\0": "an SQLite database",
}
"""What files begin with that are something else than their name says. No header of CSV begins so."""

_LONGEST = max(map(len, _SIGNATURES))


class Streamed(Reader[StreamRows]):
    """Reads a text file, packed or not; what its name says of that, or its first bytes."""

    def __init__(
        self,
        files: Blobs,
        file: SegmentFile,
        rows: StreamRows,
        gunzip: Gunzip | None = None,
        encoding: str | None = None,
    ) -> None:
        super().__init__(files, file, rows)
        self._gunzip = gunzip
        self._encoding = encoding  # as people say
        self._transcoder: Transcoder | None = None

    async def blocks(self) -> AsyncIterator[Block]:
        """Yield the rows block by block, as their bytes come in."""
        head: bytes | None = b""  # held back until it is long enough to tell what it is
        async for piece in self._content():
            if head is None:
                yield self._fed(piece)
            elif len(head := head + piece) >= _LONGEST:
                self._begin(head)
                yield self._fed(head)
                head = None
        if head is not None:
            self._begin(head)
        yield self._fed(head or b"", is_all=True)
        yield self._rows.close()

    def _begin(self, head: bytes) -> None:
        self._refuse_other_formats(head)
        self._transcoder = transcoder_of(head, self._encoding)
        if self._transcoder is not None:
            self._rows.encoding = self._transcoder.encoding

    def _fed(self, data: bytes, is_all: bool = False) -> Block:
        if self._transcoder is not None:
            data = self._transcoder.utf_8(data, is_all)
        return self._rows.feed(data)

    async def total(self) -> int | None:
        """Return None: somebody has to count."""
        return None

    async def _content(self) -> AsyncIterator[bytes]:
        held: list[bytes] = []
        async for piece in self._pieces():
            held.append(piece)
            if sum(map(len, held)) >= _BLOCK:
                yield b"".join(held)
                held.clear()
        if held:
            yield b"".join(held)

    async def _pieces(self) -> AsyncIterator[bytes]:
        async for data in self._stored():
            for start in range(0, len(data), _BLOCK):
                block = data[start : start + _BLOCK]
                if self._gunzip is None:
                    yield block
                else:
                    for piece in self._gunzip.pieces(block):
                        yield piece
                        await asyncio.sleep(0)  # a block may hold so much that others would starve
        if self._gunzip is not None:
            for piece in self._gunzip.close():
                yield piece

    async def _stored(self) -> AsyncIterator[bytes]:
        """Yield what is stored, once its first bytes have shown whether it is packed."""
        begun: bytes | None = b""
        async for data in self._files.stream(self._file.path, self._file.etag):
            if begun is None:
                yield data
            elif len(begun := begun + data) >= len(GZIP):
                self._unpack_if_packed(begun)
                yield begun
                begun = None
        if begun:
            yield begun

    def _unpack_if_packed(self, begun: bytes) -> None:
        # Some tools pack a file and say so in Content-Encoding alone, which no name shows.
        if self._gunzip is None and begun.startswith(GZIP):
            self._gunzip = Gunzip(self._file.path)

    def _refuse_other_formats(self, head: bytes) -> None:
        for signature, what in _SIGNATURES.items():
            if head.startswith(signature):
                raise BadSegment(
                    say(
                        "{path} is {what}, which is not what its name says. Nothing was sent.",
                        path=self._file.path,
                        what=what,
                    )
                )
