"""Jobs that destinations do in their own time, and what a run has seen of those of an account.

By that one whose answer was lost can be told from others. Only the vendor's own clock is compared, with
itself. What is kept is small however many jobs there are.
"""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from shared.domain.message import Message


class Job(BaseModel, frozen=True, validate_by_name=True, serialize_by_alias=True):
    """Work that a destination accepted and does in its own time."""

    id: str
    batch: int
    rows: list[tuple[int, int]] = []  # ranges of the batch's profiles, the end excluded; [] is all
    size: int  # profiles
    sent_at: datetime
    polled_at: datetime | None = Field(default=None, alias="looked_at")
    tries: int = 1  # how often these profiles have been sent
    sent_before: bool = False  # whether they may have arrived by a request without an answer, too
    failed: Message | None = None  # why it did nothing; its profiles are sent again

    @property
    def is_untold(self) -> bool:
        """Whether its profiles may be at the destination, as they are not if it failed and that was all."""
        return self.failed is None or self.tries > 1 or self.sent_before


class ListedJob(BaseModel, frozen=True):
    """A job that a destination lists."""

    id: str
    created_at: datetime  # by the vendor's clock


class JobsSeen(BaseModel, frozen=True):
    """The jobs that there were before a run began some of its own, and these."""

    newest: datetime | None = (
        None  # when the youngest of those before came; None if there were none
    )
    ids: list[str] = []  # of those that came at that instant
    own: list[str] = []  # ids of jobs that the run has begun since

    @classmethod
    def among(cls, jobs: Iterable[ListedJob]) -> "JobsSeen":
        """Return what is to be kept of all the jobs there are."""
        every = list(jobs)
        newest = max((job.created_at for job in every), default=None)
        return cls(newest=newest, ids=sorted(job.id for job in every if job.created_at == newest))

    def with_own(self, ids: Iterable[str]) -> "JobsSeen":
        """Return the same with jobs that the run has begun."""
        new = [each for each in dict.fromkeys(ids) if each not in self.own]
        return self.model_copy(update={"own": [*self.own, *new]}) if new else self

    def is_new(self, job: ListedJob) -> bool:
        """Say whether a job has come since, and is none that the run knows to be its own."""
        if job.id in self.own:
            return False
        if self.newest is None or job.created_at > self.newest:
            return True
        return job.created_at == self.newest and job.id not in self.ids
