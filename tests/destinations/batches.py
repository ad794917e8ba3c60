"""Batches, their jobs, and what the engine keeps of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from shared.destinations.batch import Batch
from shared.domain.job import Job
from tests.fakes.clock import FakeClock


def batch(*addresses: str, number: int = 0) -> Batch:
    """Return a batch of profiles that have an address only."""
    fragments = [orjson.dumps({"email": address}) for address in addresses]
    origins = "\t".join(f"0:{row}" for row in range(2, len(addresses) + 2))
    joined = b",\n".join(fragments)
    return Batch(origins.encode(), "\t".join(addresses).encode(), joined, len(addresses), number)


def job(key: str, size: int, clock: FakeClock) -> Job:
    """Return the job of a whole batch."""
    return Job(id=key, batch=0, size=size, sent_at=clock.now())


@dataclass
class Kept:
    """What the engine keeps of jobs: one batch, and what was reported on it."""

    one: Batch
    said: Sequence[bytes] = ()

    async def batch(self, job: Job) -> Batch:
        return self.one

    async def reports(self, job: Job) -> Sequence[bytes]:
        return self.said
