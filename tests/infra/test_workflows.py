"""The workflows are what GitHub takes, pinned, and without stored passwords; the checkers do find faults."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.infra.bicep import INFRA

WORKFLOWS = {file.name: file.read_text() for file in (ROOT / ".github/workflows").glob("*.yml")}
TOOLS = Path(sys.executable).parent
SOUND = """name: x
on: push
permissions: {}
concurrency:
  group: x
  cancel-in-progress: true
jobs:
  x:
    name: x
    runs-on: ubuntu-24.04
    steps:
      - run: "true"
"""


def passes(*command: str | Path) -> bool:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - tools of ours
    return done.returncode == 0


def fits_the_schema(file: Path) -> bool:
    schema = ("--builtin-schema", "vendor.github-workflows")
    return passes(TOOLS / "check-jsonschema", *schema, file)


def is_safe(file: Path) -> bool:
    return passes(TOOLS / "zizmor", "--offline", "--quiet", file)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is(name: str) -> None:
    for used in re.findall(r"uses: (.*)", WORKFLOWS[name]):
        assert re.fullmatch(
            r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v[\d.]+|\./\.github/workflows/\w+\.yml.*", used
        )


def test_commits_are_tested_by_the_script_that_everybody_runs() -> None:
    assert "- run: .ci/run" in WORKFLOWS["test.yml"]
    assert "uses: ./.github/workflows/test.yml" in WORKFLOWS["deploy.yml"]


def test_no_password_is_stored() -> None:
    named = {name: set(re.findall(r"secrets\.(\w+)", text)) for name, text in WORKFLOWS.items()}
    secret = {"azure.yml": {"ALERT_WEBHOOK"}, "deploy.yml": {"ALERT_WEBHOOK"}}
    assert named == {**secret, "security.yml": set(), "test.yml": set()}
    assert "--federated-credential-provider github" in WORKFLOWS["azure.yml"]


def test_weaknesses_and_secrets_are_looked_for() -> None:
    security = WORKFLOWS["security.yml"]
    for search in ("actions/dependency-review-action@", "run: make audit", "gitleaks@sha256:"):
        assert search in security
    assert re.search(r"^    - cron: ", security, re.MULTILINE)


def test_only_a_deployment_can_prove_to_entra_id_what_it_is() -> None:
    may = {name for name, text in WORKFLOWS.items() if "id-token: write" in text}
    assert may == {"azure.yml", "deploy.yml"}  # which hands it on


def test_what_would_change_is_shown_before_somebody_approves() -> None:
    deploy = WORKFLOWS["deploy.yml"]
    assert deploy.index("  preview:\n") < deploy.index("    needs: preview\n")
    assert "environment: ${{ inputs.environment }}-preview" in deploy
    assert "run: azd provision --preview --no-prompt" in WORKFLOWS["azure.yml"]


def test_two_deployments_of_one_branch_do_not_end_each_others_tests() -> None:
    assert "github.run_id || github.ref" in WORKFLOWS["test.yml"]
    assert "cancel-in-progress: ${{ github.event_name == 'pull_request' }}" in WORKFLOWS["test.yml"]


def test_after_a_deployment_somebody_looks_whether_it_works() -> None:
    assert WORKFLOWS["azure.yml"].rstrip().endswith("infra/check.sh")


def test_a_deployment_hands_on_every_parameter_with_its_default() -> None:
    parameters = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    for parameter in parameters.values():
        name, _, default = parameter["value"].strip("${}").partition("=")
        [line] = re.findall(rf"^      {name}: (.*)$", WORKFLOWS["azure.yml"], re.MULTILINE)
        assert not default or f"|| '{default}'" in line, name


def test_a_sound_workflow_passes(tmp_path: Path) -> None:
    file = tmp_path / "x.yml"
    file.write_text(SOUND)
    assert fits_the_schema(file)
    assert is_safe(file)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("runs-on:", "run-on:"),
        ("permissions: {}", "permissions: everything"),
        ("on: push", "on: pushed"),
    ],
)
def test_a_workflow_that_github_would_refuse_is_found(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "x.yml"
    file.write_text(SOUND.replace(old, new))
    assert not fits_the_schema(file)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("on: push", "on: pull_request_target"),
        ('run: "true"', "uses: somebody/something@v1"),
        ('run: "true"', "run: echo ${{ github.event.head_commit.message }}"),
    ],
)
def test_an_unsafe_workflow_is_found(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "x.yml"
    file.write_text(SOUND.replace(old, new))
    assert not is_safe(file)
