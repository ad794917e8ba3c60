"""Reads the rows of one file, pinned by its ETag, block by block: what all formats have in common."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence

from shared.domain.message import Message
from shared.domain.reading import Dialect
from shared.domain.segment import SegmentFile
from shared.segments.formats.rows import Block, Rows
from shared.storage.ports import Blobs


class Reader[R: Rows = Rows](ABC):
    """The rows of one file, whatever its format: `rows` makes them of the bytes that are brought to it.

    `header` names the cells of a row. It is all columns or, of a typed format, the wanted ones that there
    are; it is None until the first block came. `unseen` are wanted columns that no row had.
    """

    def __init__(self, files: Blobs, file: SegmentFile, rows: R) -> None:
        self._files = files
        self._file = file
        self._rows = rows

    @property
    def header(self) -> list[str] | None:
        """What the cells of a row are."""
        return self._rows.header

    @property
    def columns(self) -> Sequence[str]:
        """All columns that the file has, as far as they are known."""
        return self._rows.columns

    @property
    def faults(self) -> Mapping[str, Message]:
        """Why some columns that are not wanted could not be read, by their names, as far as was read."""
        return self._rows.faults

    @property
    def dialect(self) -> Dialect | None:
        """How the text of the file turned out to be written; None of other formats, and before that."""
        return self._rows.dialect

    @property
    def unseen(self) -> frozenset[str]:
        """Wanted columns that no row had so far, where that cannot be seen from the header."""
        return self._rows.unseen

    @abstractmethod
    def blocks(self) -> AsyncIterator[Block]:
        """Yield the rows block by block, each to be used up before the next.

        Raise BadSegment, or Empty when the file holds nothing at all; raise ReadAnew when it contradicts
        what was known of its version; raise Missing or Stale when it is no longer what is wanted.
        """

    @abstractmethod
    async def total(self) -> int | None:
        """Return how many rows there are if that can be known without reading them, else None."""
