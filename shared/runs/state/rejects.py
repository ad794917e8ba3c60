"""Writing and reading rejects: JSON lines, in files that a run has once its checkpoint names them.

No two files have one name: what is written by a slice whose checkpoint is refused is nobody's.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence

import orjson

from shared.domain.message import Message
from shared.domain.outcomes import Outcome, Reject
from shared.domain.run import Checkpoint
from shared.storage.paths import reject_file, unique_name
from shared.storage.ports import Blobs

_REASONS_KEPT = 100


class RejectWriter:
    """Collects rejects, counts their outcomes, and moves them to files when there are enough."""

    def __init__(
        self, files: Blobs, run_id: str, written: Sequence[str] = (), waiting: Sequence[str] = ()
    ) -> None:
        self.written = list(written)  # names of files
        self.waiting = list(waiting)  # as lines that no file holds yet
        self.counts: Counter[Outcome] = Counter()
        self._reasons: dict[int, tuple[Message, orjson.Fragment]] = {}
        self._files = files
        self._run_id = run_id

    def add(self, reject: Reject, digest: bytes = b"") -> None:
        """Take one reject; `digest` stands for its profile if that was sent and not taken."""
        self.counts[reject.outcome] += 1
        values = (
            reject.segment,
            reject.row,
            reject.address,
            reject.outcome,
            reject.code,
            self._written(reject.reason),
            digest.hex(),
            reject.file,
        )
        self.waiting.append(orjson.dumps(values).decode())

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
        """Move what is waiting to a file if that is so many lines."""
        if len(self.waiting) >= at_least:
            data = "\n".join(self.waiting).encode()
            name = unique_name()
            await self._files.write(reject_file(self._run_id, name), data)
            self.written.append(name)
            self.waiting = []


async def stored_rejects(
    files: Blobs, run_id: str, checkpoint: Checkpoint
) -> AsyncIterator[tuple[Reject, bytes]]:
    """Yield the rejects of a run up to a checkpoint, with the digests they were added with."""
    for name in checkpoint.reject_files:
        for line in (await files.read(reject_file(run_id, name))).splitlines():
            yield _reject(line)
    for text in checkpoint.rejects:
        yield _reject(text)


def _reject(line: bytes | str) -> tuple[Reject, bytes]:
    segment, row, address, outcome, code, reason, digest, file = orjson.loads(line)
    said = reason if isinstance(reason, str) else Message.model_validate(reason)
    reject = Reject(segment, row, address, Outcome(outcome), code, said, file)
    return reject, bytes.fromhex(digest)
