"""Makes the bodies that tell of runs, and of those that have not begun."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from shared.api.schemas.segments import VersionItem, version_item
from shared.api.wording import Words
from shared.domain.outcomes import Counts
from shared.domain.people import Caller
from shared.domain.run import Event, Mode, Progress, Run, RunStatus, TriggerKind
from shared.exports.views import editable
from shared.runs.history import is_canceling, run_progress
from shared.runs.preview.preview import Preview
from shared.services import Services
from shared.triggers.on_demand import OnDemand


class RunCan(BaseModel):
    """What the caller may do with a run."""

    see_rejects: bool = Field(description="As who may edit its export.")


class RunItem(BaseModel):
    """A run."""

    id: str
    export_id: str
    status: RunStatus
    reason: Words | None
    warning: Words | None = Field(
        description="What is to be looked at though the run was successful, such as many invalid rows."
    )
    trigger: TriggerKind
    mode: Mode
    created_at: datetime
    resumes_at: datetime | None = Field(
        description="When a run that waits goes on; `reason` says what it waits for."
    )
    finished_at: datetime | None
    ends_at: datetime | None = Field(
        description="When the run ends if it goes on as in its last minute of sending."
    )
    canceling: bool = Field(
        description="Somebody canceled the run, and what was under way then is not over yet."
    )
    progress: Progress
    can: RunCan


class EventItem(BaseModel):
    """Something that happened in a run."""

    at: datetime
    text: Words


class RunDetail(RunItem):
    """A run with the files that it reads and what happened so far."""

    versions: list[VersionItem]
    timeline: list[EventItem]


Joined = Annotated[
    bool,
    Field(
        description="Whether this is a run that waited already, whatever began it. It has read nothing yet, "
        "so no other was begun."
    ),
]


class AskedRun(RunDetail):
    """The run that does what was asked for."""

    joined: Joined


class BegunRun(BaseModel):
    """The run that does what was asked for, in short."""

    id: str
    export_id: str
    status: RunStatus
    joined: Joined


class EstimateItem(BaseModel):
    """How long a run takes if the assumptions hold."""

    seconds: int = Field(description="From the first request to the last answer.")
    assumptions: list[Words]


class PreviewItem(BaseModel):
    """What a run would do if it began now. It holds personal data."""

    versions: list[VersionItem]
    rows_read: int
    counts: Counts = Field(description="Outcomes that are known before anything is sent.")
    profiles: int = Field(description="Profiles to send.")
    requests: int = Field(description="Requests that they take.")
    bodies: list[str] = Field(
        description="Bodies of the first three requests, as the destination would get them. Where it is "
        "asked to report to an address, a run has its own in the place of `<run>` and `<token>`."
    )
    notes: list[Words] = Field(
        description="What a run would note of values, such as that some are cut."
    )
    estimate: EstimateItem


def preview_item(preview: Preview) -> PreviewItem:
    """Return a preview for whoever asked for it."""
    laid_out, estimate = preview.laid_out, preview.estimate
    return PreviewItem(
        versions=[version_item(version) for version in preview.versions],
        rows_read=laid_out.rows_read,
        counts=laid_out.counts,
        profiles=laid_out.profiles,
        requests=laid_out.batches,
        bodies=[body.decode() for body in preview.bodies],
        notes=list(preview.notes),
        estimate=EstimateItem(seconds=estimate.seconds, assumptions=list(estimate.assumptions)),
    )


async def run_items(services: Services, caller: Caller, runs: Sequence[Run]) -> list[RunItem]:
    """Return runs for a list, as their caller sees them."""
    edited = await editable(services, caller, (run.export_id for run in runs))
    return await asyncio.gather(
        *(_run_item(services, run, RunCan(see_rejects=run.export_id in edited)) for run in runs)
    )


async def _run_item(services: Services, run: Run, can: RunCan) -> RunItem:
    progress = await run_progress(services, run)
    ends_at = progress.ends_at(services.clock.now(), run.resumes_at)
    return RunItem(
        id=run.id,
        trigger=run.trigger.kind,
        ends_at=None if run.status.is_over else ends_at,
        canceling=await is_canceling(services, run),
        progress=progress,
        can=can,
        **run.model_dump(include=_SHOWN),
    )


async def run_detail(services: Services, caller: Caller, run: Run) -> RunDetail:
    """Return all there is to say of a run to its caller."""
    [item] = await run_items(services, caller, [run])
    return RunDetail(
        **item.model_dump(),
        versions=[version_item(version) for version in run.versions],
        timeline=[_event(event) for event in run.timeline],
    )


async def asked_run(services: Services, caller: Caller, asked: OnDemand) -> AskedRun:
    """Return all there is to say of the run that does what its caller asked for."""
    detail = await run_detail(services, caller, asked.run)
    return AskedRun(**dict(detail), joined=asked.joined)


def begun_run(asked: OnDemand) -> BegunRun:
    """Return the same in short."""
    run = asked.run
    return BegunRun(id=run.id, export_id=run.export_id, status=run.status, joined=asked.joined)


def _event(event: Event) -> EventItem:
    return EventItem(at=event.at, text=event.text)


_SHOWN = set(RunItem.model_fields) - {"id", "trigger", "ends_at", "canceling", "progress", "can"}
