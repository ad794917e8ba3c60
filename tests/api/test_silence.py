"""What a caller may not see answers exactly as what there is not: in words, and in the work that it takes."""

from dataclasses import fields, replace
from typing import Any

import httpx
import pytest

from shared.runs.send.import_callbacks import report_url
from shared.services import Services
from shared.storage.ports import Storage
from tests.api.office import Office, choices


class Watched:
    """A storage port that notes what is asked of it."""

    def __init__(self, name: str, port: Any, asked: list[str]) -> None:
        self._name = name
        self._port = port
        self._asked = asked

    def __getattr__(self, method: str) -> Any:
        self._asked.append(f"{self._name}.{method}")
        return getattr(self._port, method)


def watched(services: Services, asked: list[str]) -> Services:
    """Return services whose storage notes what is asked of it, but for the linked vault."""
    storage = services.storage
    ports = {each.name: getattr(storage, each.name) for each in fields(Storage)}
    noted = {name: Watched(name, port, asked) for name, port in ports.items() if port is not None}
    return replace(services, storage=replace(storage, **noted))


def said(answer: httpx.Response) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return all of an answer but the id that finds it in the logs."""
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    body = answer.json()
    assert len(body.pop("id")) == 32
    return answer.status_code, body, headers


REQUESTS = [
    ("GET", "/connections/ID", None),
    ("GET", "/connections/ID/lists", None),
    ("GET", "/connections/ID/fields?list_id=a1", None),
    ("PATCH", "/connections/ID", {"display_name": "Mine"}),
    ("DELETE", "/connections/ID", None),
    ("POST", "/connections/ID/check", None),
    ("POST", "/exports", choices("ID")),
    ("PATCH", "/exports/EXPORT", {"connection_id": "ID"}),
]


@pytest.mark.parametrize("role", ["contributor", "viewer"])
@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
async def test_nobody_learns_that_a_connection_is_there(
    office: Office, method: str, path: str, body: Any, role: str
) -> None:
    shared = await office.ready(shared_with="contributors")
    export = await office.export(shared)
    there = {
        "private": await office.ready(),
        "draft": await office.draft(shared_with="contributors"),
    }
    there["unknown"] = there["private"][:-1] + ("0" if there["private"][-1] != "0" else "1")
    asked: list[str] = []
    office.services = watched(office.services, asked)
    answers = {}
    for name, key in there.items():
        asked.clear()
        filled = path.replace("ID", key).replace("EXPORT", export)
        given = body and {member: key if value == "ID" else value for member, value in body.items()}
        answer = await office.ask(method, filled, given, role=role)
        assert answer.status_code in (403, 404, 422), answer.text
        answers[name] = (said(answer), list(asked))
    assert answers["private"] == answers["unknown"]
    assert answers["draft"] == answers["unknown"]


async def test_a_sign_in_that_was_used_looks_like_one_that_never_was(office: Office) -> None:
    key = await office.draft()
    await office.agree(key)
    used, old = await office.state(key), await office.state(key)
    await office.come_back(state=used, error="denied")
    office.clock.advance(601)
    pages = [await office.come_back(state=each, code="c") for each in (used, old, "made-up", "")]
    assert {(page.status_code, page.text) for page in pages} == {(400, pages[0].text)}


async def test_an_address_of_reports_does_not_say_which_runs_there_are(office: Office) -> None:
    export = await office.export(await office.ready())
    run = await office.done("POST", f"/exports/{export}/run", {})
    for _ in range(2):  # makes the key, then reads it
        await report_url(office.services, run["id"])
    asked: list[str] = []
    office.services = watched(office.services, asked)
    answers = []
    for key in (run["id"], f"{export}.unknown", "unknown"):
        asked.clear()
        path = f"/api/v1/reports/{key}/0?token={'0' * 64}"
        answer = await office.http.post(path, content=b"x")
        answers.append((said(answer), list(asked)))
    assert answers[0][0][0] == 404
    assert answers[1:] == [answers[0], answers[0]]


@pytest.mark.parametrize(
    "path",
    [
        "/reports/export.run/0?token=short",
        f"/reports/export.run/0?token={'G' * 64}",
        f"/reports/export.run/0?token={'a' * 65}",
        f"/reports/no-run/0?token={'a' * 64}",
        f"/reports/export.%20/0?token={'a' * 64}",
        f"/reports/export.run/{'a' * 63}/0",
        f"/reports/{'a' * 65}.run/{'a' * 64}/0",
    ],
)
async def test_what_can_be_no_address_of_reports_costs_nothing(office: Office, path: str) -> None:
    asked: list[str] = []
    office.services = watched(office.services, asked)
    answer = await office.http.post(f"/api/v1{path}", content=b"x")
    assert answer.status_code == 404
    assert asked == []


@pytest.mark.parametrize("state", ["", "made-up", "a" * 42, "a" * 44, "é" * 43, "a" * 42 + "."])
async def test_what_can_be_no_state_of_a_sign_in_costs_nothing(office: Office, state: str) -> None:
    asked: list[str] = []
    office.services = watched(office.services, asked)
    for given in ({"code": "c"}, {"error": "denied"}, {}):
        assert (await office.come_back(state=state, **given)).status_code == 400
    assert asked == []


async def test_made_up_addresses_of_reports_cost_nothing_once_the_key_is_known(
    office: Office,
) -> None:
    await report_url(office.services, "export.run")  # makes the key
    await report_url(office.services, "export.run")  # reads it
    asked: list[str] = []
    office.services = watched(office.services, asked)
    for number in range(20):
        path = f"/api/v1/reports/export.run/0?token={number:064x}"
        assert (await office.http.post(path, content=b"x")).status_code == 404
    assert asked == []
