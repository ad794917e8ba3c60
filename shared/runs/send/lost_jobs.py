"""Looking for jobs whose answer was lost, before their profiles are sent again.

Nothing tells two jobs of as many profiles apart, such as those of two exports of one segment. So a run
first learns what jobs there are, and takes only one for its own that came since, while it had the lane:
while its slice has it, or from a slice that was killed to the next one if no other run has begun jobs in
the lane between. At most one job is begun and not in the checkpoint, so there is one to look for.
"""

from dataclasses import dataclass, field

from shared.destinations.contract import Api, ListsJobs
from shared.domain.job import JobsSeen
from shared.storage.entries import Quota, SettingsTable
from shared.storage.ports import Records
from shared.transport.day_budget import change


@dataclass(slots=True)
class LostJobs:
    """The jobs of an account, as far as one slice knows them."""

    destination: ListsJobs
    api: Api
    quotas: Records[Quota]
    lane: str
    run_id: str
    kept: JobsSeen | None  # by the slice before, which may have begun a job that it did not record
    _seen: JobsSeen | None = field(default=None, init=False)
    _has_lane: bool = field(default=False, init=False)  # whether the record of the lane says so
    _unsure_of: int | None = field(default=None, init=False)
    """The batch that the slice before may have sent, which is the first that this one sends."""

    async def watch(self, batch: int) -> JobsSeen:
        """Learn what jobs there were before the first one is begun; called before each batch is sent.

        Return what the checkpoint must keep before anything is sent. Raise DestinationError.
        """
        if self._seen is None:
            stored = await self.quotas.get(SettingsTable.QUOTAS, self.lane)
            self._has_lane = stored is not None and stored.value.jobs_of == self.run_id
            if self.kept and self._has_lane:
                self._seen, self._unsure_of = self.kept, batch
            else:
                self._seen = JobsSeen.among(await self.destination.jobs(self.api))
        else:
            self._unsure_of = None
        return self._seen

    async def take_lane(self) -> None:
        """Write down that this run begins jobs in the lane; raise TryLater.

        Not before the checkpoint keeps what `watch` returned: who reads there what was seen before
        another run had the lane must not read here that none had it.
        """
        if not self._has_lane:
            name = {"jobs_of": self.run_id}
            await change(self.quotas, self.lane, lambda now: now.model_copy(update=name))
            self._has_lane = True

    def began(self, key: str) -> None:
        """Note a job that an answer told of."""
        if self._seen is not None:
            self._seen = self._seen.with_own([key])

    async def find_earlier(self, batch: int, size: int) -> str | None:
        """Return the job of so many profiles of a batch that the slice before has begun; else None."""
        return await self.find(size) if batch == self._unsure_of else None

    async def find(self, size: int) -> str | None:
        """Return the job of so many profiles that has come; None when there is none, or no telling which."""
        if self._seen is None:
            return None
        new = {
            job.id for job in await self.destination.jobs(self.api, size) if self._seen.is_new(job)
        }
        return new.pop() if len(new) == 1 else None
