"""Settle: keep what was delivered for the next comparison."""

from collections import defaultdict

from shared.domain.export import Export
from shared.domain.run import Checkpoint, Run
from shared.exports.delivered import StateReader, state_name, without
from shared.exports.names import digests
from shared.exports.rejects import stored_rejects
from shared.exports.services import Services
from shared.exports.spool import partition_of


async def settle(services: Services, run: Run, export: Export, checkpoint: Checkpoint) -> None:
    """Store the delivered state of a run that has sent everything.

    What the destination did not take is not delivered, so the next run tries it again. Doing this
    twice gives the same. Raise AssertionError when the outcomes do not add up to the rows,
    which would mean that a row was lost or counted twice.
    """
    if checkpoint.counts.total != checkpoint.rows_read:
        raise AssertionError(f"{checkpoint.rows_read} rows, {checkpoint.counts.total} outcomes")
    storage = services.storage
    rejects = stored_rejects(storage.run_files, run.id, checkpoint)
    not_taken: dict[int, set[bytes]] = defaultdict(set)
    async for reject, digest in rejects:
        if digest:
            not_taken[partition_of(reject.address.encode())].add(digest)
    delivered = without(StateReader(storage.run_files.stream(digests(run.id))), not_taken)
    await storage.delivered.write(state_name(export), delivered)
