"""The rules of an export: who manages it, what runs it, and what a run of it may go on with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.connection import Connection, ConnectionStatus, SharedWith
from shared.domain.errors import Conflict
from shared.domain.export import Export, Idle
from shared.domain.message import say
from shared.domain.people import Caller, Person, Role
from shared.domain.schedule import ExportSchedule, Follows, RefreshSchedule

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AT_NOON = RefreshSchedule.model_validate({"times": ["12:00"]})


def export(**changes: Any) -> Export:
    given = {
        "id": "export",
        "name": "Newsletter",
        "connection_id": "connection",
        "destination": "mailchimp",
        "list_id": "a1",
        "list_name": "Newsletter",
        "fields": {"email": "EMail"},
        "segments": ["Customers"],
        "created_at": NOON - timedelta(days=1),
        "attached_at": NOON - timedelta(days=1),
        "scheduled_at": NOON - timedelta(days=1),
    }
    return Export.model_validate(given | changes)


def connection(**changes: Any) -> Connection:
    given = {"id": "connection", "destination": "mailchimp", "display_name": "Ours"}
    ready = {"status": ConnectionStatus.READY, "created_at": NOON}
    return Connection.model_validate(given | ready | changes)


def caller(role: Role) -> Caller:
    return Caller(Person(id="1", name="Somebody"), role)


PRIVATE = connection(shared_with=SharedWith.ADMINISTRATORS)
SHARED = connection(shared_with=SharedWith.CONTRIBUTORS)
DETACHED = export(connection_id=None)


@pytest.mark.parametrize(
    ("of", "on", "who"),
    [
        (export(), SHARED, {Role.ADMINISTRATOR, Role.CONTRIBUTOR}),
        (export(), PRIVATE, {Role.ADMINISTRATOR}),
        (export(), None, {Role.ADMINISTRATOR}),
        (DETACHED, None, {Role.ADMINISTRATOR, Role.CONTRIBUTOR}),
    ],
    ids=["shared", "private", "gone", "detached"],
)
def test_an_export_is_managed_by(of: Export, on: Connection | None, who: set[Role]) -> None:
    assert {role for role in Role if of.may_be_edited_by(caller(role), on)} == who


@pytest.mark.parametrize(
    ("of", "on", "why"),
    [
        (export(), SHARED, None),
        (export(), PRIVATE, None),
        (export(), connection(status="needs_sign_in", reason=say("Revoked.")), Idle.NEEDS_SIGN_IN),
        (export(), connection(status="draft"), Idle.DRAFT),
        (export(), None, Idle.CONNECTION_GONE),
        (DETACHED, None, Idle.DETACHED),
    ],
)
def test_an_export_is_active_on_a_connection_that_is_ready(
    of: Export, on: Connection | None, why: Idle | None
) -> None:
    assert of.why_idle(on) is why
    assert why is None or str(why.reason)


def test_a_detached_export_remembers_all_but_its_connection() -> None:
    detached = export().detached()
    assert detached == DETACHED
    with pytest.raises(Conflict, match="detached already"):
        detached.detached()


def test_what_a_run_sends_and_where_to_makes_another_target_and_nothing_else_does() -> None:
    changes: list[dict[str, Any]] = [
        {"connection_id": "other"},
        {"connection_id": None},
        {"list_id": "a2"},
        {"fields": {"email": "Mail"}},
        {"fields": {"email": "EMail", "first_name": "First"}},
        {"clear_when_empty": ["email"]},
        {"options": ["email"]},
        {"strict_fields": True},
        {"attached_at": NOON},
    ]
    targets = {export(**change).target_digest for change in changes}
    assert len(targets | {export().target_digest}) == len(changes) + 1
    same = export(name="Renamed", list_name="Renamed", segments=["Others"], on_arrival=False)
    assert same.target_digest == export().target_digest


def test_nothing_that_began_before_a_detachment_is_right_after_it() -> None:
    again = export().detached().attached(SHARED, NOON)
    assert again.connection_id == export().connection_id
    assert again.target_digest != export().target_digest


@pytest.mark.parametrize(
    ("of", "segment", "at", "runs"),
    [
        (export(), "Customers", NOON, True),
        (export(), "Others", NOON, False),
        (export(on_arrival=False), "Customers", NOON, False),
        (DETACHED, "Customers", NOON, False),
        (export(attached_at=NOON + MINUTE), "Customers", NOON, False),
        (export(attached_at=NOON + timedelta(milliseconds=900)), "Customers", NOON, True),
    ],
)
def test_a_file_runs_the_exports_that_follow_it(
    of: Export, segment: str, at: datetime, runs: bool
) -> None:
    assert of.follows_file(segment, at) is runs


OWN = {"follows": "own", "own": {"times": ["11:59"]}}


@pytest.mark.parametrize(
    ("of", "system", "due"),
    [
        (export(), AT_NOON, NOON),
        (export(), None, None),
        (export(), RefreshSchedule(), None),
        (export(schedule=OWN), AT_NOON, NOON - MINUTE),
        (export(schedule=OWN), None, NOON - MINUTE),
        (export(schedule={"follows": "off"}), AT_NOON, None),
        (export(connection_id=None), AT_NOON, None),
        (export(connection_id=None, schedule=OWN), AT_NOON, None),
        (export(scheduled_at=NOON), AT_NOON, None),
        (export(scheduled_at=NOON + timedelta(hours=1)), AT_NOON, None),
    ],
)
def test_an_export_is_due_by_the_schedule_that_it_follows(
    of: Export, system: RefreshSchedule | None, due: datetime | None
) -> None:
    assert of.last_due(system, NOON - 5 * MINUTE, NOON + MINUTE) == due


def test_another_schedule_counts_from_when_it_is_given() -> None:
    off = ExportSchedule(follows=Follows.OFF)
    assert export().scheduled(off, NOON).scheduled_at == NOON
    assert export().scheduled(ExportSchedule(), NOON) == export()
