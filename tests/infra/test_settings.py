"""The templates set every app setting that is read, and no other, and documents name those of the host."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from shared.settings import Settings, StorageAccount
from tests.docs.pages import ROOT, rows, section
from tests.infra.templates import INFRA, Template, read

APP = read(INFRA / "app.bicep")
FIXED: dict[str, str] = json.loads((INFRA / "settings.json").read_text())

# In the place of a connection string, which would be a secret.
BY_ADDRESS = {"DataStorage"}


def read_by(model: type[BaseSettings]) -> dict[str, Any]:
    """The default of every variable that a model reads."""
    return {
        str(field.validation_alias or name.upper()): field.get_default()
        for name, field in model.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings))
    }


READ = read_by(StorageAccount) | read_by(Settings)


def variable(app: Template, name: str) -> dict[str, Any]:
    value: dict[str, Any] = app.tree["variables"][name]["value"]
    return value


COMPUTED = variable(APP, "settingsOfApp")
OF_HOST = variable(APP, "settingsOfHost")


def differences(app: Template, fixed: Mapping[str, str]) -> list[str]:
    """Return what the templates do not set but should, and what they set but nothing reads."""
    computed = variable(app, "settingsOfApp").keys()
    lacking = READ.keys() - BY_ADDRESS - computed - fixed.keys()
    unread = (computed | fixed.keys()) - (READ.keys() - BY_ADDRESS)
    return [
        *(f"{name} is not set" for name in sorted(lacking)),
        *(f"{name} is not read" for name in sorted(unread)),
        *(f"{name} is set twice" for name in sorted(computed & fixed.keys())),
    ]


def test_every_setting_that_the_app_reads_is_set_and_no_other() -> None:
    assert differences(APP, FIXED) == []


VAULT = "  KEY_VAULT_URL: vaultUrl\n"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("", "KEY_VAULT_URL is not set"),
        (VAULT + "  COLOUR: 'red'\n", "COLOUR is not read"),
        (VAULT + "  DataStorage: 'a connection string'\n", "DataStorage is not read"),
        (VAULT + "  SLICE_SECONDS: '1'\n", "SLICE_SECONDS is set twice"),
    ],
)
def test_a_setting_too_few_or_too_many_is_found(lines: str, found: str) -> None:
    assert APP.text.count(VAULT) == 1
    assert differences(replace(APP, text=APP.text.replace(VAULT, lines)), FIXED) == [found]


def test_the_app_gets_these_settings_and_those_of_the_host_and_no_other() -> None:
    properties = APP.resources["settings"]["properties"]["function"]
    assert properties["type"] == "union"
    assert [str(part) for part in properties["parameters"].values()][1:] == [
        "settingsOfApp",
        "settingsOfHost",
    ]
    assert "loadJsonContent('settings.json')" in APP.text
    assert not OF_HOST.keys() & READ.keys()


def test_fixed_settings_are_the_defaults_of_the_code() -> None:
    for name, text in FIXED.items():
        default = READ[name]
        assert text == (str(default).lower() if isinstance(default, bool) else str(default)), name


def test_secrets_are_references_to_the_vault() -> None:
    secret = {name for name, default in READ.items() if isinstance(default, SecretStr)}
    assert len(secret) == 2
    for name in secret:
        value = json.dumps(COMPUTED[name])
        assert "@Microsoft.KeyVault(SecretUri=${vaultUrl}secrets/" in value, name


def test_settings_of_the_host_are_documented() -> None:
    page = (ROOT / "docs/settings.md").read_text()
    table = rows(section(page, "## The Functions host and the Azure libraries"))
    named = {name.strip("`") for row in table for name in row[0].split(", ")}
    assert OF_HOST.keys() - named == set()


def test_the_worker_leaves_it_to_the_app_to_set_telemetry_up() -> None:
    assert OF_HOST["PYTHON_ENABLE_OPENTELEMETRY"] == "true"
    assert "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY" not in OF_HOST


def test_nothing_is_set_that_flex_consumption_refuses() -> None:
    refused = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_TIME_ZONE", "TZ"}
    refused |= {"WEBSITE_RUN_FROM_PACKAGE", "SCM_DO_BUILD_DURING_DEPLOYMENT", "AzureWebJobsStorage"}
    assert not refused & (FIXED.keys() | COMPUTED.keys() | OF_HOST.keys())
