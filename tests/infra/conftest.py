"""The templates, compiled and evaluated once for all tests here that ask."""

from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import NONE_FOUND, compiled, compiler, copied, snapshot
from tests.infra.evaluated import SETS, Evaluated


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the templates that can be compiled."""
    if compiler() is None:
        pytest.skip(NONE_FOUND)
    return copied(tmp_path_factory.mktemp("bicep"))


@pytest.fixture(scope="session")
def main(folder: Path) -> dict[str, Any]:
    """The main template as Azure Resource Manager gets it."""
    return compiled(folder, "main.bicep")


@pytest.fixture(scope="session")
def evaluated(folder: Path) -> dict[str, Evaluated]:
    """What the main template comes to, by the name of the set of parameters."""
    snapshots = {name: snapshot(folder, "main.bicep", given) for name, given in SETS.items()}
    return {
        name: Evaluated(of["predictedResources"], of["diagnostics"], of.get("outputs", {}))
        for name, of in snapshots.items()
    }


@pytest.fixture(scope="session")
def minimal(evaluated: dict[str, Evaluated]) -> Evaluated:
    """What comes of the required parameters alone."""
    return evaluated["minimal"]


@pytest.fixture(scope="session")
def full(evaluated: dict[str, Evaluated]) -> Evaluated:
    """What comes of everything turned on."""
    return evaluated["full"]


@pytest.fixture(scope="session")
def events(folder: Path) -> dict[str, Any]:
    """The subscription to blob events."""
    given = {"appName": "func-x", "topicName": "evgt-x", "accountName": "stdatax"}
    [subscription] = snapshot(folder, "events.bicep", given)["predictedResources"]
    properties: dict[str, Any] = subscription["properties"]
    return properties
