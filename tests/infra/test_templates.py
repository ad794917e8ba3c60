"""The compiler has nothing to say of the templates, and would have if something were wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.infra.bicep import INFRA, NONE_FOUND, ROOTS, findings


def test_the_compiler_and_its_linter_have_nothing_to_say(folder: Path) -> None:
    assert findings(folder) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("app.bicep", "    httpsOnly: true\n", "    httpOnly: true\n", "httpOnly"),
        ("storage.bicep", "publicAccess: 'None'", "publicAccess: 'Never'", "Never"),
        ("topic.bicep", "  location: location\n", "", "location"),
        ("main.bicep", "    privateNetwork: privateNetwork\n", "    privateNetwork: 'yes'\n", "'yes'"),
        ("vault.bicep", "param operatorGroupId string", "param operatorGroup string", "operatorGroup"),
        ("vault.bicep", "    enableSoftDelete: true\n", "    enableSoftDelete:   true\n", "bicep format"),
    ],
)  # fmt: skip
def test_a_fault_is_found(
    folder: Path, tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    copytree(folder, tmp_path / "infra")
    spoilt = tmp_path / "infra" / file
    assert old in spoilt.read_text()
    spoilt.write_text(spoilt.read_text().replace(old, new, 1))
    assert [line for line in findings(tmp_path / "infra") if file in line and said in line]


def lint(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name != "BICEP_REQUIRED"
    } | variables
    return subprocess.run(
        [sys.executable, "-m", "tests.infra.bicep"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_compiler_one_line_says_what_was_not_checked_and_ci_fails(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none")
    assert (lint(BICEP=nowhere).returncode, lint(BICEP=nowhere).stdout) == (0, f"{NONE_FOUND}\n")
    assert lint(BICEP=nowhere, BICEP_REQUIRED="1").returncode == 1


def test_lint_runs_the_compiler_and_ci_needs_one() -> None:
    assert "export BICEP_REQUIRED=1" in (ROOT / ".ci/run").read_text()
    assert "$(PYTHON) -m tests.infra.bicep" in (ROOT / "Makefile").read_text()


def test_the_variable_says_which_compiler(tmp_path: Path) -> None:
    mine = tmp_path / "bicep"
    mine.write_text("#!/bin/sh\necho 'Warning: mine' >&2\n")
    mine.chmod(0o755)
    done = lint(BICEP=str(mine))
    assert (done.returncode, "Warning: mine" in done.stdout) == (1, True)


def test_every_template_is_deployed() -> None:
    texts = {file.name: file.read_text() for file in INFRA.glob("*.bicep")}
    used = {name for name in texts if any(f" '{name}' =" in text for text in texts.values())}
    assert texts.keys() - used == set(ROOTS)


def test_the_parameters_that_azd_gives_are_those_of_the_main_template(main: dict[str, Any]) -> None:
    given = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    assert given.keys() == main["parameters"].keys()


def test_every_parameter_of_the_main_template_is_described(main: dict[str, Any]) -> None:
    for name, parameter in main["parameters"].items():
        assert parameter.get("metadata", {}).get("description"), name


def test_the_workflow_installs_a_pinned_compiler_before_everything() -> None:
    workflow = (ROOT / ".github/workflows/test.yml").read_text()
    assert workflow.index("az bicep install --version v") < workflow.index("- run: .ci/run")
