from typing import Any

import pytest

from tests.api.office import Office, pointers

PATH = "/refresh-schedule"
DAILY = {"times": ["06:30:00", "18:00:00"], "days": ["monday"], "time_zone": "Europe/Stockholm"}


async def test_the_refresh_is_off_until_somebody_sets_it(office: Office) -> None:
    assert (await office.done("GET", PATH))["times"] == []
    assert await office.done("PUT", PATH, DAILY) == DAILY
    assert await office.done("GET", PATH) == DAILY
    assert (await office.done("PUT", PATH, {}))["times"] == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"times": ["01:00", "02:00", "03:00", "04:00", "05:00"]}, "/times"),
        ({"times": ["25:00"]}, "/times/0"),
        ({"times": ["06:30+02:00"]}, "/times/0"),
        ({"times": ["0630"]}, "/times/0"),
        ({"times": [23400]}, "/times/0"),
        ({"days": ["someday"]}, "/days/0"),
        ({"time_zone": "Stockholm"}, "/time_zone"),
        ({"cron": "* * * * *"}, "/cron"),
    ],
    ids=str,
)
async def test_a_bad_schedule_is_refused_by_field(
    office: Office, changes: dict[str, Any], where: str
) -> None:
    assert pointers(await office.ask("PUT", PATH, DAILY | changes)) == [where]


async def test_an_outdated_etag_stops_a_change(office: Office) -> None:
    never_set = (await office.ask("GET", PATH)).headers["ETag"]
    set_once = await office.ask("PUT", PATH, DAILY, headers={"If-Match": never_set})
    stale = await office.ask("PUT", PATH, {}, headers={"If-Match": never_set})
    fresh = await office.ask("PUT", PATH, {}, headers={"If-Match": set_once.headers["ETag"]})
    old = await office.ask("PUT", PATH, DAILY, headers={"If-Match": set_once.headers["ETag"]})
    statuses = [answer.status_code for answer in (set_once, stale, fresh, old)]
    assert statuses == [200, 412, 200, 412]
