"""How much callers may ask: so much a minute, each by themselves."""

import asyncio
import tracemalloc
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.identity import Identity
from shared.api.allowances import Allowances, TooMany, address_of
from shared.api.paths import CALLBACK
from shared.domain.run import Checkpoint, Phase
from shared.runs.send.import_callbacks import report_url
from shared.storage.paths import CHECKPOINT
from tests.api.office import Office
from tests.api.test_silence import watched
from tests.fakes.clock import FakeClock

FRONT_END = "203.0.113.7:50123"
"""What the platform's front end appends: the address that it was really called from, and the port."""

STRANGER = Identity("stranger", "stranger@example.com")


def bearer(office: Office, who: Identity, role: str = "viewer") -> dict[str, str]:
    return {"Authorization": f"Bearer {office.issuer.token(role, identity=who)}"}


async def me(office: Office, **headers: str) -> httpx.Response:
    return await office.ask("GET", "/me", role=None, headers=headers)


async def with_wrong_token(office: Office, forwarded: str = FRONT_END) -> httpx.Response:
    return await me(office, **{"Authorization": "Bearer wrong", "X-Forwarded-For": forwarded})


async def without_a_role(office: Office, forwarded: str = FRONT_END) -> httpx.Response:
    token = office.issuer.token("viewer", roles=[], identity=STRANGER)
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": forwarded}
    return await me(office, **headers)


async def come_back(office: Office, forwarded: str = FRONT_END) -> httpx.Response:
    headers = {"X-Forwarded-For": forwarded}
    return await office.http.get(CALLBACK, params={"state": "made-up"}, headers=headers)


async def report_wrongly(office: Office, forwarded: str = FRONT_END) -> httpx.Response:
    path = f"/api/v1/reports/export.run/0?token={'0' * 64}"
    return await office.http.post(path, content=b"x", headers={"X-Forwarded-For": forwarded})


async def report_shapelessly(office: Office, forwarded: str = FRONT_END) -> httpx.Response:
    path = "/api/v1/reports/run/wrong/0"
    return await office.http.post(path, content=b"x", headers={"X-Forwarded-For": forwarded})


COSTLY = [
    (with_wrong_token, 401),
    (without_a_role, 403),
    (come_back, 400),
    (report_wrongly, 404),
    (report_shapelessly, 404),
]


def is_too_many(answer: httpx.Response, seconds: int = 60) -> bool:
    """Say whether an answer is 429; if so, it must be a problem that says when to come again."""
    if answer.status_code != 429:
        return False
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/api/problems/too-many-requests"
    assert answer.headers["Retry-After"] == str(seconds)
    return True


async def test_a_caller_may_send_600_requests_a_minute(office: Office) -> None:
    mine = bearer(office, STRANGER)
    for _ in range(600):
        assert (await me(office, **mine)).status_code == 200
    office.clock.advance(12.5)
    assert is_too_many(await me(office, **mine), 48)
    assert (await office.ask("GET", "/me")).status_code == 200  # another caller

    office.clock.advance(47)
    assert is_too_many(await me(office, **mine), 1)
    office.clock.advance(1)
    assert (await me(office, **mine)).status_code == 200


async def test_whatever_a_caller_asks_for_counts(office: Office) -> None:
    office.allow(callers=3)
    for method, path in (("GET", "/none"), ("PUT", "/me"), ("POST", "/connections")):
        assert not is_too_many(await office.ask(method, path, {}))
    assert is_too_many(await office.ask("POST", "/exports", {}))


@pytest.mark.parametrize(("ask", "refused"), COSTLY)
async def test_an_address_may_send_60_anonymous_requests_a_minute(
    office: Office, ask: Callable[..., Any], refused: int
) -> None:
    for _ in range(60):
        assert (await ask(office)).status_code == refused
    assert is_too_many(await ask(office))
    assert (await ask(office, "203.0.113.8:50123")).status_code == refused
    office.clock.advance(60)
    assert (await ask(office)).status_code == refused


async def test_all_that_is_anonymous_and_costs_something_is_counted_together(
    office: Office,
) -> None:
    office.allow(addresses=len(COSTLY))
    for ask, refused in COSTLY:
        assert (await ask(office)).status_code == refused
    for ask, _ in COSTLY:
        assert is_too_many(await ask(office))


async def test_once_too_many_came_they_ask_nothing_of_storage(office: Office) -> None:
    office.allow(addresses=1)
    await report_url(office.services, "export.run")  # makes the key
    await report_url(office.services, "export.run")  # reads it
    await office.done("GET", "/me")  # has the issuer's keys fetched
    await come_back(office)
    asked: list[str] = []
    office.services = watched(office.services, asked)
    issuer = len(office.issuer.asked)
    for ask, _ in COSTLY:
        assert is_too_many(await ask(office))
    assert asked == []
    assert len(office.issuer.asked) == issuer


