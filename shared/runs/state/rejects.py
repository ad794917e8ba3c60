"""Writing and reading rejects: JSON lines, in files that a run has once its checkpoint names them.

No two files have one name: what is written by a slice whose checkpoint is refused is nobody's.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import batched
from typing import Any

import orjson

from shared.domain.message import Message
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Checkpoint
from shared.storage.paths import reject_file, unique_name
from shared.storage.ports import Blobs

type InvalidRow = tuple[int, str, tuple[str, Message]]
"""The row, its address, and the code and the reason, as in `Reject`."""

_REASONS_KEPT = 100
_LINES_PER_FILE = 5_000  # so that whoever wants a page reads no more than some 2 MB for it
_LONGEST_ADDRESS = 500  # characters; longer ones are cut: none was ever sent


class RejectWriter:
    """Collects rejects, counts their outcomes, and moves them to files when there are enough.

    It keeps no more than `most` of them, and counts the others; None is all.
    """

    def __init__(
        self,
        files: Blobs,
        run_id: str,
        written: Sequence[str] = (),
        waiting: Sequence[str] = (),
        most: int | None = None,
    ) -> None:
        self.written = list(written)  # names of files
        self.waiting = list(waiting)  # as lines that no file holds yet
        self.counts: Counter[Outcome] = Counter()
        self._reasons: dict[int, tuple[Message, orjson.Fragment]] = {}
        self._files = files
        self._run_id = run_id
        self._most = most

    def add(self, reject: Reject, digest: bytes = b"") -> None:
        """Take one reject; `digest` stands for its profile if that was sent and not taken."""
        segment, row, address, outcome, code, reason, file = reject
        self.counts[outcome] += 1
        if self._most is not None and self.counts.total() > self._most:
            return
        said = self._written(reason)
        values = (segment, row, cut_address(address), outcome, code, said, digest.hex(), file)
        self.waiting.append(orjson.dumps(values).decode())

    def add_invalid(self, segment: str, file: str, rows: Sequence[InvalidRow]) -> None:
        """Take rows of one file that our own rules refuse, which may be all of a million."""
        before = self.counts.total()
        self.counts[Outcome.INVALID] += len(rows)
        if self._most is not None:
            rows = rows[: max(0, self._most - before)]
        begin = orjson.dumps([segment])[:-1].decode()
        endings: dict[int, str] = {}  # by the id of what `rows` holds, so that nothing else gets it
        for row, address, why in rows:
            ending = endings.get(id(why))
            if ending is None:
                code, reason = why
                values = (Outcome.INVALID, code, self._written(reason), "", file)
                ending = endings[id(why)] = orjson.dumps(values)[1:].decode()
            written = orjson.dumps(cut_address(address)).decode()
            self.waiting.append(f"{begin},{row},{written},{ending}")

    def _written(self, reason: Message | str) -> orjson.Fragment | str:
        """Return a reason as it is stored; many rejects have the same one, which is written once."""
        if isinstance(reason, str):
            return reason
        if known := self._reasons.get(id(reason)):
            return known[1]
        written = orjson.Fragment(orjson.dumps(reason.model_dump(exclude_defaults=True)))
        if len(self._reasons) < _REASONS_KEPT:
            self._reasons[id(reason)] = reason, written  # kept, so that nothing else gets its id
        return written

    async def write(self, at_least: int = 1) -> None:
        """Move what is waiting to files if that is so many lines."""
        if len(self.waiting) < at_least:
            return
        for lines in batched(self.waiting, _LINES_PER_FILE, strict=False):
            name = unique_name()
            data = "\n".join(lines).encode()
            await self._files.write(reject_file(self._run_id, name), data)
            self.written.append(name)
        self.waiting = []


async def stored_rejects(
    files: Blobs, run_id: str, checkpoint: Checkpoint
) -> AsyncIterator[tuple[Reject, bytes]]:
    """Yield the rejects of a run up to a checkpoint, with the digests they were added with."""
    for number in range(len(checkpoint.reject_files) + 1):
        for line in await reject_lines(files, run_id, checkpoint, number):
            values = orjson.loads(line)
            yield reject_of(values), bytes.fromhex(values[6])


async def reject_lines(
    files: Blobs, run_id: str, checkpoint: Checkpoint, number: int
) -> Sequence[bytes]:
    """Return the lines of a file by its number, from 0; raise Missing.

    That behind the last file are the lines which none holds yet. A file that is written later begins with
    them, so a line stays where it is.
    """
    if number < len(checkpoint.reject_files):
        name = checkpoint.reject_files[number]
        return (await files.read(reject_file(run_id, name))).splitlines()
    return [text.encode() for text in checkpoint.rejects]


def reject_of(values: Sequence[Any]) -> Reject:
    """Return the reject that the values of a line tell of."""
    segment, row, address, outcome, code, reason, _, file = values
    said = reason if isinstance(reason, str) else Message.model_validate(reason)
    return Reject(segment, row, address, Outcome(outcome), code, said, file)


def cut_address(address: str) -> str:
    """Return as much of an address as a reject keeps: a whole cell may stand in the place of one."""
    return address[:_LONGEST_ADDRESS]
