"""Settle: keep what was delivered for the next comparison."""

from shared.domain.export import Export
from shared.domain.outcomes import Outcome
from shared.domain.run import Checkpoint, Run
from shared.exports.delivered import Digests, digest_key, state_name, without
from shared.exports.names import digests
from shared.exports.read_runs import reject_lines
from shared.exports.services import Services

# What the destination did not take is not delivered, so the next run tries it again.
_NOT_DELIVERED = (Outcome.SUPPRESSED, Outcome.REFUSED, Outcome.UNKNOWN)


async def settle(services: Services, run: Run, export: Export, checkpoint: Checkpoint) -> None:
    """Store the delivered state of a run that has sent everything.

    Doing it again gives the same. Raise AssertionError when the outcomes do not add up to the rows,
    which would mean that a row was lost or counted twice.
    """
    if checkpoint.counts.total != checkpoint.rows_read:
        raise AssertionError(f"{checkpoint.rows_read} rows, {checkpoint.counts.total} outcomes")
    storage = services.storage
    keyed = Digests(await digest_key(storage.secrets))
    rejected = [
        keyed.address(reject.address)
        async for reject in reject_lines(services, run)
        if reject.outcome in _NOT_DELIVERED
    ]
    entries = without(storage.run_files.stream(digests(run.id)), rejected)
    await storage.delivered.write(state_name(export), entries)
