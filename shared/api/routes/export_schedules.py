"""Sets when exports run: the schedule of one, or of many at once."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared.api.dependencies import Contributor, IfMatch, TheServices, tagged
from shared.api.openapi.declared import documented
from shared.api.paths import EXPORTS
from shared.api.schemas.exports import (
    ExportItem,
    LeftOutItem,
    export_item,
    left_out_items,
)
from shared.domain.schedule import Followed
from shared.exports.schedule import set_export_schedule, set_schedules
from shared.exports.schemas import ManySchedules, ScheduleChoice
from shared.exports.views import view

router = APIRouter(prefix=EXPORTS, tags=["exports"])


class ExportScheduleBody(ScheduleChoice, frozen=True):
    """When the export is due from now on: with the system, by its own schedule, or never."""

    follows: Followed  # said, not left to a default


class SetSchedules(BaseModel):
    """Which exports have the schedule now, and which were left as they are."""

    changed: list[str]
    left_out: list[LeftOutItem]


@router.put("/schedules", operation_id="setSchedules", summary="Set many exports' schedules")
async def set_many(services: TheServices, caller: Contributor, body: ManySchedules) -> SetSchedules:
    """Give exports one schedule; those that have their own, or are off, keep it unless overridden."""
    changed, left_out = await set_schedules(services, caller, body)
    return SetSchedules(changed=changed, left_out=left_out_items(left_out))


@router.put("/{key}/schedule", operation_id="setSchedule", summary="Set an export's schedule")
@documented(etag=True)
async def set_one(
    services: TheServices,
    caller: Contributor,
    key: str,
    etag: IfMatch,
    body: ExportScheduleBody,
    response: Response,
) -> ExportItem:
    """Replace the schedule. What was due before now is not made up for."""
    stored = await set_export_schedule(services, caller, key, etag, body.as_schedule())
    tagged(response, stored.etag)
    return export_item(await view(services, caller, stored))
