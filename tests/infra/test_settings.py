"""The templates set every app setting that is read, and no other, and documents name those of the host."""

import json
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from shared.settings import Settings, StorageAccount
from tests.docs.pages import ROOT, rows, section
from tests.infra.templates import INFRA, read

APP = read(INFRA / "app.bicep")
FIXED: dict[str, str] = json.loads((INFRA / "settings.json").read_text())
COMPUTED: dict[str, Any] = APP.tree["variables"]["settingsOfApp"]["value"]
OF_HOST: dict[str, Any] = APP.tree["variables"]["settingsOfHost"]["value"]

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


def test_every_setting_that_the_app_reads_is_set_and_no_other() -> None:
    assert FIXED.keys() | COMPUTED.keys() == READ.keys() - BY_ADDRESS
    assert not FIXED.keys() & COMPUTED.keys()


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


def test_nothing_is_set_that_flex_consumption_refuses() -> None:
    refused = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_TIME_ZONE", "TZ"}
    refused |= {"WEBSITE_RUN_FROM_PACKAGE", "SCM_DO_BUILD_DURING_DEPLOYMENT", "AzureWebJobsStorage"}
    assert not refused & (FIXED.keys() | COMPUTED.keys() | OF_HOST.keys())
