"""What azd runs besides Bicep: azure.yaml, and the script that subscribes the app to blob events."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.infra.bicep import INFRA, compiled
from tests.infra.evaluated import Evaluated

SCRIPT = INFRA / "subscribe.sh"
PAGE = (ROOT / "azure.yaml").read_text()

AZ = """#!/bin/sh
echo "$@" >> "$CALLS"
[ "$(wc -l < "$CALLS")" -ge "$READY_AT" ]
"""


def subscribe(folder: Path, ready_at: int) -> tuple[int, list[str], str]:
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
    assert "azd hooks run postdeploy" in said
