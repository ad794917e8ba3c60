"""Reads a CSV segment file whose dialect nobody states: its beginning is held back until it shows that."""

from collections.abc import Mapping, Sequence

from shared.domain.message import Message
from shared.domain.reading import Dialect, Reading
from shared.segments.formats.csv.elected import elect
from shared.segments.formats.csv.rows import CsvRows
from shared.segments.formats.rows import Block

LOOKED_AT = 256 * 1024
"""Bytes from the beginning of a file that its dialect is found out from."""


class FoundRows:
    """The rows of one file, as `CsvRows` tells of them once the dialect is found."""

    unseen: frozenset[str] = frozenset()

    def __init__(
        self,
        path: str,
        reading: Reading,
        wanted: Sequence[str] | None = None,
        is_tabbed: bool = False,
    ) -> None:
        self.encoding = "utf-8"  # that the bytes were in before they came here
        self._path = path
        self._reading = reading
        self._wanted = wanted
        self._is_tabbed = is_tabbed
        self._head = b""
        self._rows: CsvRows | None = None

    @property
    def dialect(self) -> Dialect | None:
        """How the file is written, or None while that is not known."""
        return self._rows.dialect if self._rows else None

    @property
    def header(self) -> list[str] | None:
        """The names of the columns, or None while they are not known."""
        return self._rows.header if self._rows else None

    @property
    def faults(self) -> Mapping[str, Message]:
        """What is wrong in columns that are not wanted."""
        return self._rows.faults if self._rows else {}

    @property
    def columns(self) -> list[str]:
        """Those that have a name."""
        return self._rows.columns if self._rows else []

    def feed(self, data: bytes) -> Block:
        """Take the next bytes of the file, and return the rows that they complete."""
        if self._rows is not None:
            return self._rows.feed(data)
        self._head += data
        if len(self._head) < LOOKED_AT:
            return iter(())
        self._rows, head = self._begun(is_all=False)
        return self._rows.feed(head)

    def close(self) -> Block:
        """Say that the file has ended, and return what is left of it."""
        if self._rows is not None:
            return self._rows.close()
        self._rows, head = self._begun(is_all=True)
        return self._rows.close(head)

    def _begun(self, is_all: bool) -> tuple[CsvRows, bytes]:
        """Return the rows of the file, and what they begin with."""
        head, self._head = self._head, b""
        found = elect(head[:LOOKED_AT], is_all, self._reading, self._is_tabbed, self.encoding)
        rows = CsvRows(
            self._path,
            found.dialect,
            self._wanted,
            reading=self._reading,
            lines_before=found.lines,
            is_numbered=found.is_numbered,
        )
        return rows, head[found.start :]
