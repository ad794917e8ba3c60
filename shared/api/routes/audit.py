"""Lists the audit trail: who did what."""

import re
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BeforeValidator

from shared.api.dependencies import Administrator, After, Limit, Page, TheServices, cursor
from shared.api.paths import V1
from shared.domain.audit import Entry
from shared.domain.message import say
from shared.people.audit_trail import read_trail

router = APIRouter(prefix=V1 + "/audit", tags=["audit"])

type ObjectId = Annotated[
    str | None,
    Query(
        alias="object",
        min_length=1,
        max_length=1_100,
        description="Only of this connection or export, of `refresh`, the schedule, or of "
        "`segment:<name>`, how a segment is read.",
    ),
]


def _text(given: str) -> str:
    """Let texts pass that are an instant: pydantic would take seconds since 1970, too."""
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", given):
        return given
    raise ValueError(say("This must be a date and a time such as 2026-11-24T06:30:00Z."))


type Instant = Annotated[AwareDatetime, BeforeValidator(_text)]
type From = Annotated[Instant | None, Query(alias="from", description="Not before this time.")]
type Until = Annotated[Instant | None, Query(description="Before this time.")]


@router.get("", operation_id="listAudit", summary="Who did what")
async def list_all(
    services: TheServices,
    _: Administrator,
    after: After,
    object_id: ObjectId = None,
    since: From = None,
    until: Until = None,
    limit: Limit = 50,
) -> Page[Entry]:
    """Return a page of the audit trail, the newest entries first."""
    found, onward = await read_trail(services, object_id, since, until, after, limit)
    return Page(items=found, next=cursor(onward))
