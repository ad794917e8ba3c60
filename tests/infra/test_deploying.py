"""What azd runs besides Bicep: azure.yaml, and the script that subscribes the app to blob events."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from function_app import app
from tests.docs.pages import ROOT
from tests.infra.bicep import INFRA, compiled
from tests.infra.evaluated import Evaluated

SCRIPT = INFRA / "subscribe.sh"
PAGE = (ROOT / "azure.yaml").read_text()

AZ = """#!/bin/sh
echo "$@" >> "$CALLS"
echo "there is no key yet" >&2
[ "$(wc -l < "$CALLS")" -ge "$READY_AT" ]
"""


CHECK = INFRA / "check.sh"
FUNCTIONS = ("arrivals", "http", "refresh", "slices", "slices_poison")
HEALTHY_AZ = """#!/bin/sh
case "$*" in
  *"function list"*) printf '%s' "$FUNCTIONS" ;;
  *"functionapp show"*) echo /subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/the-app ;;
  *configreferences*) printf '%s' "$UNRESOLVED" ;;
  *get-access-token*) printf '%s' "$TOKEN" ;;
  *) exit 2 ;;
esac
"""
CURL = """#!/bin/sh
echo "$@" > "$CALLS"
cat > "$GIVEN"
printf '%s' "$STATUS"
"""


def check(folder: Path, **answers: str) -> tuple[int, str]:
    """Run the look after a deployment with what Azure and the app answer."""
    for name, text in (("az", HEALTHY_AZ), ("curl", CURL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    environment = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "GIVEN": str(folder / "given"),
        "AZURE_SUBSCRIPTION_ID": "s",
        "AZURE_RESOURCE_GROUP": "g",
        "APP_NAME": "the-app",
        "AUTH_AUDIENCE": "the-audience",
        "API_URL": "https://the-app.test",
        "FUNCTIONS": "\n".join(f"the-app/{name}" for name in FUNCTIONS),
        "UNRESOLVED": "",
        "TOKEN": "planted-token",
        "STATUS": "200",
        **answers,
    }
    done = subprocess.run(  # noqa: S603 - the project's own script
        [CHECK], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_the_look_after_a_deployment_passes_where_everything_works(tmp_path: Path) -> None:
    assert check(tmp_path) == (0, "Everything that was looked at works.\n")
    assert "https://the-app.test/api/v1/exports" in (tmp_path / "calls").read_text()
    assert "planted-token" in (tmp_path / "given").read_text()
    assert (
        "planted-token" not in (tmp_path / "calls").read_text()
    )  # which others on the machine see


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"FUNCTIONS": "the-app/http\nthe-app/refresh"}, "The function arrivals is missing"),
        ({"FUNCTIONS": "the-app/slices_poison"}, "The function slices is missing"),
        ({"UNRESOLVED": "WEBHOOK_SECRET"}, "are not found: WEBHOOK_SECRET."),
        ({"TOKEN": ""}, "give whoever deploys the role viewer"),
        ({"STATUS": "403"}, "answered 403: give whoever deploys the role viewer"),
        ({"STATUS": "503"}, "answered 503 when it was asked for exports"),
        ({"STATUS": "000"}, "answered 000"),
    ],
)
def test_the_look_after_a_deployment_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, answers: dict[str, str], said: str
) -> None:
    code, text = check(tmp_path, **answers)
    assert code == 1
    assert said in text
    assert "planted-token" not in text


def test_the_look_asks_for_every_function_that_there_is() -> None:
    assert sorted(str(each.get_function_name()) for each in app.get_functions()) == sorted(
        FUNCTIONS
    )
    assert f"for name in {' '.join(FUNCTIONS)}; do" in CHECK.read_text()


def test_the_app_is_packed_with_what_it_needs_and_built_nowhere_else() -> None:
    assert "    remoteBuild: false\n" in PAGE
    hook = r"^      prepackage:\n        shell: sh\n        run: infra/package.sh$"
    assert re.search(hook, PAGE, re.MULTILINE)


def subscribe(folder: Path, ready_at: int, **more: str) -> tuple[int, list[str], str]:
    """Run the script with an Azure CLI that succeeds at the given call."""
    calls = folder / "calls"
    calls.touch()
    az = folder / "az"
    az.write_text(AZ)
    az.chmod(0o755)
    environment = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(calls),
        "READY_AT": str(ready_at),
        "SUBSCRIBE_PAUSE": "0",
        "AZURE_SUBSCRIPTION_ID": "the-subscription",
        "AZURE_RESOURCE_GROUP": "the-group",
        "APP_NAME": "the-app",
        "TOPIC_NAME": "the-topic",
        "DATA_STORAGE_NAME": "the-account",
        "API_URL": "https://the-app.test",
        "APP_HOST": "the-app.test",
        **more,
    }
    done = subprocess.run(  # noqa: S603 - the project's own script
        [SCRIPT], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    return done.returncode, calls.read_text().splitlines(), done.stdout + done.stderr


def test_azd_deploys_the_app_that_the_templates_create(minimal: Evaluated) -> None:
    [service] = re.findall(r"^services:\n  (\w+):$", PAGE, re.MULTILINE)
    assert minimal.one("Microsoft.Web/sites")["tags"]["azd-service-name"] == service


def test_azd_runs_the_script_after_deploying_code() -> None:
    assert re.search(
        r"^  postdeploy:\n    shell: sh\n    run: infra/subscribe.sh$", PAGE, re.MULTILINE
    )
    assert os.access(SCRIPT, os.X_OK)


def test_the_script_uses_what_azd_knows_by_then(main: dict[str, Any]) -> None:
    """Azd hands the outputs of the main template and its own variables to hooks."""
    used = set(re.findall(r"\$([A-Z_]+)", SCRIPT.read_text()))
    assert used <= main["outputs"].keys() | {"AZURE_SUBSCRIPTION_ID"}


def test_the_script_gives_the_template_its_parameters(folder: Path) -> None:
    given = set(re.findall(r"\b(\w+)=\"\$", SCRIPT.read_text()))
    assert given == compiled(folder, "events.bicep")["parameters"].keys()


@pytest.mark.parametrize("ready_at", [1, 3, 10])
def test_the_app_is_subscribed_as_soon_as_it_is_ready(tmp_path: Path, ready_at: int) -> None:
    code, calls, said = subscribe(tmp_path, ready_at)
    assert code == 0
    assert len(calls) == ready_at
    assert "--template-file events.bicep" in calls[0]
    assert "--resource-group the-group" in calls[0]
    assert "appName=the-app topicName=the-topic accountName=the-account" in calls[0]
    assert "Subscribed to files that land in the container segments." in said


def test_an_app_that_is_never_ready_fails_the_deployment_and_says_what_to_do(
    tmp_path: Path,
) -> None:
    code, calls, said = subscribe(tmp_path, 11)
    assert code == 1
    assert len(calls) == 10
    assert "The last try ended with: there is no key yet" in said
    assert "azd hooks run postdeploy" in said


def test_an_address_that_is_not_the_apps_own_is_told(tmp_path: Path) -> None:
    _, _, said = subscribe(tmp_path, 1, APP_HOST="the-app-x1.test")
    assert "set PUBLIC_BASE_URL to https://the-app-x1.test" in said
    (tmp_path / "calls").unlink()
    _, _, said = subscribe(
        tmp_path, 1, APP_HOST="the-app-x1.test", PUBLIC_BASE_URL="https://a.test"
    )
    assert "PUBLIC_BASE_URL" not in said
