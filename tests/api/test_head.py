"""HEAD answers what GET does, without the body, and does nothing that GET would not do twice."""

import pytest

from local.identity import SigningKey
from tests.api.furnished import Furnished
from tests.api.office import Office, contract

GETS = [name.removeprefix("GET ") for name in contract().operations if name.startswith("GET ")]
CALLBACK = "/api/v1/oauth/callback"


@pytest.fixture(scope="module")
async def furnished(signing_key: SigningKey) -> Furnished:
    return await Furnished.make(signing_key)


def filled(path: str, names: dict[str, str]) -> str:
    word = path.split("/")[3] if path.count("/") > 2 else ""
    key = {"connections": "SHARED", "exports": "ON_SHARED", "runs": "RUN"}.get(word, "")
    path = path.replace("{key}", names.get(key, "")).replace("{name}", "Customers")
    path = path.replace("{slug}", "conflict")
    return f"{path}?list_id=a1" if path.endswith("/fields") else path


@pytest.mark.parametrize("path", [path for path in GETS if path != CALLBACK])
@pytest.mark.parametrize("role", ["administrator", "viewer", None])
async def test_head_is_get_without_the_body(
    furnished: Furnished, path: str, role: str | None
) -> None:
    office, url = furnished.office, filled(path, furnished.names)
    got = await office.ask("GET", url, role=role)
    head = await office.ask("HEAD", url, role=role)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert "Content-Length" not in head.headers
    left = {name: value for name, value in got.headers.items() if name != "content-length"}
    assert dict(head.headers) == left


@pytest.mark.parametrize("path", ["/api/docs", "/api/openapi.json"])
async def test_so_it_is_for_the_documentation(office: Office, path: str) -> None:
    head = await office.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == (await office.http.get(path)).headers["Content-Type"]


async def test_head_redeems_no_state_of_a_sign_in(office: Office) -> None:
    key = await office.draft()
    await office.agree(key)
    state, code = await office.state(key), office.accounts.allow()
    for _ in range(2):
        looked = await office.http.head(CALLBACK, params={"state": state, "code": code})
        assert (looked.status_code, looked.content) == (200, b"")
    assert (await office.come_back(state=state, code=code)).status_code == 303


async def test_head_is_refused_where_there_is_no_get(office: Office) -> None:
    answer = await office.ask("HEAD", "/exports/run-all/x/run")
    assert answer.status_code in (404, 405)
    there = await office.ask("DELETE", "/me")
    assert (there.status_code, there.headers["Allow"]) == (405, "GET, HEAD, PATCH")
    posted = await office.ask("HEAD", "/exports/x/run")
    assert (posted.status_code, posted.headers["Allow"]) == (405, "POST")
