"""Shows some bytes of a file as a file: what was brought of it is read where it lies, and nothing else."""

import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_GAP = 64 * 1024
"""Bytes between two spans that cost less to bring along than another request."""


class Span(NamedTuple):
    """From which byte of a file to before which one."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes that are."""
        return self.end - self.start


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return few spans that hold all of these."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start - found[-1].end <= _GAP:
            found[-1] = Span(found[-1].start, max(span.end, found[-1].end))
        else:
            found.append(span)
    return found


class Pieces(io.RawIOBase):
    """A file for reading of `size` bytes that holds only some of them; raises OSError for the others."""

    def __init__(self, size: int, pieces: Sequence[tuple[Span, bytes | bytearray]]) -> None:
        self._size = size
        self._pieces = pieces
        self._at = 0

    def whole(self) -> bytes:
        """Return all there is, one piece after the other."""
        return b"".join(data for _, data in self._pieces)

    def view(self, span: Span) -> memoryview:
        """Return some bytes without copying them."""
        for place, data in self._pieces:
            if place.start <= span.start and span.end <= place.end:
                return memoryview(data)[span.start - place.start : span.end - place.start]
        raise OSError("these bytes were not brought")

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end of what was brought here."""
        at, end = self._at, self._size if size < 0 else min(self._at + size, self._size)
        for place, data in self._pieces:
            if place.start <= at < place.end:
                self._at = min(end, place.end)
                return bytes(memoryview(data)[at - place.start : self._at - place.start])
        if at >= end:
            return b""
        raise OSError("these bytes were not brought")

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True
