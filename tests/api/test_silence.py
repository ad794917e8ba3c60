"""What a caller may not see answers exactly as what there is not: in words, and in the work that it takes."""

from dataclasses import fields, replace
from typing import Any

import httpx
import pytest

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
    await office.http.post(f"/api/v1/reports/{run['id']}/none/0")  # makes the key
    asked: list[str] = []
    office.services = watched(office.services, asked)
    answers = []
    for key in (run["id"], f"{export}.unknown", "unknown"):
        asked.clear()
        answer = await office.http.post(f"/api/v1/reports/{key}/{'0' * 64}/0", content=b"x")
        answers.append((said(answer), list(asked)))
    assert answers[0][0][0] == 404
    assert answers[1:] == [answers[0], answers[0]]
