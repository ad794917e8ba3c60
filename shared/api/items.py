"""What the API says of connections, exports and runs. Nothing here ever holds a secret's name."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from shared.api.language import Words
from shared.destinations.protocol import Field as ProfileField
from shared.destinations.protocol import Kind
from shared.domain.connection import Connection, ConnectionStatus, Consent, SharedWith
from shared.domain.export import Export, Idle
from shared.domain.people import Caller, Person
from shared.domain.run import RunStatus
from shared.domain.segment import Segment, SegmentVersion
from shared.exports.many import LeftOut
from shared.exports.members import Warned
from shared.exports.view_exports import ExportView


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
    kind: Kind
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
    """One file of a segment."""

    segment: str
    path: str
    size: int  # bytes
    modified: datetime


class SegmentItem(BaseModel):
    """A segment; its columns are those of its newest file, and none when that cannot be read."""

    name: str
    columns: list[str]
    versions: int
    newest: VersionItem


class SegmentDetail(SegmentItem):
    """A segment with the number of its members, as far as its newest file was counted already."""

    members: int | None


def segment_detail(segment: Segment, members: int | None) -> SegmentDetail:
    """Return all there is to say of a segment."""
    return SegmentDetail(**segment_item(segment).model_dump(), members=members)


def segment_item(segment: Segment) -> SegmentItem:
    """Return a segment as everybody sees it."""
    return SegmentItem(
        name=segment.name,
        columns=list(segment.columns),
        versions=segment.versions,
        newest=version_item(segment.newest),
    )


def version_item(version: SegmentVersion) -> VersionItem:
    """Return a file of a segment as everybody sees it."""
    return VersionItem.model_validate(version.model_dump())
