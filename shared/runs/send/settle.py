"""Settling a run: what it delivered is kept as the state that the next run compares with."""

from collections import defaultdict

from shared.destinations.batch import Batch
from shared.destinations.model import Limits
from shared.domain.run import Checkpoint, Run
from shared.runs.send.poller import RunFiles
from shared.runs.state.delivered import (
    Digest,
    StateReader,
    digest_key,
    digest_with,
    joined,
    state_of,
)
from shared.runs.state.partitions import partition_of
from shared.runs.state.parts import batches_per_part, read_batches
from shared.runs.state.rejects import stored_rejects
from shared.services import Services
from shared.storage.paths import digests, layout_folder
from shared.storage.ports import Storage

type _ByPartition = dict[int, set[bytes]]


async def settle(storage: Storage, run: Run, checkpoint: Checkpoint) -> None:
    """Store the delivered state of a run that has sent everything.

    What the destination did not take is not delivered, so the next run tries it again. Doing this
    twice gives the same. Raise AssertionError when the outcomes do not add up to the rows,
    which would mean that a row was lost or counted twice. Raise Missing when rejects are gone.
    """
    if checkpoint.counts.total != checkpoint.rows_read:
        raise AssertionError(f"{checkpoint.rows_read} rows, {checkpoint.counts.total} outcomes")
    not_taken = await _rejected(storage, run, checkpoint)
    new = StateReader(storage.run_files.stream(digests(layout_folder(run.id, checkpoint.layout))))
    await storage.delivered.write(state_of(run), joined(new, not_taken, StateReader(None)))


async def settle_part(services: Services, run: Run, checkpoint: Checkpoint, limits: Limits) -> None:
    """Store the delivered state of a run that has not sent all of its batches.

    Batches are in the order of partitions. Behind the last one of which anything is done nothing was sent,
    and those partitions stay as they are in the state before. Of all others the new state counts, without
    what was not taken or not sent: what was sent there before is forgotten, because a changed profile
    cannot be told by its old digest. So nothing counts as delivered that was not accepted, and nothing that
    changed is later taken for unchanged. Doing this twice gives the same. Raise Missing when files of the
    run are gone.
    """
    last_done = max([checkpoint.batches_done - 1, *checkpoint.ahead, *checkpoint.left])
    if last_done < 0:
        return
    storage, per_part = services.storage, batches_per_part(limits)
    files = storage.run_files
    folder = layout_folder(run.id, checkpoint.layout)
    of_jobs = RunFiles(files, run.id, checkpoint.layout, limits)
    digest = digest_with(await digest_key(services))
    not_taken = await _rejected(storage, run, checkpoint)
    batches = read_batches(files, folder, per_part, [last_done])
    last = _partitions(await anext(batches))[-1]
    async for batch in read_batches(
        files, folder, per_part, checkpoint.not_done(), checkpoint.left
    ):
        if _partitions(batch)[0] > last:
            break
        _add(not_taken, batch, digest)
    for job in checkpoint.jobs:
        _add(not_taken, await of_jobs.batch(job), digest)
    new = StateReader(storage.run_files.stream(digests(folder)))
    old = StateReader(storage.delivered.stream(state_of(run)))
    await storage.delivered.write(state_of(run), joined(new, not_taken, old, last))


async def _rejected(storage: Storage, run: Run, checkpoint: Checkpoint) -> _ByPartition:
    """Return the digests of what was sent and not taken."""
    not_taken: _ByPartition = defaultdict(set)
    async for reject, digest in stored_rejects(storage.run_files, run.id, checkpoint):
        if digest:
            not_taken[partition_of(reject.address.encode())].add(digest)
    return not_taken


def _partitions(batch: Batch) -> list[int]:
    return [partition_of(address) for address in batch.addresses.split(b"\t")]


def _add(not_taken: _ByPartition, batch: Batch, digest: Digest) -> None:
    for partition, fragment in zip(_partitions(batch), batch.joined.split(b",\n"), strict=True):
        not_taken[partition].add(digest(fragment))
