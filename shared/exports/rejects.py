"""Writing rejects: files of JSON lines, numbered so that writing one again changes nothing."""

from collections import Counter
from collections.abc import AsyncIterator

import orjson

from shared.domain.outcomes import Outcome, Reject
from shared.exports.names import reject_file
from shared.storage.ports import Blobs

_REJECTS_PER_FILE = 5_000


class RejectWriter:
    """Collects rejects into files, and counts their outcomes."""

    def __init__(self, files: Blobs, run_id: str, first_file: int) -> None:
        self.files_written = first_file
        self.counts: Counter[Outcome] = Counter()
        self._files = files
        self._run_id = run_id
        self._lines: list[bytes] = []

    def add(self, reject: Reject, digest: bytes = b"") -> None:
        """Take one reject; `digest` stands for its profile if that was sent and not taken."""
        self.counts[reject.outcome] += 1
        self._lines.append(
            orjson.dumps(
                (
                    reject.segment,
                    reject.row,
                    reject.address,
                    reject.outcome,
                    reject.code,
                    reject.reason,
                    digest.hex(),
                )
            )
        )

    async def write_full(self) -> None:
        """Write a file if there are enough rejects for one."""
        if len(self._lines) >= _REJECTS_PER_FILE:
            await self.write()

    async def write(self) -> None:
        """Write the rejects that were taken since the last file."""
        if not self._lines:
            return
        await self._files.write(
            reject_file(self._run_id, self.files_written), b"\n".join(self._lines)
        )
        self.files_written += 1
        self._lines = []


async def stored_rejects(
    files: Blobs, run_id: str, count: int
) -> AsyncIterator[tuple[Reject, bytes]]:
    """Yield the rejects of the first `count` files of a run, with the digests they were added with."""
    for number in range(count):
        for line in (await files.read(reject_file(run_id, number))).splitlines():
            segment, row, address, outcome, code, reason, digest = orjson.loads(line)
            reject = Reject(segment, row, address, Outcome(outcome), code, reason)
            yield reject, bytes.fromhex(digest)
