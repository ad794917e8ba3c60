"""A run: one execution of an export, and the checkpoint that it goes on from."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, computed_field

from shared.domain.job import Job, JobsSeen
from shared.domain.message import Message
from shared.domain.outcomes import Counts, Outcome
from shared.domain.segment import SegmentVersion

TIMELINE_LENGTH = 100
"""How many events a run keeps: the first one and the newest."""

_MARKS_APART = timedelta(seconds=5)
_RECENT = timedelta(minutes=1)

_LATEST = 9_999_999_999_999  # milliseconds; subtracted from, so that newer runs sort first


class RunStatus(StrEnum):
    """Where a run stands, as people see it."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCESSFUL = "successful"  # it may have rejects
    FAILURE = "failure"  # will be tried again
    FAILED_PERMANENT = "failed_permanent"
    SKIPPED = "skipped"
    CANCELED = "canceled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.FAILURE)


class TriggerKind(StrEnum):
    """What made a run begin."""

    ARRIVAL = "arrival"  # a new version of a segment landed
    REFRESH = "refresh"  # the refresh schedule was due
    SCHEDULE = "schedule"  # the export's own schedule was due
    ON_DEMAND = "on_demand"  # a person or a script asked for it


_SCHEDULED = (TriggerKind.REFRESH, TriggerKind.SCHEDULE)


class Trigger(BaseModel, frozen=True):
    """What made a run begin; the same `kind` and `key` never make a second run of one export."""

    kind: TriggerKind
    key: str  # the segment version, the due instant, or the request
    at: datetime

    def run_key(self) -> str:
        """Return the run's key within its export; newer runs sort before older ones."""
        digest = hashlib.sha256(f"{self.kind}|{self.key}".encode()).hexdigest()[:12]
        return f"{_LATEST - int(self.at.timestamp() * 1000):013d}-{digest}"


class Mode(StrEnum):
    """Which profiles a run sends."""

    CHANGES = "changes"  # those that are new or changed since the last successful run
    EVERYTHING = "everything"


class Event(BaseModel, frozen=True):
    """Something that happened in a run, in words for people."""

    at: datetime
    text: Message


class Phase(StrEnum):
    """The part of its work that a run is in."""

    PREPARE = "prepare"
    SEND = "send"
    SETTLE = "settle"
    DONE = "done"


class Progress(BaseModel, frozen=True):
    """How far a run has come. Batches are numbered from 0 in the order of the parts."""

    phase: Phase = Phase.PREPARE
    rows_read: int = 0
    profiles: int = 0  # to send
    batches: int = 0
    batches_done: int = 0  # the contiguous ones whose outcomes are in `counts`
    counts: Counts = Counts()
    requests: int = 0  # sent to the destination
    in_jobs: int = 0  # profiles whose outcome the destination has not told yet
    not_sent: int = Field(
        0, description="Rows without an outcome, of a run that ended before everything was sent."
    )
    seconds: float = 0.0  # spent in slices
    profiles_a_second: float | None = Field(
        None,
        description="Profiles whose outcomes were learned in a second, in the last minute.",
    )

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorator on top of a property
    @property
    def percent(self) -> int | None:
        """How much of what is to be sent is done; None until the number of profiles is known."""
        if self.phase is Phase.PREPARE:
            return None
        if not self.batches:
            return 100
        return int(100 * (self.batches_done / self.batches - self.in_jobs / self.profiles))

    def ends_at(self, now: datetime, resumes_at: datetime | None) -> datetime | None:
        """Return when the run ends if it goes on as in its last minute of sending."""
        if not self.profiles_a_second:
            return None
        left = self.profiles - self.counts.told
        goes_on = max(now, resumes_at or now)
        return goes_on + timedelta(seconds=left / self.profiles_a_second)


class Run(BaseModel, frozen=True, validate_by_name=True, serialize_by_alias=True):
    """One execution of an export on one version of each of its segments."""

    export_id: str
    key: str
    trigger: Trigger
    destination: str = ""  # as in Export; empty in runs from before it was kept
    # As in Export; while the export has another one, the run does not go on.
    target_digest: str = Field(default="", alias="target")
    trace: str = ""  # the W3C traceparent that its slices go on from
    mode: Mode = Mode.CHANGES
    asked_for: bool = False  # on demand, too, while it waited; so it does its work, new file or not
    status: RunStatus = RunStatus.QUEUED
    reason: Message | None = None  # why it failed, was skipped, or waits
    warning: Message | None = None  # what is to be looked at though it was successful
    versions: list[SegmentVersion] = []
    # Whether it failed by its versions, or because there were none, and would fail again by the same.
    failed_by_files: bool = False
    created_at: datetime
    resumes_at: datetime | None = None  # when a waiting run goes on
    finished_at: datetime | None = None
    timeline: list[Event] = []
    progress: Progress | None = None  # as it was when the run ended

    @property
    def sources(self) -> list[tuple[str, str]]:
        """Where a profile can come from: the segment and, if that came as several, the file.

        The number of a file in this list is what the origin of a profile begins with.
        """
        return [
            (version.segment, version.name_of(file))
            for version in self.versions
            for file in version.sources
        ]

    @property
    def may_be_skipped(self) -> bool:
        """Whether it does nothing where there is nothing new: nobody but a schedule asked for it."""
        return self.trigger.kind in _SCHEDULED and not self.asked_for

    @property
    def is_all_invalid(self) -> bool:
        """Whether it failed because not one row was valid."""
        told = self.progress
        failed = self.status is RunStatus.FAILED_PERMANENT
        return failed and told is not None and 0 < told.rows_read == told.counts.invalid

    @property
    def id(self) -> str:
        """The public id, which also says where the run is stored."""
        return f"{self.export_id}.{self.key}"

    def noting(self, at: datetime, text: Message) -> "Run":
        """Return the run with an event added to its timeline, unless that says it already."""
        if self.timeline and self.timeline[-1].text == text:
            return self
        timeline = [*self.timeline, Event(at=at, text=text)]
        if len(timeline) > TIMELINE_LENGTH:
            timeline = [timeline[0], *timeline[2:]]
        return self.model_copy(update={"timeline": timeline})

    def processing(self, at: datetime, text: Message) -> "Run":
        """Return the run as one that a slice is working on."""
        noted = self.noting(at, text)
        return noted.model_copy(
            update={"status": RunStatus.PROCESSING, "reason": None, "resumes_at": None}
        )

    def waiting(self, status: RunStatus, at: datetime, until: datetime, reason: Message) -> "Run":
        """Return the run as one that goes on by itself at `until`."""
        noted = self.noting(at, reason)
        return noted.model_copy(update={"status": status, "reason": reason, "resumes_at": until})

    def over(self, status: RunStatus, at: datetime, text: Message) -> "Run":
        """Return the run as one that has ended; `text` is its reason unless it was successful."""
        reason = None if status is RunStatus.SUCCESSFUL else text
        return self.noting(at, text).model_copy(
            update={"status": status, "reason": reason, "resumes_at": None, "finished_at": at}
        )


