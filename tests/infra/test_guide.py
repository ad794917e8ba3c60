"""docs/operations.md names what there is: parameters, outputs, secrets, defaults, days."""

import json
import re
from typing import Any

from annotated_types import Le

from shared.records.app_keys import AppKey
from shared.settings import Settings
from tests.docs.pages import ROOT, blocks, code, rows, section
from tests.infra.bicep import INFRA
from tests.infra.evaluated import Evaluated

PAGE = (ROOT / "docs/operations.md").read_text()
PARAMETERS = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
VARIABLES = {
    name: default
    for parameter in PARAMETERS.values()
    for name, _, default in [parameter["value"].strip("${}").partition("=")]
}
COMMANDS = "".join(blocks(PAGE, "sh"))


def test_every_parameter_is_in_the_table_with_its_default() -> None:
    table = {row[0].strip("`"): row[2] for row in rows(section(PAGE, "### Parameters"))}
    assert table.keys() == VARIABLES.keys()
    for name, default in VARIABLES.items():
        assert not default or table[name] == f"`{default}`", name


def test_the_defaults_that_azd_fills_in_are_those_of_the_template(main: dict[str, Any]) -> None:
    declared = main["parameters"]
    for name, parameter in PARAMETERS.items():
        _, given, default = parameter["value"].strip("${}").partition("=")
        assert not given or default == str(declared[name]["defaultValue"]).replace(
            "False", "false"
        ).replace("True", "true"), name


def test_commands_set_parameters_that_exist_and_ask_for_outputs_that_exist(
    main: dict[str, Any],
) -> None:
    pieces = "\n".join(code(PAGE))
    set_ = set(re.findall(r"azd env set (\w+)", pieces))
    asked = set(re.findall(r"azd env get-value (\w+)", pieces))
    assert set_ - {"NAME"} <= VARIABLES.keys()
    assert asked <= main["outputs"].keys()
    assert set_
    assert asked


def test_secrets_that_are_named_are_those_that_the_app_reads(full: Evaluated) -> None:
    referenced = set(re.findall(r"([\w-]+-secret)\)", " ".join(full.app_settings().values())))
    assert referenced
    rotated = section(PAGE, "## Rotate secrets")
    for name in {*referenced, *(key.value for key in AppKey)}:
        assert f"`{name}`" in rotated, name
    assert set(re.findall(r"--name ([a-z-]+)", COMMANDS)) <= referenced | {
        key.value for key in AppKey
    }


def test_how_long_things_are_kept_is_what_the_templates_say(full: Evaluated) -> None:
    policy = full.one("Microsoft.Storage/storageAccounts/managementPolicies", "stdata")
    [runs] = [
        rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterModificationGreaterThan"]
        for rule in policy["properties"]["policy"]["rules"]
        if rule["name"] == "runs"
    ]
    assert f"| age of rejects | {runs} days after their run |" in PAGE
    assert f"for up to {runs} days" in section(PAGE, "## Data protection")
    retention = Settings.model_fields["retention_days"]
    assert f"| age of runs that are over, rejects included | {retention.default} days |" in PAGE
    assert Le(runs) in retention.metadata  # else storage deletes what the app still shows
    workspace = full.one("Microsoft.OperationalInsights/workspaces")
    days = workspace["properties"]["retentionInDays"]
    assert f"| Log Analytics | {days} days |" in PAGE
    tables = full.of("Microsoft.OperationalInsights/workspaces/tables")
    assert {each["properties"]["totalRetentionInDays"] for each in tables} == {days}
    read = set(re.findall(r"\bApp(?:Traces|Metrics|[RDE]\w+s)\b", PAGE))
    assert read <= {each["name"].split("/")[-1] for each in tables}
    kept = full.one("Microsoft.KeyVault/vaults")["properties"]["softDeleteRetentionInDays"]
    assert f"| a secret | recoverable for {kept} days" in PAGE
