"""What the API says of connections, exports and runs. Nothing here ever holds a secret's name."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from shared.api.wording import Words
from shared.destinations.contract import Field as ProfileField
from shared.destinations.contract import FieldType
from shared.domain.connection import Connection, ConnectionStatus, Consent, SharedWith
from shared.domain.export import Export, Idle
from shared.domain.people import Caller, Person
from shared.domain.run import RunStatus
from shared.domain.segment import Segment, SegmentStatus, SegmentVersion
from shared.exports.views import ExportView
from shared.exports.warnings import Warned
from shared.records.bulk import LeftOut
from shared.segments.formats.registry import SPARK_FORMS, form_of


class SharedConnectionItem(BaseModel):
    """A connection as contributors see it."""

    id: str
    destination: str
    display_name: str


class AccountItem(BaseModel):
    """The account at the destination."""

    id: str
    name: str


class ConnectionItem(SharedConnectionItem):
    """A connection as administrators see it."""

    shared_with: SharedWith
    status: ConnectionStatus
    reason: Words | None  # why it needs sign-in
    consent: Consent | None
    account: AccountItem | None
    linked_secret: bool  # whether its key lies in the linked vault
    export_user: Person | None
    created_at: datetime


def connection_item(
    connection: Connection, caller: Caller
) -> ConnectionItem | SharedConnectionItem:
    """Return as much of a connection as the caller may see."""
    kind = ConnectionItem if caller.is_administrator else SharedConnectionItem
    return kind.model_validate(connection.model_dump())


class FieldItem(BaseModel):
    """A field of a profile that an export can fill."""

    name: str
    title: Words
    required: bool
    kind: FieldType
    longest: int | None  # characters, or None where there is no limit
    choices: list[str]  # that a value of the kinds `choice` and `choices` can be


def field_item(field: ProfileField) -> FieldItem:
    """Return a destination's field as everybody sees it."""
    return FieldItem(
        name=field.name,
        title=field.title,
        required=field.required,
        kind=field.kind,
        longest=field.longest,
        choices=list(field.choices),
    )


class LastRun(BaseModel):
    """An export's newest run, in short."""

    id: str
    status: RunStatus
    reason: Words | None
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


def saved_export_item(view: ExportView, warned: Sequence[Warned]) -> SavedExportItem:
    """Return an export that its caller has just saved."""
    return SavedExportItem(
        **export_item(view).model_dump(),
        warnings=[WarningItem(pointer=one.pointer, detail=one.reason) for one in warned],
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


class VersionItem(BaseModel):
    """One version of a segment: a file, or a folder of files."""

    segment: str
    path: str  # that of a folder ends in a slash
    form: str  # such as CSV or Parquet
    files: int
    size: int  # bytes
    modified: datetime


class SegmentItem(BaseModel):
    """A segment.

    `newest` is its newest complete version, whose columns and members these are; there may be none.
    `status` is about the newest files, complete or not, and `reason` says why it is not ready.
    """

    name: str
    status: SegmentStatus
    reason: Words | None
    columns: list[str]
    members: int | None  # rows of the newest version; None until they are counted
    versions: int
    newest: VersionItem | None


def segment_item(segment: Segment) -> SegmentItem:
    """Return a segment as everybody sees it."""
    return SegmentItem(
        name=segment.name,
        status=segment.status,
        reason=segment.reason,
        columns=list(segment.columns),
        members=segment.facts.rows,
        versions=segment.versions,
        newest=version_item(segment.newest) if segment.newest else None,
    )


def version_item(version: SegmentVersion) -> VersionItem:
    """Return a version of a segment as everybody sees it."""
    form = form_of(version.sources[0].path, SPARK_FORMS)
    return VersionItem(
        segment=version.segment,
        path=version.path,
        form=form.name if form else "",
        files=len(version.sources),
        size=version.size,
        modified=version.modified,
    )
