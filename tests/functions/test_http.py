import json
import subprocess
import sys
from collections.abc import Iterator, Mapping

import azure.functions as func
import pytest

from functions.http import _api, blueprint, http
from shared.settings import settings


def test_one_function_takes_every_path_and_method_without_a_key() -> None:
    app_functions = blueprint._function_builders
    [function] = [builder.build() for builder in app_functions]
    trigger = function.get_trigger()
    assert trigger is not None
    binding = trigger.get_dict_repr()
    assert binding["route"] == "{*route}"
    assert binding["authLevel"].value == "anonymous"
    assert len(binding["methods"]) >= 7


def test_loading_the_trigger_loads_no_web_framework() -> None:
    code = (
        "import sys, functions.http; sys.exit('fastapi' in sys.modules or 'httpx' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own interpreter


NEEDED = ("KEY_VAULT_URL", "AUTH_ISSUER", "AUTH_AUDIENCE", "PUBLIC_BASE_URL")


@pytest.fixture
def anew() -> Iterator[None]:
    """Have the API made anew, by the settings as they are now."""
    for kept in (settings, _api):
        kept.cache_clear()
    yield
    for kept in (settings, _api):
        kept.cache_clear()


@pytest.fixture
def configured(anew: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.setenv(name, "https://exports.test")


async def answered(url: str, headers: Mapping[str, str]) -> func.HttpResponse:
    request = func.HttpRequest("GET", url, headers=headers, body=b"")
    trigger = getattr(http, "_function", http)
    answer: func.HttpResponse = await trigger.get_user_function()(request, None)
    return answer


UNREADABLE = {
    "a path that is no UTF-8": ("https://exports.test/api/v1/segments/a%FFb", {}),
    "half a pair in a path": ("https://exports.test/api/v1/segments/%ED%A0%80", {}),
    "a host that is none": ("https://[exports/api/health", {}),
    "a port that is none": ("https://exports.test/api/health", {"X-Forwarded-Port": "9" * 5_000}),
}


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(("url", "headers"), UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_the_adapter_cannot_read_is_a_problem_with_safe_headers(
    url: str, headers: dict[str, str]
) -> None:
    answer = await answered(url, headers | {"Accept-Language": "sv"})
    assert answer.status_code == 404
    problem = json.loads(answer.get_body())
    assert (problem["type"], problem["status"]) == ("/api/problems/not-found", 404)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Content-Language"] == "sv"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("configured")
async def test_what_can_be_read_comes_to_the_api() -> None:
    answer = await answered("https://exports.test/api/health", {})
    assert (answer.status_code, json.loads(answer.get_body())["status"]) == (200, "ok")


@pytest.mark.usefixtures("anew")
async def test_an_api_that_cannot_be_made_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED:
        monkeypatch.delenv(name, raising=False)
    answer = await answered("https://exports.test/api/health", {})
    assert answer.status_code == 500
    assert json.loads(answer.get_body())["type"] == "/api/problems/unexpected"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
