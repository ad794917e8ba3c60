"""The templates set every app setting that is read, and no other, and documents name those of the host."""

import json
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from shared.settings import Settings, StorageAccount
from tests.docs.pages import ROOT, rows, section
from tests.infra.bicep import INFRA
from tests.infra.evaluated import SETS, Evaluated

FIXED: dict[str, str] = json.loads((INFRA / "settings.json").read_text())

# In the place of a connection string, which would be a secret.
BY_ADDRESS = {"DataStorage"}
REFUSED_BY_FLEX = {
    *("FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_TIME_ZONE", "TZ"),
    *("WEBSITE_RUN_FROM_PACKAGE", "SCM_DO_BUILD_DURING_DEPLOYMENT", "AzureWebJobsStorage"),
}


def read_by(model: type[BaseSettings]) -> dict[str, Any]:
    """The default of every variable that a model reads."""
    return {
        str(field.validation_alias or name.upper()): field.get_default()
        for name, field in model.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseSettings))
    }


READ = read_by(StorageAccount) | read_by(Settings)
DOCUMENTED = {
    name.strip("`")
    for row in rows(
        section(
            (ROOT / "docs/settings.md").read_text(),
            "## The Functions host and the Azure libraries",
        )
    )
    for name in row[0].split(", ")
}


def differences(given: dict[str, str]) -> list[str]:
    """Return what is not set but should be, and what is set but neither read nor documented as the host's."""
    wanted = READ.keys() - BY_ADDRESS
    unread = given.keys() - wanted - (DOCUMENTED - BY_ADDRESS)
    return [
        *(f"{name} is not set" for name in sorted(wanted - given.keys())),
        *(f"{name} is not read" for name in sorted(unread)),
    ]


@pytest.mark.parametrize("name", SETS)
def test_every_setting_that_the_app_reads_is_set_and_no_other(
    evaluated: dict[str, Evaluated], name: str
) -> None:
    given = evaluated[name].app_settings()
    assert differences(given) == []
    assert not REFUSED_BY_FLEX & given.keys()
    assert given["PYTHON_ENABLE_OPENTELEMETRY"] == "true"
    assert "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY" not in given


def test_a_setting_too_few_or_too_many_is_found(minimal: Evaluated) -> None:
    given = minimal.app_settings()
    del given["KEY_VAULT_URL"]
    found = differences(given | {"COLOUR": "red", "DataStorage": "a connection string"})
    assert found == ["KEY_VAULT_URL is not set", "COLOUR is not read", "DataStorage is not read"]


def test_fixed_settings_are_the_defaults_of_the_code() -> None:
    for name, text in FIXED.items():
        default = READ[name]
        assert text == (str(default).lower() if isinstance(default, bool) else str(default)), name


def test_no_setting_is_set_in_two_places() -> None:
    text = (INFRA / "app.bicep").read_text()
    assert [name for name in FIXED if f"  {name}: " in text] == []


def test_secrets_are_references_to_the_vault(full: Evaluated) -> None:
    given = full.app_settings()
    secret = {name for name, default in READ.items() if isinstance(default, SecretStr)}
    assert len(secret) == 3
    for name in secret:
        assert "@Microsoft.KeyVault(SecretUri=" in given[name], name
        assert "vaultUri" in given[name], name


def test_secrets_that_are_not_wanted_are_not_referred_to(minimal: Evaluated) -> None:
    assert not [value for value in minimal.app_settings().values() if "@Microsoft" in value]