@pytest.mark.parametrize(
    "claimed", ["198.51.100.1", "198.51.100.1:443, 198.51.100.2", "", " ", ", ,", "é", "[::1"]
)
async def test_what_the_caller_claims_to_be_does_not_count(office: Office, claimed: str) -> None:
    office.allow(addresses=1)
    await with_wrong_token(office)
    headers = [
        (b"Authorization", b"Bearer wrong"),
        (b"X-Forwarded-For", f"{claimed}, {FRONT_END}".encode()),
    ]
    assert is_too_many(await office.http.get("/api/v1/me", headers=headers))


async def test_a_header_that_came_twice_counts_by_its_end(office: Office) -> None:
    office.allow(addresses=1)
    await with_wrong_token(office)
    headers = [
        ("Authorization", "Bearer wrong"),
        ("X-Forwarded-For", "198.51.100.1"),
        ("X-Forwarded-For", FRONT_END),
    ]
    assert is_too_many(await office.http.get("/api/v1/me", headers=headers))


@pytest.mark.parametrize(
    ("appended", "told_apart_by"),
    [
        ("203.0.113.7:50123", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.7"),
        ("[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", ""),
        ("a" * 9000, ""),
    ],
)
def test_an_address_is_told_apart_without_its_port_and_an_ipv6_one_by_its_network(
    appended: str, told_apart_by: str
) -> None:
    headers = [(b"x-forwarded-for", f"198.51.100.1, {appended}".encode())]
    assert address_of({"type": "http", "headers": headers, "client": None}) == told_apart_by


def test_without_a_front_end_the_address_is_that_of_the_connection() -> None:
    scope = {"type": "http", "headers": [], "client": ("127.0.0.1", 1)}
    assert address_of(scope) == "127.0.0.1"
    assert address_of(scope | {"client": None}) == ""


async def test_ten_people_behind_one_address_who_are_signed_in_are_never_refused_for_it(
    office: Office,
) -> None:
    office.allow(addresses=1)
    for ask, _ in COSTLY:
        await ask(office)
    people = [Identity(f"person-{number}", "one@example.com") for number in range(10)]
    for person in people:
        for _ in range(100):
            headers = bearer(office, person) | {"X-Forwarded-For": FRONT_END}
            assert (await me(office, **headers)).status_code == 200
        assert is_too_many(await with_wrong_token(office))


async def test_no_token_at_all_is_asked_for_one_however_often(office: Office) -> None:
    office.allow(addresses=1)
    for _ in range(3):
        assert (await me(office)).status_code == 401
    assert not is_too_many(await come_back(office))


async def test_what_costs_nothing_is_answered_however_often(office: Office) -> None:
    office.allow(callers=1, addresses=1)
    paths = ("/api/health", "/api/docs", "/api/openapi.json", "/api/v1/oauth/done")
    wrong = {"Authorization": "Bearer wrong", "X-Forwarded-For": FRONT_END}
    for _ in range(3):
        for path in paths:
            assert (await office.http.get(path, headers=wrong)).status_code == 200
    assert not is_too_many(await with_wrong_token(office))


async def test_a_report_with_a_right_token_is_taken_however_often(office: Office) -> None:
    office.allow(addresses=1)
    export = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{export}/run", {})
    await office.services.storage.checkpoints.insert(
        str(run["id"]), CHECKPOINT, Checkpoint(phase=Phase.SEND, batches=1, profiles=1)
    )
    address = (await report_url(office.services, str(run["id"]))).replace("{batch}", "0")
    headers = {"X-Forwarded-For": FRONT_END}
    await report_wrongly(office)
    assert is_too_many(await report_wrongly(office))
    for _ in range(20):
        answer = await office.http.post(address, content=b"x", headers=headers)
        assert answer.status_code == 204


@pytest.mark.parametrize(
    ("language", "words"), [("sv", "Vänta en minut"), ("fr", "Patientez une minute")]
)
async def test_it_is_said_in_the_readers_language(
    office: Office, language: str, words: str
) -> None:
    office.allow(callers=1, addresses=1)
    await office.done("PATCH", "/me", {"language": language})
    answer = await office.ask("GET", "/me")
    assert is_too_many(answer)
    assert words in answer.json()["detail"]

    await with_wrong_token(office)
    headers = {"Accept-Language": language, "X-Forwarded-For": FRONT_END}
    answer = await office.http.get(CALLBACK, headers=headers)
    assert is_too_many(answer)
    assert words in answer.json()["detail"]
    assert answer.headers["Content-Language"] == language


async def test_requests_that_come_at_once_are_all_counted(office: Office) -> None:
    office.allow(callers=10, addresses=10)
    mine = bearer(office, STRANGER)
    answers = await asyncio.gather(
        *(me(office, **mine) for _ in range(30)), *(with_wrong_token(office) for _ in range(30))
    )
    assert sum(is_too_many(each) for each in answers[:30]) == 20
    assert sum(is_too_many(each) for each in answers[30:]) == 20


def test_it_takes_no_more_memory_however_many_addresses_there_are() -> None:
    clock = FakeClock()
    allowances = Allowances(1, 1, clock)
    tracemalloc.start()
    try:
        for number in range(30_000):
            allowances.addresses.use(f"2001:db8:{number:x}::/64")
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 6_000_000  # of all 30,000 it would be 10 MB
    with pytest.raises(TooMany):
        allowances.addresses.use(f"2001:db8:{29_999:x}::/64")