def split_run_id(run_id: str) -> tuple[str, str]:
    """Return the export id and the key that a public run id is made of; the key is empty if it is none."""
    export_id, _, key = run_id.partition(".")
    return export_id, key


class Mark(BaseModel, frozen=True):
    """How many outcomes a run had learned of the destination at an instant."""

    at: datetime
    told: int


def _reject_names(stored: object) -> object:
    """Return the names of reject files that were only counted, as they once were; else what is stored."""
    return [f"{number:06d}" for number in range(stored)] if isinstance(stored, int) else stored


class Checkpoint(Progress, frozen=True):
    """Where a run goes on from. It has one writer at a time, fenced by its ETag.

    A batch is done once its outcomes are in `counts`: the first `batches_done`, and those `ahead`. One that
    is done in part is not done, and `left` has what is still to be sent. Of all that slices have laid out
    only `layout` is the run's. Rejects are in `reject_files` and in `rejects`. So one write moves position,
    counts and rejects, or none, and nothing is written to a file that a checkpoint may name.
    """

    slice: int = 0  # how many slices have ended; the number that the next message must carry
    setbacks: int = 0  # slices in a row that ended in TryLater without a batch done
    layout: str = ""  # the name of what is laid out; empty where that has none
    reject_files: Annotated[list[str], BeforeValidator(_reject_names)] = []
    rejects: list[str] = []  # those that no file holds yet, as JSON lines
    jobs: list[Job] = []  # those whose outcomes are not in `counts` yet
    ahead: list[int] = []  # of the batches behind the first that is not done, those that are
    left: dict[
        int, list[tuple[int, int]]
    ] = {}  # ranges of profiles of batches that are done in part
    under_way: int = 0  # of the batches that are not done, so many of the first may have been sent
    jobs_seen: JobsSeen | None = None  # while a job may have begun that is not in `jobs`
    marks: list[Mark] = []  # of the last minute of sending

    def as_progress(self) -> Progress:
        """Return the part of it that says how far the run has come."""
        return Progress(**self.model_dump(include=set(Progress.model_fields)))

    def marked(self, at: datetime, told: int) -> list[Mark]:
        """Return the marks with one more, unless the newest is younger than a few seconds."""
        if self.marks and at - self.marks[-1].at < _MARKS_APART:
            return self.marks
        return [*(mark for mark in self.marks if at - mark.at <= _RECENT), Mark(at=at, told=told)]

    def not_done(self) -> Iterator[int]:
        """Yield the numbers of the batches that are not done, in their order."""
        ahead = set(self.ahead)
        return (n for n in range(self.batches_done, self.batches) if n not in ahead)

    def unconfirmed(self) -> list[int]:
        """Return the numbers of the batches that may have been sent and are not done."""
        return list(islice(self.not_done(), self.under_way))

    def with_done(self, numbers: Iterable[int]) -> "Checkpoint":
        """Return the same with these batches done."""
        done = set(numbers)
        ahead = {*self.ahead, *done}
        first = self.batches_done
        while first in ahead:
            ahead.remove(first)
            first += 1
        left = {number: ranges for number, ranges in self.left.items() if number not in done}
        return self.model_copy(update={"batches_done": first, "ahead": sorted(ahead), "left": left})

    def as_last_progress(self) -> Progress:
        """Return the same for a run that ends here, whether or not everything was sent.

        What a job may have brought that is still open is unknown, and what has no outcome was not sent.
        """
        open_jobs = sum(job.size for job in self.jobs if job.is_untold)
        counts = self.counts.plus({Outcome.UNKNOWN: open_jobs})
        update = {"counts": counts, "in_jobs": 0, "not_sent": self.rows_read - counts.total}
        return self.as_progress().model_copy(update=update)


class SliceMessage(BaseModel, frozen=True):
    """What a message of the `slices` queue says: go on with this run, from this slice."""

    run_id: str
    slice: int
