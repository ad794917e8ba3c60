"""A scratch file that sorts profiles into 256 partitions.

Duplicates and unchanged profiles are found by comparing every profile with every other one and with
all that was delivered before. Done partition by partition, that takes the memory of one partition,
however many profiles there are. A profile's partition follows from its address alone, so it is the
same in every run.
"""

import tempfile
from collections.abc import Collection, Iterable
from typing import Self
from zlib import crc32

from shared.runs.state.partitions import PARTITIONS
from shared.runs.state.profiles import Profiles

_BUFFER_ROWS = 20_000  # held back before they are written
_TAB = b"\t"  # between fields, and so between rows: one split then takes all of them apart


class Spool:
    """Profiles by partition. The file has no name, so nothing is left behind however the process ends."""

    def __init__(self) -> None:
        self._partitions: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self._held = 0  # rows in them
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._pieces: list[list[tuple[int, int]]] = [[] for _ in range(PARTITIONS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, addresses: Iterable[bytes], encoded: Collection[bytes]) -> None:
        """Take an encoded row of each address: its profile's origin, address and JSON, tabs between them."""
        partitions = self._partitions
        for key, row in zip(map(crc32, addresses), encoded, strict=True):
            partitions[key % PARTITIONS].append(row)
        self._held += len(encoded)
        if self._held >= _BUFFER_ROWS:
            self._write_out()

    def _write_out(self) -> None:
        self._held = 0
        offset = self._file.seek(0, 2)
        written: list[bytes] = []
        for pieces, held in zip(self._pieces, self._partitions, strict=True):
            if held:
                data = _TAB.join(held)
                pieces.append((offset, len(data)))
                offset += len(data)
                written.append(data)
                held.clear()
        self._file.write(b"".join(written))

    def profiles(self, partition: int) -> Profiles:
        """Return the profiles of a partition in the order in which they were added."""
        fields: list[bytes] = []
        for offset, size in self._pieces[partition]:
            fields += self._piece(offset, size).split(_TAB)
        for row in self._partitions[partition]:
            fields += row.split(_TAB)
        return Profiles(fields[0::3], fields[1::3], fields[2::3])

    def _piece(self, offset: int, size: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(size)
