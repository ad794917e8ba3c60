"""Holds one example of every body, for the OpenAPI document.

They are made of the models themselves, so that an example cannot have another shape than what it is
an example of. Nobody in them is real, and no credential is among them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from pydantic import BaseModel

from shared.api.paths import PROBLEMS
from shared.api.routes.about import (
    VERSION,
    DestinationItem,
    Health,
    KindItem,
    LimitsItem,
    Me,
    MeChanges,
    RateItem,
)
from shared.api.routes.connections import CheckResult, ConnectBody, ConsentBody, SignInPage
from shared.api.routes.export_schedules import ExportScheduleBody, SetSchedules
from shared.api.routes.exports import RunBody, RunsOfAll
from shared.api.routes.lookups import ListItem
from shared.api.routes.rejects import RejectItem, RejectSearch
from shared.api.routes.schedule import ScheduleBody
from shared.api.schemas.connections import AccountItem, ConnectionItem, SharedConnectionItem
from shared.api.schemas.exports import (
    Can,
    ExportItem,
    LastRun,
    LeftOutItem,
    SavedExportItem,
    WarningItem,
)
from shared.api.schemas.fields import FieldItem
from shared.api.schemas.runs import (
    AskedRun,
    BegunRun,
    EstimateItem,
    EventItem,
    PreviewItem,
    RunCan,
    RunDetail,
    RunItem,
)
from shared.api.schemas.segments import ReadingItem, SegmentItem, TrialItem, VersionItem
from shared.connections.schemas import ConnectionChanges, NewConnection
from shared.domain.audit import Action, Actor, Entry, Object, ObjectKind
from shared.domain.connection import TERMS_VERSION, ConnectionStatus, Consent, SharedWith
from shared.domain.outcomes import Counts, Outcome
from shared.domain.people import Language, Person, Role
from shared.domain.reading import DateOrder, Dialect
from shared.domain.run import Mode, Phase, Progress, RunStatus, TriggerKind
from shared.domain.schedule import Follows, RefreshSchedule
from shared.domain.segment import SegmentStatus
from shared.exports.schemas import (
    Attachment,
    CopyChoices,
    Existing,
    ExportChanges,
    ExportChoices,
    ManySchedules,
    OwnScheduleChoice,
    ReadingChoices,
    ScheduleChoice,
)

_CONNECTION = "019a86b8f0c01f2e3d4c5b6a7988"
_EXPORT = "019a86bd84a0a1b2c3d4e5f60718"
_RUN = f"{_EXPORT}.8236285199999-6f1d0a2b9c3e"
_LIST = "9f1c2d3e4a"
_AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_PERSON = Person(id="3f2a6a52-58c4-4a4e-9d0b-4f4f5d6f7a81", name="An administrator")
_FIELDS = {"email": "EMail", "first_name": "FirstName"}
_EMAIL = FieldItem(
    name="email", title="Email", required=True, kind="text", longest=None, choices=[]
)
_DIALECT = Dialect(delimiter=";", encoding="windows-1252")
_VERSION = VersionItem(
    segment="Customers", path="Customers.csv", form="CSV", files=1, size=524_288, modified=_AT
)
_EXPORT_ITEM = ExportItem(
    id=_EXPORT,
    name="Newsletter",
    connection_id=_CONNECTION,
    destination="mailchimp",
    list_id=_LIST,
    list_name="Newsletter",
    fields=_FIELDS,
    segments=["Customers"],
    created_at=_AT,
    attached_at=_AT,
    scheduled_at=_AT,
    active=True,
    idle=None,
    idle_reason=None,
    can=Can(edit=True, run=True),
    status=RunStatus.SUCCESSFUL,
    last_run=LastRun(
        id=_RUN,
        status=RunStatus.SUCCESSFUL,
        reason=None,
        warning=None,
        created_at=_AT,
        finished_at=_AT,
        resumes_at=None,
    ),
)
_LEFT_OUT = LeftOutItem(
    export_id="019a86bd84a0ffeeddccbbaa9988",
    code="detached",
    reason="The export is detached. Attach a connection to it.",
)
_MONTHLY = OwnScheduleChoice(times=[time(6, 30)], day_of_month="last", time_zone="Europe/Paris")
_RUN_ITEM = RunItem(
    id=_RUN,
    export_id=_EXPORT,
    status=RunStatus.SUCCESSFUL,
    reason=None,
    warning=None,
    trigger=TriggerKind.ON_DEMAND,
    mode=Mode.CHANGES,
    created_at=_AT,
    resumes_at=None,
    finished_at=_AT,
    ends_at=None,
    canceling=False,
    progress=Progress(
        phase=Phase.DONE,
        rows_read=1000,
        profiles=990,
        batches=2,
        batches_done=2,
        counts=Counts(accepted=985, duplicate=6, invalid=4, refused=5),
        requests=2,
        seconds=1.5,
    ),
    can=RunCan(see_rejects=True),
)

_RUN_DETAIL = RunDetail(
    **_RUN_ITEM.model_dump(exclude={"progress": {"percent"}}),
    versions=[_VERSION],
    timeline=[EventItem(at=_AT, text="Asked for on demand.")],
)

_ANSWERS: tuple[BaseModel, ...] = (
    Me(id=_PERSON.id, name=_PERSON.name, role=Role.ADMINISTRATOR, language=None),
    Health(status="ok", version=VERSION),
    KindItem(type=f"{PROBLEMS}/conflict", title="Not now", status=409),
    DestinationItem(
        name="mailchimp",
        title="Mailchimp",
        auth="oauth",
        terms_version=TERMS_VERSION,
        fields=[_EMAIL],
        options=[],
        limits=LimitsItem(
            profiles_per_batch=500,
            bytes_per_batch=4_000_000,
            concurrency=8,
            rates=[RateItem(requests=4, seconds=1, of="")],
            requests_per_day=None,
            profiles_per_export=1_000_000,
        ),
    ),
    ConnectionItem(
        id=_CONNECTION,
        destination="mailchimp",
        display_name="Newsletters",
        shared_with=SharedWith.CONTRIBUTORS,
        status=ConnectionStatus.READY,
        reason=None,
        consent=Consent(by=_PERSON, at=_AT, terms_version=TERMS_VERSION),
        account=AccountItem(id="1", name="example.com"),
        linked_secret=False,
        export_user=_PERSON,
        created_at=_AT,
    ),
    SharedConnectionItem(id=_CONNECTION, destination="mailchimp", display_name="Newsletters"),
    SignInPage(authorize_url="https://login.example.com/oauth2/authorize?client_id=1&state=…"),
    CheckResult(ok=True, reason=None, status=ConnectionStatus.READY),
    ListItem(id=_LIST, name="Newsletter"),
    _EMAIL,
    SegmentItem(
        name="Customers",
        status=SegmentStatus.READY,
        reason=None,
        columns=["EMail", "FirstName"],
        dialect=_DIALECT,
        members=1000,
        versions=3,
        newest=_VERSION,
    ),
    ReadingItem(delimiter=";", encoding="windows-1252", dates={"Born": DateOrder.DMY}),
    TrialItem(columns=["EMail", "FirstName"], rows=[["…", "Ann"]], dialect=_DIALECT),
    _DIALECT,
    Entry(
        id="8236285199999999",
        at=_AT,
        by=Actor.of(_PERSON),
        action=Action.CONNECTION_CHANGED,
        object=Object(kind=ObjectKind.CONNECTION, id=_CONNECTION, name="Newsletters"),
        before={"shared_with": "administrators"},
        after={"shared_with": "contributors"},
    ),
    _EXPORT_ITEM,
    SavedExportItem(
        **_EXPORT_ITEM.model_dump(),
        warnings=[
            WarningItem(
                pointer="/segments/0",
                detail="The segment Customers has no file now. Runs fail without.",
            )
        ],
    ),
    RunsOfAll(
        runs=[BegunRun(id=_RUN, export_id=_EXPORT, status=RunStatus.QUEUED, joined=False)],
        left_out=[_LEFT_OUT],
    ),
    SetSchedules(changed=[_EXPORT], left_out=[_LEFT_OUT]),
    _RUN_ITEM,
    _RUN_DETAIL,
    AskedRun(**dict(_RUN_DETAIL), joined=False),
    RejectItem(
        segment="Customers",
        row=52,
        address="profile50.example.com",
        outcome=Outcome.INVALID,
        code="bad_address",
        reason="This is no email address.",
        file="",
    ),
    PreviewItem(
        versions=[_VERSION],
        rows_read=1000,
        counts=Counts(unchanged=900, duplicate=6, invalid=4),
        profiles=90,
        requests=1,
        bodies=['{"members":[{"email_address":"…","merge_fields":{"FNAME":"Ann"}}]}'],
        notes=[],
        estimate=EstimateItem(seconds=2, assumptions=["Each request takes 2 seconds."]),
    ),
    RefreshSchedule(times=[time(6), time(18)], days=["monday"], time_zone="Europe/Stockholm"),
)

_REQUESTS: tuple[BaseModel, ...] = (
    MeChanges(language=Language.SWEDISH),
    NewConnection(
        destination="mailchimp", display_name="Newsletters", shared_with=SharedWith.CONTRIBUTORS
    ),
    ConnectionChanges(shared_with=SharedWith.ADMINISTRATORS),
    ConsentBody(accepted=True, terms_version=TERMS_VERSION),
    ConnectBody(host="example.api-us1.com", secret_name="segment-exports-activecampaign"),  # noqa: S106 - a name
    ExportChoices(
        name="Newsletter",
        connection_id=_CONNECTION,
        list_id=_LIST,
        fields=_FIELDS,
        segments=["Customers"],
    ),
    ReadingChoices(
        delimiter=";", encoding="windows-1252", decimal=",", dates={"Born": DateOrder.DMY}
    ),
    CopyChoices(name="Newsletter of the summer"),
    Attachment(connection_id=_CONNECTION, list_id=_LIST),
    ExportScheduleBody(follows=Follows.OWN, own=_MONTHLY),
    ManySchedules(schedule=ScheduleChoice(follows=Follows.OFF), existing=Existing.OVERRIDE),
    ExportChanges(name="Monthly newsletter", on_arrival=False),
    RunBody(mode=Mode.EVERYTHING),
    RejectSearch(outcome=Outcome.INVALID, limit=100),
    ScheduleBody(times=[time(6), time(18)], days=["monday"], time_zone="Europe/Stockholm"),
)

EXAMPLES: Mapping[str, Any] = {
    type(each).__name__: each.model_dump(mode="json") for each in _ANSWERS
} | {type(each).__name__: each.model_dump(mode="json", exclude_unset=True) for each in _REQUESTS}
"""An example of each model, by its name; of a request, only the members that somebody would give."""
