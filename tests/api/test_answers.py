"""What holds for every answer: problems, safe headers, limits, and silence about what was sent."""

import logging
import re
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import azure.functions as func
import httpx
import pytest

from shared.api.middleware.limits import MAX_BODY
from shared.api.problems import PROBLEM_TYPES
from shared.api.routes.about import VERSION
from shared.services import Services
from shared.storage.ports import Unavailable
from tests.api.office import Office

PLANTED = "ana.planted@example.com"


async def test_a_problem_has_a_type_that_can_be_looked_up(office: Office) -> None:
    answer = await office.ask("GET", "/exports/unknown")
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code == 404
    assert problem["detail"] == "There is no such export."
    explained = await office.http.get(problem["type"])
    assert explained.json()["title"] == problem["title"]


async def test_every_kind_of_problem_can_be_looked_up(office: Office) -> None:
    for slug, problem_type in PROBLEM_TYPES.items():
        answer = await office.http.get(f"/api/problems/{slug}")
        assert answer.json()["status"] == problem_type.status


async def test_the_id_of_a_problem_is_in_the_log(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    problem = (await office.ask("GET", "/exports/unknown")).json()
    assert problem["id"] in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("DELETE", "/me"), ("GET", "/exports/")],
)
async def test_an_unknown_path_or_method_is_a_problem_too(
    office: Office, method: str, path: str
) -> None:
    answer = await office.ask(method, path)
    assert answer.status_code in (404, 405)
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/exports/unknown", "DELETE, GET, HEAD, PATCH"), ("/exports/run-all", "POST")],
)
async def test_a_method_that_a_path_does_not_take_is_told_all_those_that_it_takes(
    office: Office, path: str, allowed: str
) -> None:
    answer = await office.ask("PUT", path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


@pytest.mark.parametrize(
    "content",
    [
        f'{{"display_name": "{PLANTED}"',
        f'"{PLANTED}"',
        f'{{"destination": "mailchimp", "display_name": ["{PLANTED}"]}}',
        f'{{"destination": "{PLANTED}", "display_name": "x"}}',
        f'{{"destination": "mailchimp", "display_name": "x", "shared_with": "{PLANTED}"}}',
        f'{{"destination": "mailchimp", "display_name": "{PLANTED}\\u0000"}}',
        '{"destination": "mailchimp", "display_name": "\\ud800"}',
        "[]",
        "",
    ],
)
async def test_bad_input_is_never_repeated(
    office: Office, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    caplog.set_level(logging.DEBUG)
    headers = {
        "Authorization": f"Bearer {office.issuer.token('administrator')}",
        "Content-Type": "application/json",
    }
    answer = await office.http.post(
        "/api/v1/connections", content=content.encode(), headers=headers
    )
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert PLANTED not in answer.text
    assert PLANTED not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/exports/unknown", {"on_arrival": 1}),
        ("PATCH", "/exports/unknown", {"on_arrival": "yes"}),
        ("POST", "/connections/unknown/consent", {"accepted": 1, "terms_version": "2026-11"}),
        ("POST", "/exports/unknown/run", {"mode": True}),
        ("PUT", "/refresh-schedule", {"times": [23400]}),
    ],
)
async def test_a_value_of_another_type_is_refused_and_not_made_to_fit(
    office: Office, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = await office.ask(method, path, body)
    assert answer.status_code == 422


async def test_bytes_that_are_no_text_are_refused_like_any_other_body(office: Office) -> None:
    headers = {
        "Authorization": f"Bearer {office.issuer.token('administrator')}",
        "Content-Type": "application/json",
    }
    answer = await office.http.post("/api/v1/connections", content=b'"\xff"', headers=headers)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/api/problems/invalid"


async def test_a_body_over_a_megabyte_is_refused_whatever_it_says_of_its_length(
    office: Office,
) -> None:
    headers = {"Authorization": f"Bearer {office.issuer.token('administrator')}"}

    async def unannounced() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b" " * (MAX_BODY // 2)

    for content in (b" " * (MAX_BODY + 1), unannounced()):
        answer = await office.http.post("/api/v1/connections", content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["type"] == "/api/problems/too-large"


async def test_a_fault_of_ours_is_a_500_that_hides_what_it_choked_on(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> Services:
        raise ValueError(PLANTED)

    office.app.state.get_services = broken
    answer = await office.ask("GET", "/exports")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["id"] in caplog.text
    assert "ValueError" in caplog.text
    assert PLANTED not in answer.text + caplog.text


async def test_storage_that_does_not_answer_is_a_503(office: Office) -> None:
    class Down:
        async def page(self, *_: object, **__: object) -> None:
            raise Unavailable("the table exports")

    storage = replace(office.services.storage, exports=Down())  # type: ignore[arg-type] # only fails
    office.services = replace(office.services, storage=storage)
    assert (await office.ask("GET", "/exports")).status_code == 503


@pytest.mark.parametrize("path", ["/api/health", "/api/v1/me", "/api/v1/oauth/callback", "/x"])
async def test_every_answer_has_safe_headers(office: Office, path: str) -> None:
    headers = (await office.http.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "max-age" in headers["Strict-Transport-Security"]


async def test_over_plain_http_nothing_is_said_of_https(office: Office) -> None:
    answer = await office.http.get("http://127.0.0.1/api/health")
    assert "Strict-Transport-Security" not in answer.headers


async def test_the_documentation_may_run_its_own_script_and_no_other(office: Office) -> None:
    answer = await office.http.get("/api/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert re.search(r"script-src 'self' 'sha256-[\w+/]{43}='", policy)
    assert answer.text.count("<script>") == 1
    assert {"default-src 'none'", "base-uri 'none'", "form-action 'none'"} <= set(
        policy.split("; ")
    )


async def test_the_documentation_loads_nothing_from_elsewhere(office: Office) -> None:
    answer = await office.http.get("/api/docs")
    policy = answer.headers["Content-Security-Policy"]
    assert "//" not in policy
    assert "//" not in answer.text  # and so neither page nor script names another host
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert loaded == ["/api/docs/swagger-ui.css", "data:,", "/api/docs/swagger-ui-bundle.js"]
    style = await office.http.get(loaded[0])
    assert style.headers["Content-Type"].startswith("text/css")
    assert b".swagger-ui" in style.content
    script = await office.http.get(loaded[2])
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert b"SwaggerUIBundle" in script.content
    assert '"validatorUrl": null' in answer.text


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION


def request(path: str, **headers: str) -> func.HttpRequest:
    return func.HttpRequest("GET", f"https://exports.test{path}", headers=headers, body=b"")


async def test_the_functions_adapter_passes_answers_and_faults_on(office: Office) -> None:
    adapter = func.AsgiMiddleware(office.app)
    assert (await adapter.handle_async(request("/api/health"))).status_code == 200

    headers = {"Authorization": f"Bearer {office.issuer.token('viewer')}"}
    office.services = None  # type: ignore[assignment] # makes the next request fail in our code
    fault = await adapter.handle_async(request("/api/v1/exports", **headers))
    assert fault.status_code == 500
    assert b"/api/problems/unexpected" in fault.get_body()


async def test_callbacks_do_not_log_what_they_were_given(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = await office.draft()
    await office.agree(key)
    state = await office.state(key)
    await office.come_back(state=state, code=office.accounts.allow())
    # The test's own client logs addresses; the product's loggers are what is looked at.
    ours = [r.getMessage() for r in caplog.records if r.name.startswith(("shared", "functions"))]
    assert state not in "".join(ours)
    assert "planted" not in "".join(ours)


async def test_vendor_words_are_escaped_on_the_pages_of_a_sign_in(office: Office) -> None:
    key = await office.draft(display_name="<script>alert(1)</script>")
    await office.agree(key)
    office.accounts.faults = [httpx.Response(418, json={"detail": "<script>alert(1)</script>"})]
    answer = await office.come_back(state=await office.state(key), code=office.accounts.allow())
    assert "<script>" not in answer.text
