"""Unpacks gzip as it streams in, in pieces of bounded size. No I/O here.

An archive may have several members, one behind the other, and zeros at its end (RFC 1952, and what
tapes left behind). Anything else behind a member is an error: it would be data that nobody reads.
"""

import zlib
from collections.abc import Iterator
from typing import Any

from shared.domain.errors import BadSegment
from shared.domain.message import Message, say

MAX_RATIO = 250
"""How many times larger than the archive its content may be, once it is beyond `FREE`. Profiles take
a tenth to a third of their size; gzip itself ends at 1,032."""

FREE = 16 * 1024 * 1024
"""Bytes of content at which nobody asks for the ratio."""

MAX_CONTENT = 16 * 1024**3
"""Bytes of content that an archive may have at most."""

_PIECE = 256 * 1024
_GZIP = 31  # zlib's way to say: with the header and the checksum of gzip
GZIP = b"\x1f\x8b"
"""What every archive begins with."""


class Gunzip:
    """One archive; every error is a BadSegment that names it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._member: Any = None  # zlib has no name for its type
        self._first = True
        self._taken = 0  # bytes of the archive
        self._given = 0  # bytes of its content

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes of the archive, and yield what they hold, 256 KiB at a time."""
        while data:
            if self._member is None:
                if not self._first and not (data := self._without_padding(data)):
                    return
                self._member = zlib.decompressobj(_GZIP)
            before = len(data)
            piece = self._inflated(data)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._taken += before - len(data)
            if self._member.eof:
                self._member, self._first = None, False
            if piece:
                self._count(piece)
                yield piece

    def close(self) -> Iterator[bytes]:
        """Say that the archive has ended, and yield what was held back; raise BadSegment if it is cut."""
        while self._member is not None and (piece := self._inflated(b"")):
            if self._member.eof:
                self._member = None
            self._count(piece)
            yield piece
        if self._member is not None:
            raise self._bad(say("the archive is cut off. Drop the whole file again"))

    def _inflated(self, data: bytes) -> bytes:
        try:
            piece: bytes = self._member.decompress(data, _PIECE)
        except zlib.error:
            if self._first and self._taken == 0 and not data.startswith(GZIP):
                raise self._bad(say("this is not gzip, as its name says it is")) from None
            what = say("the archive is damaged near its byte {byte}", byte=self._taken + 1)
            raise self._bad(what) from None
        return piece

    def _without_padding(self, data: bytes) -> bytes:
        rest = data.lstrip(b"\0")
        self._taken += len(data) - len(rest)
        if rest and not GZIP.startswith(rest[:2]):
            what = say("something that is not gzip follows at byte {byte}", byte=self._taken + 1)
            raise self._bad(what)
        return rest

    def _count(self, piece: bytes) -> None:
        self._given += len(piece)
        if self._given > MAX_CONTENT or (
            self._given > FREE and self._given > MAX_RATIO * self._taken
        ):
            what = say(
                "the content is more than {times} times as large as the archive, or more than {most} "
                "bytes",
                times=MAX_RATIO,
                most=MAX_CONTENT,
            )
            raise self._bad(what)

    def _bad(self, what: Message) -> BadSegment:
        return BadSegment(say("{path}: {what}. Nothing was sent.", path=self._path, what=what))
