"""Sets the refresh schedule of the system: when every export that follows it runs."""

from fastapi import APIRouter, Response

from shared.api.dependencies import Administrator, IfMatch, TheServices, tagged
from shared.api.openapi.declared import documented
from shared.api.paths import V1
from shared.domain.schedule import RefreshSchedule
from shared.schedules.refresh_schedule import read_schedule, set_schedule

router = APIRouter(prefix=V1 + "/refresh-schedule", tags=["refresh schedule"])


class ScheduleBody(RefreshSchedule, extra="forbid", strict=True):
    """The schedule to keep from now on; without times it is off."""


@router.get("", operation_id="getRefreshSchedule", summary="When exports are refreshed")
@documented(etag=True)
async def get(services: TheServices, _: Administrator, response: Response) -> RefreshSchedule:
    """Return the schedule; it is off until somebody sets times."""
    stored = await read_schedule(services)
    tagged(response, stored.etag)
    return stored.value


@router.put("", operation_id="setRefreshSchedule", summary="Set when exports are refreshed")
@documented(etag=True)
async def replace(
    services: TheServices,
    caller: Administrator,
    body: ScheduleBody,
    etag: IfMatch,
    response: Response,
) -> RefreshSchedule:
    """Replace the schedule."""
    stored = await set_schedule(services, caller.person, etag, RefreshSchedule(**body.model_dump()))
    tagged(response, stored.etag)
    return stored.value
