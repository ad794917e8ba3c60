"""Makes the bodies that tell of exports, also of those to which something was not done."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from shared.api.pointer import pointer
from shared.api.wording import Words
from shared.domain.export import Export, Idle
from shared.domain.run import RunStatus
from shared.exports.views import ExportView
from shared.exports.warnings import ExportWarning
from shared.records.bulk import LeftOut


class LastRun(BaseModel):
    """An export's newest run, in short."""

    id: str
    status: RunStatus
    reason: Words | None
    warning: Words | None = Field(
        description="What is to be looked at though the run was successful. A run that was skipped because "
        "nothing is new has that of the run before it."
    )
    created_at: datetime
    finished_at: datetime | None
    resumes_at: datetime | None


class Can(BaseModel):
    """What the caller may do."""

    edit: bool
    run: bool
    view: bool = True


class ExportItem(Export):
    """An export."""

    can: Can
    active: bool  # whether triggers run it
    idle: Idle | None  # if not, why
    idle_reason: Words | None  # the same in words
    status: str  # the newest run's, or not_started
    last_run: LastRun | None


def export_item(view: ExportView) -> ExportItem:
    """Return an export as its caller sees it."""
    last = view.last_run
    return ExportItem(
        **view.stored.value.model_dump(),
        active=view.idle is None,
        idle=view.idle,
        idle_reason=view.idle.reason if view.idle else None,
        can=Can(edit=view.can_edit, run=view.can_run),
        status=last.status if last else "not_started",
        last_run=LastRun.model_validate({"id": last.id, **last.model_dump()}) if last else None,
    )


class WarningItem(BaseModel):
    """Something that the export's runs may stumble over."""

    pointer: str  # JSON pointer to the member of the export that it is about
    detail: Words


class SavedExportItem(ExportItem):
    """An export that was just saved, and what to look at."""

    warnings: list[WarningItem]


def saved_export_item(view: ExportView, warned: Sequence[ExportWarning]) -> SavedExportItem:
    """Return an export that its caller has just saved."""
    return SavedExportItem(
        **export_item(view).model_dump(),
        warnings=[WarningItem(pointer=pointer(one.members), detail=one.reason) for one in warned],
    )


class LeftOutItem(BaseModel):
    """An export to which it was not done."""

    export_id: str
    code: str = Field(
        description="`not_found`, `not_allowed`, `off`, `kept`, `conflict`, `outdated`, or why "
        "nothing runs it, as in an export's `idle`."
    )
    reason: Words  # the same in words


def left_out_items(left_out: Sequence[LeftOut]) -> list[LeftOutItem]:
    """Return what everybody may know of exports that were left out."""
    return [
        LeftOutItem(export_id=each.export_id, code=each.code, reason=each.reason)
        for each in left_out
    ]
