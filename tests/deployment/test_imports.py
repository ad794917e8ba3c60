"""The host loads the app quickly: a new instance spends its time on work."""

import subprocess
import sys

import pytest

from local.processes import ROOT
from tests.bench.imports import APP

BINDINGS = "import azure.functions, azurefunctions.extensions.bindings.blob"
MOST = 20  # modules beside those of the bindings, most of them the app's own

# What only an HTTP request, a slice or telemetry needs. The Azure clients of blobs come with the type
# that the blob trigger binds.
HEAVY = {
    "fastapi",
    "starlette",
    "babel",
    "httpx",
    "pydantic",
    "msgspec",
    "pyarrow",
    "azure.data.tables",
    "azure.keyvault.secrets",
    "azure.storage.queue",
    "azure.monitor.opentelemetry",
    "opentelemetry",
    "tenacity",
    "shared.connections",
    "shared.exports",
    "shared.runs",
    "shared.services",
    "shared.triggers",
    "shared.destinations",
    "shared.api",
}


def modules(code: str) -> set[str]:
    """Return the modules that a new process holds after running some code."""
    code = f"{code}; import sys; print(*sys.modules)"
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def loaded(code: str) -> set[str]:
    """Return which of HEAVY a new process holds after running some code."""
    return HEAVY & modules(code)


# How long it takes is printed by `python -m tests.bench imports`: a neighbour may take the processor here.
def test_loading_the_app_loads_little_more_than_what_its_bindings_load() -> None:
    more = modules(APP) - modules(BINDINGS)
    assert "function_app" in more
    assert len(more) <= MOST, more


def test_loading_the_app_loads_nothing_that_only_work_needs() -> None:
    assert loaded(APP) == set()


def test_what_works_on_runs_does_without_what_answers_requests() -> None:
    assert loaded("import shared.bootstrap") & {"fastapi", "starlette"} == set()


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_what_must_not_be_loaded_exists(name: str) -> None:
    assert loaded(f"import {name}") >= {name}
