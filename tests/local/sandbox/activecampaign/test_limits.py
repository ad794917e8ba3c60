"""Every published limit, each counted where it is exceeded."""

from typing import Any

import httpx
import orjson
import pytest

from local.sandbox.activecampaign.state import Account, Sandbox
from tests.local.sandbox.activecampaign.conftest import Import, person
from tests.local.sandbox.conftest import HandClock

TWO = [person("ann@example.com"), person("bob@example.com")]


async def test_the_sixth_request_of_a_second_is_refused_whatever_it_is(
    api: httpx.AsyncClient, account: Account, clock: HandClock
) -> None:
    answers = [await api.get("/users/me") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    refused = await api.get("/lists")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "30"
    assert refused.headers["RateLimit-Limit"] == "5"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert account.exceeded == {"requests_per_second": 1}
    clock.time += 0.99
    assert (await api.get("/lists")).status_code == 429
    clock.time += 0.01
    assert (await api.get("/lists")).status_code == 200


async def test_a_429_may_come_without_retry_after(
    api: httpx.AsyncClient, control: httpx.AsyncClient
) -> None:
    await control.patch("/knobs", json={"retry_after": None, "requests_per_second": 1})
    assert (await api.get("/users/me")).status_code == 200
    refused = await api.get("/users/me")
    assert refused.status_code == 429
    assert "Retry-After" not in refused.headers


async def test_an_account_does_not_use_up_the_second_of_another(
    api: httpx.AsyncClient, sandbox: Sandbox
) -> None:
    for _ in range(6):
        await api.get("/users/me")
    other = sandbox.accounts[2]
    answer = await api.get(
        f"https://{other.host}/api/3/users/me", headers={"Api-Token": other.api_key}
    )
    assert answer.status_code == 200


async def imported(
    api: httpx.AsyncClient, clock: HandClock, contacts: list[Any], times: int
) -> list[httpx.Response]:
    """Several imports, a quarter of a second from each to the next."""
    answers = []
    for _ in range(times):
        clock.time += 0.25
        answers.append(await api.post("/import/bulk_import", json={"contacts": contacts}))
    return answers


async def test_the_101st_import_of_a_minute_is_refused_with_a_400(
    api: httpx.AsyncClient, account: Account, clock: HandClock
) -> None:
    answers = await imported(api, clock, TWO, 101)
    assert [answer.status_code for answer in answers] == [200] * 100 + [400]
    body = answers[-1].json()
    assert (body["success"], body["message"]) == (0, "Rate limit exceeded.")
    assert body["failureReasons"][0].startswith("Up to 100 imports may be requested per minute.")
    assert account.exceeded == {"imports_per_minute": 1}
    clock.time += 36
    assert [one.status_code for one in await imported(api, clock, TWO, 2)] == [200, 200]


async def test_the_21st_import_of_one_contact_is_refused_and_others_are_not(
    api: httpx.AsyncClient, account: Account, clock: HandClock
) -> None:
    answers = await imported(api, clock, TWO[:1], 21)
    assert [answer.status_code for answer in answers] == [200] * 20 + [400]
    assert answers[-1].json()["message"] == "Rate limit exceeded."
    assert account.exceeded == {"single_imports_per_minute": 1}
    assert [one.status_code for one in await imported(api, clock, TWO, 81)] == [200] * 80 + [400]


async def test_a_limit_lowered_without_notice_holds_at_once(
    api: httpx.AsyncClient, control: httpx.AsyncClient, clock: HandClock
) -> None:
    assert [one.status_code for one in await imported(api, clock, TWO, 3)] == [200] * 3
    await control.patch("/knobs", json={"imports_per_minute": 3})
    assert [one.status_code for one in await imported(api, clock, TWO, 1)] == [400]
    clock.time += 60
    assert [one.status_code for one in await imported(api, clock, TWO, 4)] == [200] * 3 + [400]


async def test_an_import_holds_250_contacts_at_most(send: Import, account: Account) -> None:
    people = [person(f"a{number}@example.com") for number in range(251)]
    refused = await send(*people)
    assert refused.status_code == 400
    assert account.exceeded == {"contacts_per_import": 1}
    assert (await send(*people[1:])).json()["queued_contacts"] == 250


@pytest.mark.parametrize(("size", "status"), [(399_999, 200), (400_000, 400)])
async def test_a_body_is_of_399_999_bytes_at_most(
    api: httpx.AsyncClient, account: Account, size: int, status: int
) -> None:
    content = orjson.dumps({"contacts": TWO}).ljust(size)
    answer = await api.post("/import/bulk_import", content=content)
    assert answer.status_code == status
    assert account.exceeded == ({} if status == 200 else {"bytes_per_import": 1})
